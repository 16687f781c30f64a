"""JEMSS cities: times come out to the millisecond, in a hand-made one and in Edmonton."""

from pathlib import Path

import numpy as np
import pytest

from geo_data.building import build_network
from geo_data.raw_roads import DRIVE
from geo_data.sources.jemss import read_jemss, read_jemss_places
from geo_data.sources.tables import TableError, read_tables
from geo_data.speeds import travel_ms

DAY_MS = 86_400_000
NODES = "nodes,,,\nindex,x,y,offRoadAccess,\n1.0,-113.5,53.5,1.0\n2.0,-113.49,53.5,0.0\n3.0,-113.49,53.51,0.0\n"
ARCS = """miscData,,,
arcForm,numModes,
directed,2
,
arcs,,,
index,fromNode,toNode,distance,mode_1,mode_2,
1.0,1.0,2.0,0.664,0.0006,0.0009
2.0,2.0,1.0,0.664,0.0005,0.0008
3.0,2.0,3.0,1.113,0.0004,0.0007
4.0,3.0,1.0,1.300,0.0010,0.0011
"""
TRAVEL = """travelModes,,
travelModeIndex,offRoadSpeed,note
1,744,regular
2,1080,lights and sirens
,,
travelSets,,
travelSetIndex,priority,travelModeIndex
1,highPriority,2
1,lowPriority,1
"""


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in {"nodes": NODES, "arcs": ARCS, "travel_1": TRAVEL, **files}.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    return tmp_path


def test_times_of_either_mode_come_out_again(tmp_path: Path) -> None:
    roads = read_jemss(_folder(tmp_path))
    assert roads.source_id.tolist() == [1, 3, 4]  # arcs 1 and 2 are one street
    assert roads.dropped["arcs_paired"] == 1
    network = build_network(roads)
    times = {
        (int(network.arc_source_id[arc]), bool(network.arc_drawn[arc])): (
            int(travel_ms(network, "normal")[arc]),
            int(travel_ms(network, "emergency")[arc]),
        )
        for arc in range(network.n_arcs)
        if network.arc_modes[arc] & DRIVE
    }
    # In this city the second mode is lights and sirens: its file says so.
    wanted = {(1, True): (0.0006, 0.0009), (1, False): (0.0005, 0.0008), (3, True): (0.0004, 0.0007)}
    for street, (normal, emergency) in wanted.items():
        assert times[street] == (round(normal * DAY_MS), round(emergency * DAY_MS))


def test_what_cannot_be_left_on_foot_is_not_walked(tmp_path: Path) -> None:
    roads = read_jemss(_folder(tmp_path))
    assert (roads.forward_modes == DRIVE).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("arcs", ARCS.replace("0.0007", "0"), ("arcs.csv", "line 9", "mode_2", "above 0")),
        ("arcs", ARCS.replace("0.0007", "7"), ("arcs.csv", "line 9", "mode_2", "'7'")),
        ("arcs", ARCS.replace("3.0,2.0,3.0", "3.0,2.0,8.0"), ("arcs.csv", "line 9", "toNode", "'8.0'")),
        ("arcs", ARCS.replace("directed", "sideways"), ("arcs.csv", "arcForm", "sideways")),
        ("arcs", ARCS.replace("mode_2", "mode_9"), ("arcs.csv", "mode_2", "no such column")),
        ("nodes", NODES.replace("53.51", "nan"), ("nodes.csv", "line 5", "y", "nan")),
        ("nodes", NODES.replace("nodes", "knots"), ("nodes.csv", "table", "knots")),
        ("travel_1", TRAVEL.replace("highPriority,2", "highPriority,3"), ("travel_1.csv", "travelModeIndex", "'3'")),
        ("travel_1", TRAVEL.replace("lowPriority", "midPriority"), ("travel_1.csv", "lowPriority")),
    ],
)
def test_refusals_say_where_and_why(tmp_path: Path, name: str, text: str, place: tuple[str, ...]) -> None:
    with pytest.raises(TableError) as refused:
        read_jemss(_folder(tmp_path, **{name: text}))
    for part in (*place, "limit"):
        assert part in str(refused.value)


def test_an_ambulance_belongs_to_a_station(tmp_path: Path) -> None:
    stations = "stations,,\nindex,x,y,capacity,,name\n1,-113.5,53.5,2,,Spruce\n"
    hospitals = "hospitals,,\nindex,x,y\n1,-113.4,53.5\n"
    ambulances = "ambulances,,,a comment\nindex,stationIndex,class,\n1,1,1,\n"
    folder = _folder(tmp_path, stations_1=stations, hospitals_1=hospitals, ambulances_1=ambulances)
    places = read_jemss_places(folder)
    assert (places.stations[0].name, places.hospitals[0].name, places.ambulances[0].station) == ("Spruce", "1", "1")
    (folder / "ambulances_1.csv").write_text(ambulances.replace("1,1,1,", "1,4,1,"), "utf-8")
    with pytest.raises(TableError, match="stationIndex"):
        read_jemss_places(folder)


def test_edmonton_gives_its_own_times_to_the_millisecond(data: Path) -> None:
    folder = data / "edmonton"
    network = build_network(read_jemss(folder))
    assert (network.n_nodes, network.n_arcs) == (51_331, 71_241)
    arcs = read_tables(folder / "arcs.csv")["arcs"]
    wanted = {
        (int(tail), int(head)): (lights, normal)
        for tail, head, lights, normal in zip(
            arcs.wholes("fromNode"),
            arcs.wholes("toNode"),
            arcs.numbers("mode_1", 0, 1),
            arcs.numbers("mode_2", 0, 1),
            strict=True,
        )
    }
    ends = zip(network.node_source_id[network.arc_tail], network.node_source_id[network.arc_head], strict=True)
    days = np.array([wanted[int(tail), int(head)] for tail, head in ends])
    for column, profile in enumerate(("emergency", "normal")):
        assert np.abs(travel_ms(network, profile) - days[:, column] * DAY_MS).max() <= 1


def test_edmonton_has_its_stations(data: Path) -> None:
    places = read_jemss_places(data / "edmonton")
    assert (len(places.stations), len(places.hospitals), len(places.ambulances)) == (17, 5, 16)
    assert places.stations[1].name == "Terwillegar"
