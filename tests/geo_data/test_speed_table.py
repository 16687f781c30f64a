"""A city's speeds: what is written is what is read, what is not named stays, what is wrong is told with its line."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_data.raw_roads import STREETS, NodeKind, RoadClass
from geo_data.speed_table import (
    DAYS,
    PROFILES,
    Contraflow,
    HourFactor,
    ProfileSpeeds,
    SpeedTable,
    SpeedTableError,
    TurnTimes,
)

SHIPPED = SpeedTable.shipped()


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        (tmp_path / "speeds.toml").write_text(text, "utf-8")
        return SpeedTable.load(tmp_path / "speeds.toml")

    return write_and_load


kmh = st.floats(0.5, 400) | st.integers(1, 400).map(float)
delays = st.tuples(st.just(0.0), *[st.floats(0, 600) for kind in NodeKind if kind])
profile_speeds = st.builds(
    ProfileSpeeds,
    kmh=st.tuples(*[kmh for _ in STREETS]),
    junction_delay_s=delays,
    fixed_s=st.floats(0, 600),
)


@st.composite
def hour_factors(draw):
    begin = draw(st.integers(0, 23))
    return HourFactor(
        factor=draw(st.floats(0.05, 2)),
        begin=begin,
        end=draw(st.integers(begin + 1, 24)),
        days=tuple(draw(st.lists(st.integers(0, 6), min_size=1))),
        profiles=tuple(draw(st.lists(st.sampled_from(PROFILES), min_size=1))),
        classes=tuple(draw(st.lists(st.sampled_from(STREETS), min_size=1))),
    )


tables = st.builds(
    SpeedTable,
    normal=profile_speeds,
    emergency=profile_speeds | st.just(SHIPPED.emergency),
    foot=st.just(SHIPPED.foot) | profile_speeds,
    turn_s=st.builds(TurnTimes, straight=st.floats(0, 600), left=st.integers(0, 600).map(float)),
    contraflow=st.none() | st.builds(Contraflow, factor=st.floats(0.05, 1), penalty_s=st.floats(0, 600)),
    hours=st.lists(hour_factors(), max_size=4).map(tuple),
)


@given(tables, st.lists(st.text(), max_size=3))
def test_what_is_written_is_read_back(tmp_path_factory, table, comments):
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(table.text(comments), "utf-8")
    again = SpeedTable.load(path)
    assert again == table
    assert again.digest == table.digest
    assert again.text(comments) == table.text(comments)


@given(tables)
def test_the_factor_of_an_hour_is_the_product_of_all_rows_that_hold_then(table):
    rng = np.random.default_rng(1)
    for profile in PROFILES:
        factors = table.hour_factors(profile)
        assert factors.shape == (168, len(RoadClass))
        for hour, kind in zip(rng.integers(0, 168, 30).tolist(), rng.choice(list(RoadClass), 30), strict=True):
            want = 1.0
            for row in table.hours:
                if profile in row.profiles and hour // 24 in row.days and kind in row.classes:
                    want *= row.factor if row.begin <= hour % 24 < row.end else 1.0
            assert factors[hour, kind] == pytest.approx(want)
        assert table.changes(7, 8, profile) == (factors[7].tolist() != factors[8].tolist())


def test_what_is_not_named_stays_as_shipped(load):
    table = load("schema = 1\n[normal]\nkmh = { residential = 25 }\n[foot.kmh]\nsteps = 1.5\n")
    assert table.normal.kmh[RoadClass.RESIDENTIAL] == 25
    assert table.foot.kmh[RoadClass.STEPS] == 1.5
    assert table.emergency == SHIPPED.emergency
    shipped = dataclasses.replace(
        table,
        normal=ProfileSpeeds(kmh=tuple(30.0 if v == 25 else v for v in table.normal.kmh)),
        foot=SHIPPED.foot,
    )
    assert shipped == load("schema = 1\n") == SHIPPED


def test_a_row_of_hours_that_says_nothing_else_holds_always_for_all_who_drive(load):
    row = load("schema = 1\n[[hours]]\nfactor = 0.9\n").hours[0]
    assert row == HourFactor(factor=0.9)
    assert (row.begin, row.end, row.days) == (0, 24, tuple(range(len(DAYS))))
    assert row.profiles == ("normal", "emergency")
    assert row.classes == STREETS


def test_the_digest_follows_what_is_said_and_not_how(load):
    one = load("schema = 1\n[normal]\nkmh = { residential = 25 }\n")
    assert one.digest == load("# ours\nschema = 1\n[normal.kmh]\nresidential = 25.0\n").digest
    assert one.digest != SHIPPED.digest


BAD = [
    ("", r"schema: nothing is not taken; limit: this program reads schema 1"),
    ("schema = true", r":1: schema: True"),
    ("schema = 1\n[norml]\n", r":2: norml: norml is not taken; limit: unknown key; known: schema, normal"),
    ("schema = 1\n[normal]\nkmh = 3", r":3: normal\.kmh: 3 is not taken; limit: a table of motorway"),
    ("schema = 1\n[normal]\n\nkmh = { track = nan }", r":4: normal\.kmh\.track: nan is not taken; limit: 0\.5 to 400"),
    ("schema = 1\n[foot.kmh]\ntrack = 500", r":3: foot\.kmh\.track: 500"),
    ("schema = 1\n[foot.kmh]\ntrack = true", r":3: foot\.kmh\.track: True"),
    ("schema = 1\n[normal]\nfixed_s = -1", r":3: normal\.fixed_s: -1 .*limit: 0 to 600"),
    ("schema = 1\n[foot.junction_delay_s]\nstop = -1", r":3: foot\.junction_delay_s\.stop: -1 .*limit: 0 to 600 s"),
    ("schema = 1\n[foot.junction_delay_s]\nnone = 1", r":3: .*unknown key; known: signals, stop"),
    ("schema = 1\n[normal]\nturn_s = { left = -1 }", r":3: normal\.turn_s\.left: -1 .*limit: 0 to 600 s"),
    ("schema = 1\n[foot]\nturn_s = {}", r":3: foot\.turn_s: turn_s .*unknown key"),
    ("schema = 1\n[normal]\nkmh = { turn_left = 5 }", r":3: normal\.kmh\.turn_left: .*unknown key"),
    ("schema = 1\n[normal]\ncontraflow = {}", r":3: normal\.contraflow: contraflow .*unknown key"),
    (
        "schema = 1\n[emergency]\ncontraflow = { factor = 1.5 }",
        r":3: emergency\.contraflow\.factor: 1\.5 .*0\.05 to 1",
    ),
    ("schema = 1\n[emergency]\ncontraflow = 3", r":3: emergency\.contraflow: 3 .*table of factor, penalty_s"),
    ("schema = 1\nhours = 3", r":2: hours: 3 is not taken; limit: rows of \[\[hours\]\]"),
    ("schema = 1\n[[hours]]\nfactor = 1\n[[hours]]\nfrom = 3", r":4: hours\[1\]\.factor: nothing"),
    ("schema = 1\n[[hours]]\nfactor = 1\n[[hours]]\nfactor = 0", r":5: hours\[1\]\.factor: 0 .*limit: 0\.05 to 2"),
    ("schema = 1\n[[hours]]\nfactor = 1\nfrom = 9\nto = 7", r":4: hours\[0\]\.from: 9 .*below to, 7"),
    ("schema = 1\n[[hours]]\nfactor = 1\nfrom = 7.5", r":4: hours\[0\]\.from: 7\.5 .*whole number, 0 to 23"),
    ("schema = 1\n[[hours]]\nfactor = 1\nto = 25", r":4: hours\[0\]\.to: 25 .*whole number, 1 to 24"),
    ('schema = 1\n[[hours]]\nfactor = 1\ndays = ["monday"]', r":4: hours\[0\]\.days: \['monday'\] .*mon, tue"),
    ("schema = 1\n[[hours]]\nfactor = 1\ndays = []", r":4: hours\[0\]\.days"),
    ('schema = 1\n[[hours]]\nfactor = 1\nclasses = "primary"', r":4: hours\[0\]\.classes"),
    ("schema = 1\n[normal\n", r":2: syntax: "),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_what_is_wrong_is_told_with_its_line(load, text, says):
    with pytest.raises(SpeedTableError) as caught:
        load(text)
    assert re.search(r"speeds\.toml" + says if says.startswith(":") else says, str(caught.value))


def test_everything_wrong_is_told_at_once(load):
    with pytest.raises(SpeedTableError) as caught:
        load("schema = 2\n[normal]\nkmh = { a = 1, b = 2 }\n[[hours]]\nfactor = 9\n")
    assert [(wrong.line, wrong.key) for wrong in caught.value.wrong] == [
        (1, "schema"),
        (3, "normal.kmh.a"),
        (3, "normal.kmh.b"),
        (5, "hours[0].factor"),
    ]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "speeds.toml").write_bytes(b"schema = 1\n# \xff\n")
    with pytest.raises(SpeedTableError, match=r":2: encoding"):
        SpeedTable.load(tmp_path / "speeds.toml")
