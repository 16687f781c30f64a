"""Tags as people write them, and what must come of each."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_data.raw_roads import ALL_MODES, MODES, RoadClass
from geo_data.sources.osm.barriers import barrier_passes
from geo_data.sources.osm.speeds import parse_duration_s, parse_speed
from geo_data.sources.osm.tags import HIGHWAYS, Dropped, WayTags, has_chinese, read_names, read_way

N, E, F = (int(mode) for mode in MODES)
NEF = N | E | F


def tags(text):
    """Read ``highway=residential oneway=yes``; an underscore in a value stays, a ~ is a space."""
    return {key: value.replace("~", " ") for key, _, value in (pair.partition("=") for pair in text.split())}


def modes(text):
    """Return the modes along and against, by letters; None for a way that is dropped."""
    read = read_way(tags(text))
    if not isinstance(read, WayTags):
        return None
    return tuple(
        "".join(letter for letter, bit in (("N", N), ("E", E), ("F", F)) if way & bit)
        for way in (read.forward_modes, read.backward_modes)
    )


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50),
        (" 50 ", 50),
        ("50 km/h", 50),
        ("50km/h", 50),
        ("50 kmh", 50),
        ("50 kph", 50),
        ("7.5", 7.5),
        ("50 mph", 80.4672),
        ("20mph", 32.18688),
        ("30 MPH", 48.28032),
        ("5 knots", 9.26),
        ("walk", 6),
        ("DE:walk", 6),
        ("none", 130),
        ("DE:motorway", 130),
        ("CN:urban", 50),
        ("CN:rural", 70),
        ("CN:motorway", 120),
        ("DE:rural", 100),
        ("de:urban", 50),
        ("FR:rural", 80),
        ("RO:urban", 50),
        ("RO:rural", 90),
        ("RO:trunk", 100),
        ("GB:nsl_single", 96.56064),
        ("UK:nsl_dual", 112.65408),
        ("BE-BRU:urban", 30),
        ("BE-VLG:rural", 70),
        ("BE-WAL:rural", 90),
        ("DE:living_street", 7),
        ("AT:living_street", 10),
        ("DE:zone30", 30),
        ("DE:zone:30", 30),
        ("IT:zone30", 30),
        ("FR:zone20", 20),
        ("GB:zone20", 32.18688),
        ("zone30", 30),
        ("DE:30", 30),
        ("50;30", 30),
        ("50; 30 mph", 48.28032),
        ("50|80", 50),
        ("50;", 50),
        ("50;signals", 50),
        ("200", 200),
    ],
)
def test_a_limit_is_read(text, kmh):
    read, sense = parse_speed(text)
    assert sense
    assert read == pytest.approx(kmh, rel=1e-6)


@pytest.mark.parametrize("text", ["signals", "variable", "default", "signals;variable"])
def test_a_limit_that_is_no_number_is_unknown_and_makes_sense(text):
    read, sense = parse_speed(text)
    assert math.isnan(read)
    assert sense


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "fast",
        "50;fast",
        "-30",
        "0",
        "201",
        "1e3",
        "99999",
        "30 furlongs",
        "nan",
        "inf",
        "５０",
        "XX:nonsense",
        "5 0",
    ],
)
def test_nonsense_is_unknown_and_makes_none(text):
    read, sense = parse_speed(text)
    assert math.isnan(read)
    assert not sense


@given(st.text(max_size=300))
def test_no_text_whatever_gives_a_speed_out_of_bounds(text):
    read, _ = parse_speed(text)
    assert math.isnan(read) or 0 < read <= 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 720),
        ("00:12", 720),
        ("1:30", 5400),
        ("01:30:30", 5430),
        ("PT20M", 1200),
        ("PT1H20M", 4800),
        ("PT45S", 45),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0", "PT", "12 min", "-5"])
def test_a_duration_that_is_none_is_unknown(text):
    assert math.isnan(parse_duration_s(text))


@pytest.mark.parametrize("highway", HIGHWAYS)
def test_every_class_is_read_or_closed(highway):
    read = read_way({"highway": highway})
    if isinstance(read, WayTags):
        assert read.road_class == HIGHWAYS[highway]
    else:
        assert highway in {"cycleway", "bridleway", "bus_guideway"}  # nobody of ours without a tag that says so


@pytest.mark.parametrize(
    ("text", "along", "against"),
    [
        # two ways, one way, in all spellings
        ("highway=residential", "NEF", "NEF"),
        ("highway=residential oneway=yes", "NEF", "F"),
        ("highway=residential oneway=true", "NEF", "F"),
        ("highway=residential oneway=1", "NEF", "F"),
        ("highway=residential oneway=-1", "F", "NEF"),
        ("highway=residential oneway=reverse", "F", "NEF"),
        ("highway=residential oneway=no", "NEF", "NEF"),
        ("highway=residential oneway=alternating", "NEF", "NEF"),
        ("highway=residential oneway=reversible", "F", "F"),
        ("highway=residential oneway=sometimes", "NEF", "NEF"),
        ("highway=motorway", "NE", ""),
        ("highway=motorway oneway=no", "NE", "NE"),
        ("highway=motorway oneway=-1", "", "NE"),
        ("highway=motorway_link", "NE", "NE"),
        ("highway=trunk", "NEF", "NEF"),
        ("highway=trunk motorroad=yes", "NE", "NE"),
        ("highway=primary junction=roundabout", "NEF", "F"),
        ("highway=primary junction=circular", "NEF", "F"),
        ("highway=primary junction=roundabout oneway=no", "NEF", "NEF"),
        ("highway=residential oneway=yes oneway:bicycle=no", "NEF", "F"),
        ("highway=residential oneway=yes oneway:emergency=no", "NEF", "EF"),
        ("highway=residential oneway=yes oneway:psv=no", "NEF", "EF"),
        ("highway=residential oneway=yes busway=opposite_lane", "NEF", "EF"),
        ("highway=residential oneway=yes oneway:psv=no oneway:emergency=yes", "NEF", "F"),
        ("highway=residential oneway=no oneway:motor_vehicle=yes", "NEF", "F"),
        ("highway=residential vehicle:backward=no", "NEF", "F"),
        ("highway=residential motor_vehicle:forward=no emergency=yes", "EF", "NEF"),
        # access, the more specific key first
        ("highway=residential access=private", "E", "E"),
        ("highway=residential access=no", None, None),
        ("highway=residential access=no emergency=yes", "E", "E"),
        ("highway=service access=no emergency=designated", "E", "E"),
        ("highway=service access=no psv=yes", "E", "E"),
        ("highway=residential access=no motor_vehicle=yes", "NE", "NE"),
        ("highway=residential access=no motorcar=destination foot=yes", "NEF", "NEF"),
        ("highway=residential access=military", None, None),
        ("highway=residential access=destination", "NEF", "NEF"),
        ("highway=service access=customers", "NEF", "NEF"),
        ("highway=service access=delivery", "E", "E"),
        ("highway=service access=permit foot=yes", "EF", "EF"),
        ("highway=residential vehicle=no", "EF", "EF"),
        ("highway=residential motor_vehicle=no", "EF", "EF"),
        ("highway=residential motor_vehicle=no motorcar=yes", "NEF", "NEF"),
        ("highway=residential motorcar=no", "EF", "EF"),
        ("highway=residential motor_vehicle=agricultural;forestry", "EF", "EF"),
        ("highway=residential motor_vehicle=agricultural;destination", "NEF", "NEF"),
        ("highway=residential access=unheard_of", "NEF", "NEF"),
        ("highway=residential emergency=no", "NF", "NF"),
        ("highway=residential foot=no", "NE", "NE"),
        ("highway=primary foot=use_sidepath", "NE", "NE"),
        ("highway=service service=emergency_access", "EF", "EF"),
        ("highway=residential smoothness=impassable", "F", "F"),
        ("highway=service area=yes", "F", "F"),
        # tracks
        ("highway=track", "NEF", "NEF"),
        ("highway=track tracktype=grade5", "EF", "EF"),
        ("highway=track tracktype=grade5 motor_vehicle=yes", "NEF", "NEF"),
        ("highway=track motor_vehicle=forestry", "EF", "EF"),
        # buses
        ("highway=busway", "E", "E"),
        ("highway=busway emergency=no", None, None),
        ("highway=busway foot=yes", "EF", "EF"),
        ("highway=bus_guideway emergency=yes", "E", "E"),
        # on foot
        ("highway=pedestrian", "EF", "EF"),
        ("highway=pedestrian width=2", "F", "F"),
        ("highway=pedestrian width=2,0~m", "F", "F"),
        ("highway=pedestrian width=4~m", "EF", "EF"),
        ("highway=pedestrian width=broad", "EF", "EF"),
        ("highway=pedestrian motor_vehicle=destination", "NEF", "NEF"),
        ("highway=pedestrian area=yes", "F", "F"),
        ("highway=footway", "F", "F"),
        ("highway=footway access=yes", "F", "F"),
        ("highway=footway emergency=yes", "EF", "EF"),
        ("highway=footway motor_vehicle=yes", "NEF", "NEF"),
        ("highway=footway access=no", None, None),
        ("highway=path", "F", "F"),
        ("highway=path foot=no", None, None),
        ("highway=cycleway", None, None),
        ("highway=cycleway foot=yes", "F", "F"),
        ("highway=cycleway foot=designated", "F", "F"),
        ("highway=steps", "F", "F"),
        ("highway=steps emergency=yes", "F", "F"),
        ("highway=steps conveying=forward", "F", ""),
        ("highway=steps conveying=backward", "", "F"),
        ("highway=footway oneway:foot=yes", "F", ""),
        ("highway=footway oneway=yes", "F", "F"),
        # ferries
        ("route=ferry", "NEF", "NEF"),
        ("route=ferry motor_vehicle=yes", "NEF", "NEF"),
        ("route=ferry motor_vehicle=no", "F", "F"),
        ("route=ferry motorcar=no emergency=yes", "F", "F"),
        ("route=ferry foot=no", "NE", "NE"),
        ("route=ferry access=private", None, None),
        ("route=ferry oneway=yes", "NEF", ""),
        # no streets
        ("highway=construction construction=primary", None, None),
        ("highway=proposed", None, None),
        ("highway=abandoned", None, None),
        ("highway=residential abandoned=yes", None, None),
        ("highway=razed", None, None),
        ("highway=raceway", None, None),
        ("highway=bus_stop", None, None),
        ("route=bus", None, None),
        ("building=yes", None, None),
    ],
)
def test_who_may_go_which_way(text, along, against):
    expected = None if along is None else (along, against)
    assert modes(text) == expected


def test_why_a_way_is_no_street():
    assert read_way(tags("highway=construction")) == Dropped("not_in_use")
    assert read_way(tags("highway=raceway")) == Dropped("no_road_class")
    assert read_way(tags("highway=cycleway")) == Dropped("no_access")
    assert read_way(tags("waterway=river")) is None


@pytest.mark.parametrize(
    ("text", "along", "against", "odd"),
    [
        ("maxspeed=50", 50, 50, ()),
        ("maxspeed=50 maxspeed:backward=30", 50, 30, ()),
        ("maxspeed:forward=70", 70, None, ()),
        ("maxspeed=fast", None, None, ("maxspeed_unreadable",)),
        ("maxspeed=50 maxspeed:forward=fast", 50, 50, ("maxspeed_unreadable",)),
        ("maxspeed:type=DE:urban", 50, 50, ()),
        ("source:maxspeed=DE:zone:30", 30, 30, ()),
        ("source:maxspeed=sign", None, None, ()),
        ("maxspeed=70 source:maxspeed=DE:urban", 70, 70, ()),
        ("maxspeed=signals", None, None, ()),
        ("maxspeed=50 maxspeed:conditional=30~@~(22:00-06:00)", 50, 50, ("conditional_unread",)),
        ("oneway=sideways", None, None, ("oneway_unreadable",)),
        ("oneway=reversible maxspeed=50", None, None, ("oneway_reversible",)),
    ],
)
def test_speeds_by_direction(text, along, against, odd):
    read = read_way(tags(f"highway=primary {text}"))
    assert [read.forward_kmh, read.backward_kmh] == pytest.approx(
        [math.nan if kmh is None else kmh for kmh in (along, against)], nan_ok=True
    )
    assert read.odd == odd


def test_a_footway_has_no_speed():
    assert math.isnan(read_way(tags("highway=footway maxspeed=50")).forward_kmh)


@pytest.mark.parametrize(
    ("given_tags", "name", "name_zh"),
    [
        ({"name": "High Street"}, "High Street", ""),
        ({"name": "长安街"}, "长安街", "长安街"),
        ({"name": "Chang'an Avenue", "name:zh": "长安街"}, "Chang'an Avenue", "长安街"),
        ({"name": "大通り"}, "大通り", ""),
        ({"name": "銀座"}, "銀座", "銀座"),
        ({"name": "Road", "name:zh-Hans": "路"}, "Road", "路"),
        ({"ref": "G60"}, "G60", ""),
        ({"name": "沪昆高速", "ref": "G60"}, "沪昆高速", "沪昆高速"),
        ({}, "", ""),
    ],
)
def test_names_are_read_in_two_languages(given_tags, name, name_zh):
    assert read_names(given_tags) == (name, name_zh)


def test_chinese_is_told_from_other_scripts():
    assert has_chinese("㐂𠀋路")
    assert not has_chinese("Straße, улица, 대로")


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("barrier=bollard", "F"),
        ("barrier=bollard bollard=removable", "EF"),
        ("barrier=bollard emergency=yes", "EF"),
        ("barrier=bollard access=yes", "F"),
        ("barrier=bollard motor_vehicle=yes", "NEF"),
        ("barrier=block", "F"),
        ("barrier=jersey_barrier", "F"),
        ("barrier=cycle_barrier", "F"),
        ("barrier=stile", "F"),
        ("barrier=log", "F"),
        ("barrier=yes", "F"),
        ("barrier=something_new", "F"),
        ("barrier=gate", "NEF"),
        ("barrier=gate access=private", "E"),
        ("barrier=gate access=no foot=yes", "EF"),
        ("barrier=gate motor_vehicle=no", "EF"),
        ("barrier=gate locked=yes", "EF"),
        ("barrier=gate access=private emergency=no", ""),
        ("barrier=lift_gate", "NEF"),
        ("barrier=lift_gate vehicle=private", "EF"),
        ("barrier=chain", "EF"),
        ("barrier=toll_booth", "NEF"),
        ("barrier=border_control", "NEF"),
        ("barrier=cattle_grid", "NEF"),
        ("barrier=kerb", "NEF"),
        ("barrier=kerb kerb=lowered", "NEF"),
        ("barrier=kerb kerb=raised", "EF"),
        ("barrier=wall", ""),
        ("highway=crossing", "NEF"),
    ],
)
def test_whom_a_barrier_stops(text, who):
    passes = barrier_passes(tags(text))
    assert "".join(letter for letter, bit in (("N", N), ("E", E), ("F", F)) if passes & bit) == who
    assert passes <= ALL_MODES


KEYS = st.sampled_from(
    [
        *("highway", "access", "vehicle", "motor_vehicle", "motorcar", "emergency", "foot", "oneway", "maxspeed"),
        *("junction", "service", "width", "name", "oneway:psv", "vehicle:backward", "route", "area", "barrier", "kerb"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["yes", "no", "private", "destination", "-1", "residential", "service", "steps", "ferry", "gate", ";", "50"]
    ),
    st.text(max_size=12),
)


@given(st.dictionaries(KEYS, VALUES))
def test_no_tags_whatever_break_the_reader(drawn):
    read = read_way(drawn)
    if isinstance(read, WayTags):
        assert isinstance(read.road_class, RoadClass)
        assert 0 < read.forward_modes | read.backward_modes <= ALL_MODES
    assert 0 <= barrier_passes(drawn) <= ALL_MODES
