"""Travel times by arc: what is known wins, who may not go never does, nothing takes no time."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_data.raw_roads import STREETS, Mode, NodeKind, RoadClass
from geo_data.speed_table import HourFactor, ProfileSpeeds, SpeedTable
from geo_data.speeds import FREE_FLOW_KMH, NEVER, SpeedError, travel_ms
from tests.support.networks import Street, network


def one_street(length_m=1000.0, **more):
    return network([(0, 0), (length_m, 0)], [Street(0, 1, one_way=True, **more)])


@pytest.mark.parametrize(
    ("street", "profile", "kmh"),
    [
        ({}, "normal", 30),
        ({"road_class": RoadClass.MOTORWAY}, "emergency", 100),
        ({"kmh": 72.0}, "normal", 72),
        ({"kmh": 72.0}, "emergency", 72),
        ({"kmh": 72.0}, "foot", 5),
        ({"kmh": 72.0, "emergency_kmh": 90.0}, "normal", 72),
        ({"kmh": 72.0, "emergency_kmh": 90.0}, "emergency", 90),
        ({"road_class": RoadClass.STEPS}, "foot", 2),
    ],
)
def test_measured_goes_before_signed_and_signed_before_the_class(street, profile, kmh):
    assert travel_ms(one_street(**street), profile)[0] == pytest.approx(3_600_000 / kmh, rel=1e-4)


@given(st.sampled_from(RoadClass), st.integers(0, 7), st.sampled_from(["normal", "emergency", "foot"]))
def test_who_may_not_go_never_does_and_who_may_always_gets_there(kind, modes, profile):
    ms = int(travel_ms(one_street(road_class=kind, modes=modes), profile)[0])
    allowed = bool(modes & Mode[profile.upper()])
    assert (ms < NEVER) == allowed
    assert ms >= 1


def test_no_street_is_so_short_or_so_long_that_its_time_loses_meaning():
    roads = one_street(1.0)
    short = dataclasses.replace(roads, arc_length_m=np.zeros(1, np.float32))
    long = dataclasses.replace(roads, arc_length_m=np.full(1, 1e12, np.float32))
    assert travel_ms(short).tolist() == [1]
    assert travel_ms(long).tolist() == [NEVER - 1]


def test_every_class_has_a_speed_in_every_mode():
    assert set(FREE_FLOW_KMH) == set(STREETS)
    assert all(speed > 0 for row in FREE_FLOW_KMH.values() for speed in row)


@pytest.mark.parametrize("kmh", [0.0, -5.0, float("inf")])
def test_a_speed_nothing_can_drive_is_refused_by_arc(kmh):
    with pytest.raises(SpeedError, match=r"arc_kmh\[0\]: .* limit"):
        travel_ms(one_street(kmh=kmh))
    with pytest.raises(SpeedError, match=r"arc_emergency_kmh\[0\]"):
        travel_ms(one_street(emergency_kmh=kmh), "emergency")
    assert travel_ms(one_street(kmh=kmh), "foot")[0] < NEVER


def test_an_unknown_class_or_profile_is_refused():
    with pytest.raises(SpeedError, match=r"arc_class\[0\]: 77"):
        travel_ms(one_street(road_class=77))
    with pytest.raises(SpeedError, match="profile"):
        travel_ms(one_street(), "train")


def test_the_hour_of_the_week_counts_on_signed_measured_and_free_speeds_alike():
    monday_eight = HourFactor(factor=0.5, begin=8, end=9, days=(0,), profiles=("normal", "emergency"))
    table = dataclasses.replace(SpeedTable.shipped(), hours=(monday_eight,))
    for street in ({}, {"kmh": 72.0}, {"kmh": 72.0, "emergency_kmh": 90.0}):
        for profile in ("normal", "emergency"):
            free = int(travel_ms(one_street(**street), profile, table)[0])
            assert travel_ms(one_street(**street), profile, table, 8)[0] == pytest.approx(2 * free, abs=1)
            assert travel_ms(one_street(**street), profile, table, 9)[0] == free
        assert travel_ms(one_street(), "foot", table, 8)[0] == travel_ms(one_street(), "foot")[0]
    closed = one_street(modes=int(Mode.FOOT))
    assert travel_ms(closed, "normal", table, 8).tolist() == [NEVER]
    short = dataclasses.replace(one_street(), arc_length_m=np.zeros(1, np.float32))
    assert travel_ms(short, "normal", table, 8).tolist() == [1]


@pytest.mark.parametrize("hour", [-1, 168])
def test_an_hour_outside_the_week_is_refused(hour):
    with pytest.raises(SpeedError, match=r"hour: .* limit: 0 to 167"):
        travel_ms(one_street(), "normal", SpeedTable.shipped(), hour)


@given(st.sampled_from(NodeKind), st.floats(0, 600), st.sampled_from(["normal", "emergency", "foot"]))
def test_what_is_met_at_the_end_is_waited_for_and_at_no_hour_longer(kind, delay_s, profile):
    delays = tuple(delay_s if it == kind else 0.0 for it in NodeKind)
    shipped = SpeedTable.shipped()
    waits = ProfileSpeeds(kmh=shipped.of(profile).kmh, junction_delay_s=delays)
    hours = (HourFactor(factor=0.5, begin=8, end=9, profiles=("normal", "emergency", "foot")),)
    table = dataclasses.replace(shipped, hours=hours, **{profile: waits})
    roads = network([(0, 0), (1000, 0)], [Street(0, 1, control=int(kind))])
    free = travel_ms(roads, profile)
    along, back = travel_ms(roads, profile, table).tolist()
    assert along == pytest.approx(free[0] + delay_s * 1000, abs=1)
    assert back == free[1] + (round(delay_s * 1000) if kind == NodeKind.NONE else 0)
    assert travel_ms(roads, profile, table, 8)[0] == pytest.approx(2 * free[0] + delay_s * 1000, abs=1)


def test_an_unknown_kind_of_node_is_refused():
    with pytest.raises(SpeedError, match=r"arc_control\[0\]: 99 .* limit: 6"):
        travel_ms(one_street(control=99))
