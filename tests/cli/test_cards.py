"""``allpoints cards``, as it is typed; and the pages that it writes, as they stand in the documents."""

import json
from pathlib import Path

import pytest

from engine import CancelOrder, Engine, ReportAlert
from engine.cli.cards.table import FILES, page
from engine.cli.cards.wording import Wording
from engine.cli.main import main
from engine.core.city_folder import load_city
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.journal.record import open_record
from tests.support.cities import NOW, SetClock, alert, unit
from tests.support.folders import grid_folder

DOCUMENTS = Path(__file__).parent.parent.parent / "docs"
COUNTY_SET = RunCards.load(COUNTY)


@pytest.mark.parametrize("language", FILES)
def test_the_documents_hold_the_county_s_cards_as_they_are(language):
    written = (DOCUMENTS / FILES[language]).read_text("utf-8")
    assert written == page(COUNTY_SET, language), "run allpoints cards table"


def test_table_writes_both_pages_of_any_cards(tmp_path, capsys):
    cards = tmp_path / "few.toml"
    cards.write_text(
        '[capabilities]\na = { en = "A" }\n[[cards]]\nid = "x"\nlevel = 2\nforce = [{ capability = "a" }]\n'
    )
    assert main(["cards", "table", "--cards", str(cards), "--out", str(tmp_path / "pages")]) == 0
    printed = capsys.readouterr().out
    for name in FILES.values():
        assert "`x`" in (tmp_path / "pages" / name).read_text("utf-8")
        assert name in printed


def test_every_card_has_its_own_table_with_four_levels():
    text = page(COUNTY_SET, "en")
    for card in COUNTY_SET.cards.values():
        chapter = text.split(f" · `{card.id}`\n", 1)[1].split("\n#", 1)[0]
        rows = [line.split("|")[1].strip() for line in chapter.splitlines() if line.startswith("|")][2:]
        assert rows == [f"**{level}** ★" if level == card.level else str(level) for level in (1, 2, 3, 4)], card.id


def test_show_prints_the_tree_and_a_whole_card_in_both_languages(capsys):
    assert main(["cards", "show"]) == 0
    printed = capsys.readouterr().out
    assert "1        Robbery  robbery" in printed
    assert all(name in printed for name in (*COUNTY_SET.cards, *COUNTY_SET.families))
    assert main(["cards", "show", "domestic_violence"]) == 0
    printed = capsys.readouterr().out
    assert "under public_order → happening" in printed
    assert "Is it safe to talk now?" in printed
    assert "2 × street patrol (4, 2 sworn)" in printed
    assert "close: station duty leader; after 30 min commander of the shift" in printed
    assert main(["cards", "show", "domestic_violence", "--lang", "zh"]) == 0
    assert "街面巡逻组 × 2(4 人、民警 2 人)" in capsys.readouterr().out


def test_a_card_that_is_not_there_is_named_with_those_that_are(capsys):
    assert main(["cards", "show", "robery"]) == 2
    assert "'robery' is not taken" in capsys.readouterr().err


def test_check_says_what_can_be_used_and_what_is_worth_knowing(tmp_path, capsys):
    assert main(["cards", "check", str(COUNTY)]) == 0
    assert "46 run cards in 14 families, 17 capabilities; all of it can be used\nNothing" in capsys.readouterr().out
    folder = grid_folder(tmp_path / "city", tokens=False)
    cards = folder / "run_cards.toml"
    cards.write_text(cards.read_text("utf-8").replace(', en = "Robbery"', ""), "utf-8")
    assert main(["cards", "check", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "- card robbery: name: no text in en" in printed
    assert "- capability swat: no unit has it; sent by" in printed
    assert "capability patrol: no unit" not in printed


def test_check_names_file_line_and_card_of_all_that_is_wrong(tmp_path, capsys):
    folder = grid_folder(tmp_path / "city", tokens=False)
    cards = folder / "run_cards.toml"
    text = cards.read_text("utf-8").replace('parent = "violent_crime"', 'parent = "violent"', 1)
    text = text.replace("accept_s = 15", "accept_s = 0", 1)
    cards.write_text(text, "utf-8")
    (folder / "calendar.toml").write_text('week = ["Monday"]\n')
    assert main(["cards", "check", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "card officer_in_danger: parent: 'violent' is not taken; a card or family of this file" in said
    assert "card officer_in_danger: clocks.accept_s: 0 is not taken; a whole number, 1 to" in said
    assert "calendar.toml:1: week[1]: 'Monday' is not taken" in said
    lines = text.splitlines()
    for line in (line for line in said.splitlines() if "run_cards.toml:" in line):
        number = int(line.split("run_cards.toml:")[1].split(":")[0])
        assert "violent" in lines[number - 1] or "accept_s" in lines[number - 1]


def test_a_period_that_the_calendar_does_not_have_is_refused(tmp_path, capsys):
    folder = grid_folder(tmp_path / "city", tokens=False)
    cards = folder / "run_cards.toml"
    during = 'id = "noise"\nduring = { market = [{ capability = "patrol" }] }'
    cards.write_text(cards.read_text("utf-8").replace('id = "noise"', during), "utf-8")
    assert main(["cards", "check", str(folder)]) == 2
    assert "during: 'market' is not taken; a period of calendar.toml: day, night" in capsys.readouterr().err
    with (folder / "calendar.toml").open("a", encoding="utf-8") as calendar:
        calendar.write('[[periods]]\nname = "market"\ncounts_as = "night"\ndays = [6]\nfrom = "19:00"\nto = "23:00"\n')
    assert main(["cards", "check", str(folder)]) == 0


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (45, "45 s", "45 秒"),
        (60, "1 min", "1 分钟"),
        (90, "90 s", "90 秒"),
        (7200, "2 h", "2 小时"),
        (604800, "7 d", "7 天"),
        ({"town": 300, "village": 7200}, "5 / 120 min", "5 / 120 分钟"),
        ({"town": 90, "village": 120}, "90 / 120 s", "90 / 120 秒"),
    ],
)
def test_spans_are_spelt_in_their_largest_whole_unit(seconds, en, zh):
    assert [Wording(COUNTY_SET, language).span(seconds) for language in ("en", "zh")] == [en, zh]


@pytest.fixture
def served(tmp_path):
    """A city's folder with a record of two fights and a call, a week and a half apart."""
    units = [unit("P1", 1, 1), unit("P2", 4, 3), unit("B1", 3, 3, "beat"), unit("W1", 0, 0, "swat")]
    folder = grid_folder(tmp_path / "city", tokens=False, units=units)
    (folder / "record").mkdir()
    journal, vault = open_record(folder / "record", create=True)
    clock = SetClock()
    engine = Engine(load_city(folder), journal=journal, clock=clock)
    for number, (days, kind) in enumerate(((0, "fight"), (10, "fight"), (10, "silent_or_dropped_call"))):
        clock.time = NOW + days * 86_400_000
        engine.submit(ReportAlert(actor="x", alert=alert(number, 1.2, 1, kind, at=clock.time)))
        for order in list(engine.state.orders.values()):
            engine.submit(CancelOrder(actor="x", order=order.id, reason="over", drop=True))
    journal.close()
    vault.close()
    return folder


def test_try_shows_what_would_be_different_and_counts_it_by_card(served, tmp_path, capsys):
    text = (served / "run_cards.toml").read_text("utf-8")
    assert main(["cards", "try", str(served), "--cards", str(served)]) == 0
    assert "0 of 2 incidents since 2027-01-18 16:00" in capsys.readouterr().out
    begins = text.index('id = "fight"')
    text = text[:begins] + text[begins:].replace("beat", "swat", 1)
    changed = tmp_path / "changed.toml"
    changed.write_text(text.replace('send = "dispatcher"', 'send = "commander"'), "utf-8")
    before = {path: path.read_bytes() for path in served.glob("*.*")}
    assert main(["cards", "try", str(served), "--cards", str(changed), "--since", "2027-01-01"]) == 0
    printed = capsys.readouterr().out
    assert "3 of 3 incidents since 2027-01-01 00:00 would be handled differently" in printed
    assert "force: 1 × street patrol + 1 × beat officer → 1 × street patrol + 1 × armed response" in printed
    assert "would go as well: W1 (armed response, about" in printed
    assert "would not go: B1 (beat officer," in printed
    assert "leave: dispatcher → commander of the shift" in printed
    assert "What is not known" in printed
    assert main(["cards", "try", str(served), "--cards", str(changed), "--lang", "zh"]) == 0
    assert "打架斗殴 fight" in capsys.readouterr().out
    assert main(["cards", "try", str(served), "--cards", str(changed), "--json"]) == 0
    assert [one["verdict"] for one in json.loads(capsys.readouterr().out)] == ["changed", "changed"]
    assert {path: path.read_bytes() for path in served.glob("*.*")} == before


def test_try_needs_a_record_and_an_instant(served, tmp_path, capsys):
    assert main(["cards", "try", str(tmp_path), "--cards", str(served)]) == 2
    assert "a city's folder that has been served" in capsys.readouterr().err
    assert main(["cards", "try", str(served), "--cards", str(served), "--since", "last week"]) == 2
    assert "--since: 'last week' is not taken" in capsys.readouterr().err
