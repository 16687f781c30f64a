"""``allpoints explain`` of a real server and of a record: the same table, aligned, in both languages."""

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine import Engine, ReportAlert
from engine.cli.explain import Explained, _print
from engine.cli.main import BAD_INPUT, FAILED, main
from engine.core.city_folder import RECORD, load_city
from engine.dispatch.policies import Policies
from engine.journal.record import open_record
from engine.model.commands import ChooseUnit
from engine.model.recommendation import Candidate, Recommendation
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, place, unit
from tests.support.folders import credentials_of, grid_folder
from tests.support.lookouts import Room
from tests.support.searches import SearchRoom
from tests.support.serving import Served, served

AT = "{},{}".format(*place(1, 1))
UNITS = [
    unit("巡逻一组", 4, 3, turnout_ms=30_000),
    unit("P2", 5, 3, turnout_ms=30_000),
    unit("刑侦-3", 2, 1, "detective"),
    unit("P4", 1, 2, on_duty=False),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_folder(tmp_path_factory.mktemp("city"), units=UNITS)


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, list[str]]:
    """Return what was printed by language, of the server by folder and by address, and of the record afterwards."""
    said: dict[str, list[str]] = {"zh": [], "en": [], "json": []}
    with served(folder) as running:
        assert run_alert(running) == 0
        for target in (str(folder), running.http):
            collect(said, target, credentials_of(folder)["desk"] if target == running.http else "")
        assert running.terminate() == 0
    collect(said, str(folder), "")
    return said


def run_alert(server: Served) -> int:
    return main(["alert", str(server.folder), "--type", "drunk_person", "--at", AT, "--ref", "1"])


def collect(said: dict[str, list[str]], target: str, token: str) -> None:
    import contextlib
    import io

    more = ["--credential", token] if token else []
    for name, options in (("zh", ["--lang", "zh"]), ("en", []), ("json", ["--json"])):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main(["explain", target, "grid-incident-1", *options, *more]) == 0
        said[name].append(out.getvalue())


def test_a_server_and_the_record_tell_the_same(told):
    for printed in told.values():
        assert len(set(printed)) == 1
        assert len(printed) == 3


def test_a_dispatcher_reads_who_goes_who_is_next_and_why_not_somebody_sooner(told):
    english, chinese = told["en"][0], told["zh"][0]
    assert "巡逻一组 goes: there in" in english
    assert "P4" in english
    assert "off duty" in english
    assert "刑侦-3" in english
    assert "lacks street patrol" in english
    assert "Not in question: lacks the capability 1, off duty 1" in english
    assert "派 巡逻一组" in chinese
    assert "更近但未派" in chinese
    assert "不具备“街面巡逻组”" in chinese


def test_codes_and_values_are_printed_as_they_were_frozen(told):
    found = json.loads(told["json"][0])
    (decided,) = found["recommendations"]
    assert (found["incident"], found["type"]) == ("grid-incident-1", "drunk_person")
    assert decided["chosen"]["recipient"] == "巡逻一组"
    assert [one["recipient"] for one in decided["others"]] == ["P2"]
    assert {one["unit"]: one["why"] for one in decided["excluded"]} == {"P4": "off_duty", "刑侦-3": "lacks_capability"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_columns_stand_under_their_heads_whatever_letters_they_are_of(told, language):
    lines = told[language][0].splitlines()
    head = next(i for i, line in enumerate(lines) if "───" in line) - 1
    row = next(line for line in lines[head:] if line.startswith("P2"))
    # Times end where their heads end, counted in cells of the terminal.
    ends = [cell_len(lines[head][: at + len(word)]) for word in lines[head].split() if (at := lines[head].index(word))]
    assert all(cell_len(row[: row.index(time) + len(time)]) in ends for time in row.split()[-1:])
    assert cell_len(row.rstrip()) == cell_len(lines[head].rstrip())


def test_what_there_is_not_is_said_in_one_line(folder, told, tmp_path, capsys):
    assert main(["explain", str(folder), "grid-incident-9"]) == BAD_INPUT
    assert "unknown_incident" in capsys.readouterr().err
    assert main(["explain", str(tmp_path), "x"]) == BAD_INPUT
    assert "city.toml" in capsys.readouterr().err
    assert main(["explain", "http://127.0.0.1:9", "x", "--credential", "x"]) == FAILED
    assert "is `allpoints serve` running?" in capsys.readouterr().err


def test_the_record_is_read_where_a_server_was_killed(told, folder, capsys):
    address = folder / "record" / "address.json"
    address.write_text('{"http":"http://127.0.0.1:9","stream":"ws://127.0.0.1:9/v1/stream","pid":1}')
    try:
        assert main(["explain", str(folder), "grid-incident-1"]) == 0
    finally:
        address.unlink()
    assert capsys.readouterr().out == told["en"][0]


@pytest.mark.parametrize(("language", "head"), [("zh", "覆盖(百万分之)"), ("en", "cover in a million")])
def test_what_leaving_costs_in_cover_has_a_column_where_it_is_heeded(language, head, capsys):
    said = Recommendation(
        capability="patrol",
        policy="nearest_cover",
        chosen=Candidate("P1", 60_000, 0, 60_000, distance_m=500, cover_ppm=1_200),
        others=(Candidate("P2", 61_000, 0, 61_000, cover_ppm=8_300),),
        excluded=(),
        excluded_counts={},
        fleet_size=2,
        settled_nodes=1,
    )
    _print(Explained(incident="x-incident-1", type="noise", level=3, recommendations=(said,)), language, {})
    lines = capsys.readouterr().out.splitlines()
    assert any("1200" in line for line in lines)
    (row,) = (line for line in lines if line.startswith("P2"))
    (heads,) = (line for line in lines if head in line)
    assert row.split()[-1] == "−8300"
    assert cell_len(row.rstrip()) == cell_len(heads.rstrip())


def test_who_chose_somebody_else_and_why_is_read_in_both_languages(tmp_path, capsys):
    folder = grid_folder(tmp_path, units=UNITS)
    (folder / RECORD).mkdir(exist_ok=True)
    (folder / RECORD).mkdir(exist_ok=True)
    journal, vault = open_record(folder / RECORD, create=True)
    engine = Engine(load_city(folder), journal=journal, clock=SetClock())
    reply = engine.submit(ReportAlert(actor="user:li", alert=alert(1, 1, 1, kind="drunk_person")))[0]
    chosen = ChooseUnit(
        actor="user:chen",
        key="k",
        order=reply.orders[0],
        version=1,
        recipient="刑侦-3",
        why="knows_people",
        words="他认识他",
        anyway=True,
    )
    assert engine.submit(chosen)[0].refusal is None
    journal.close()
    vault.close()
    printed = {}
    for language in ("zh", "en"):
        assert main(["explain", str(folder), "grid-incident-1", "--lang", language]) == 0
        printed[language] = capsys.readouterr().out
    at = "2027-01-15 16:00:00"  # in Shanghai
    assert f"Reported {at}, opened {at}" in printed["en"]
    assert f"报警 {at},立警 {at}" in printed["zh"]
    assert f"Decided {at}; 巡逻一组 there at 2027-01-15 16:0" in printed["en"]
    assert f"{at} 决定;巡逻一组 预计 2027-01-15 16:0" in printed["zh"]
    assert f"刑侦-3 goes instead of 巡逻一组: user:chen chose so at {at} (knows the people)" in printed["en"]
    assert "In spite of: lacks the capability" in printed["en"]
    assert f"改派 刑侦-3(原为 巡逻一组):user:chen 于 {at} 决定,理由:熟悉当事人" in printed["zh"]
    assert "说明:“他认识他”" in printed["zh"]


@pytest.mark.parametrize(
    ("language", "sealed", "head"), [("en", "Sealed: 6 posts", "stands in"), ("zh", "封控", "到位")]
)
def test_of_a_pursuit_it_is_said_who_is_where_before_the_subject_can_be(language, sealed, head, tmp_path, capsys):
    folder = grid_folder(tmp_path / "city", units=[unit("P1", 0, 0)])
    (folder / RECORD).mkdir(exist_ok=True)
    journal, vault = open_record(folder / RECORD, create=True)
    cards = county_with(tmp_path, wanted_sighting='approve = { send = "verify_by_analyst", roadblock = "auto" }')
    units = [unit(f"u{c}{r}", c, r) for c in range(6) for r in range(5) if (c + r) % 2 == 0]
    policies = Policies(stale_position_ms=0, contain_horizon_ms=105_000)
    room = Room(units=units, stations=(), policies=policies, run_cards=cards, journal=journal)
    lookout = room.lookout()
    room.verified(lookout, 2.5, 2, accuracy_m=0)
    journal.close()
    vault.close()
    assert main(["explain", str(folder), "grid-incident-1", "--lang", language]) == 0
    said = capsys.readouterr().out
    assert sealed in said
    assert head in said
    line = [line for line in said.splitlines() if line.startswith("u02 ")][-1]
    assert "1:03" in line  # when it stands
    assert "1:29" in line  # the soonest that he can be there


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Expected to be found after", "no other turns", "u2 looks at ")), ("zh", ("后找到", "依次查看"))],
)
def test_of_a_search_it_is_said_who_looks_where_and_how_soon_he_is_expected(language, words, tmp_path, capsys):
    folder = grid_folder(tmp_path / "city", units=[unit("P1", 0, 0)])
    (folder / RECORD).mkdir(exist_ok=True)
    journal, vault = open_record(folder / RECORD, create=True)
    SearchRoom(journal=journal).open()
    journal.close()
    vault.close()
    assert main(["explain", str(folder), "grid-incident-1", "--lang", language]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in words)
    assert "Hotel" not in said
    turns = [line for line in said.splitlines() if " → " in line]
    looked = sorted(int(number) for line in turns for number in re.findall(r"(\d+) \(\d+:\d\d\)", line))
    assert looked == list(range(1, 10))


@pytest.mark.parametrize(
    ("language", "goes", "share"),
    [
        ("en", "ahead goes to 113.0", " % of their likely ways"),
        ("zh", "ahead 赴 113.0", "覆盖其可能路线的"),
    ],
)
def test_of_who_is_ahead_of_a_subject_it_is_said_where_and_the_record_verifies(language, goes, share, tmp_path, capsys):
    folder = grid_folder(tmp_path / "city", units=[unit("P1", 0, 0)])
    (folder / RECORD).mkdir(exist_ok=True)
    journal, vault = open_record(folder / RECORD, create=True)
    policies = Policies(stale_position_ms=0, contain_horizon_ms=0)
    units = [unit("behind", 0, 2), unit("ahead", 4, 2), unit("far", 5, 4)]
    room = Room(units=units, stations=(), policies=policies, journal=journal)
    room.verified(room.lookout(), 1, 2, mode="car", heading_deg=90.0, accuracy_m=20)
    journal.close()
    vault.close()
    assert main(["explain", str(folder), "grid-incident-1", "--lang", language]) == 0
    said = capsys.readouterr().out
    assert goes in said
    assert share in said
    line = next(line for line in said.splitlines() if line.startswith("far "))
    assert {"en": " %, ", "zh": "%,早 "}[language] in line
    assert main(["journal", "verify", str(folder), "--decisions"]) == 0
