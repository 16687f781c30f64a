"""What is wrong with a calendar is said by file, line and key, all of it at once."""

import pytest

from engine.dispatch.calendar_file import CalendarError
from tests.dispatch.test_calendar import CHINA, rules


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 2", "calendar.toml:2: schema: 2 is not taken; this program reads schema 1"),
        ('days = "working"', 'days = "weekdays"', "calendar.toml:5: periods[1].days: 'weekdays' is not taken; one of"),
        ('from = "08:30"', 'from = "8:30"', "calendar.toml:6: periods[1].from: '8:30' is not taken; a time such as"),
        ('to = "18:00"', 'to = "24:30"', "calendar.toml:7: periods[1].to: '24:30' is not taken"),
        ('to = "18:00"', 'til = "18:00"', "calendar.toml:7: periods[1].til: 'til' is not taken; unknown key; known:"),
        ('counts_as = "night"\n', "", "periods[2].counts_as: None is not taken; day or night"),
        ("days = [5, 6]", "days = [5, 8]", "calendar.toml:11: periods[2].days[2]: 8 is not taken; a whole number, 1"),
        ('name = "late"', 'name = "Late"', "calendar.toml:9: periods[2].name: 'Late' is not taken; 1 to 64"),
        ('name = "late"', 'name = "night"', "calendar.toml:9: periods[2].name: 'night' is not taken; another name"),
        ("to = 2026-10-07", "to = 2026-09-07", "holidays[1].to: datetime.date(2026, 9, 7) is not taken; not before"),
        ("to = 2026-10-07", 'to = "10-07"', "both with a year"),
        ("to = 2026-10-07", "", "holidays[1]: 'from' is not taken; a date, or from and to"),
        ('date = "01-01"', 'date = "02-30"', "holidays[2].date: '02-30' is not taken; a date such as"),
        ("date = 2026-10-10", "date = 2026-10-05", "'2026-10-05' is not taken; a day that is not a holiday; it is Nat"),
        ("date = 2026-10-10", "date = 2026-10-12", "a day that is not worked anyway"),
        ('en = "New Year"', 'fr = "Nouvel An"', "holidays[2].name.fr: 'fr' is not taken; unknown key; known: zh, en"),
        ("[[periods]]", "[[period]]", "period: 'period' is not taken; unknown key"),
        ("schema = 1", "schema = ", "calendar.toml:2: not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, old, new, said):
    with pytest.raises(CalendarError) as wrong:
        rules(tmp_path, CHINA.replace(old, new, 1))
    assert said in str(wrong.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    with pytest.raises(CalendarError) as wrong:
        rules(tmp_path, CHINA.replace("08:30", "8:30").replace("[5, 6]", "[0]").replace("2026-10-10", "2026-10-05"))
    assert [fault.line for fault in wrong.value.faults] == [6, 11, 21]
