"""Compiling the kernels before the first alert needs them.

A kernel is compiled for the kind of array it is called with, and a network that was read from a file is memory-mapped
and read-only. So warming plays one whole alert on the smallest network, read from a file: what runs then is compiled.
"""

import importlib
import tempfile
from pathlib import Path

import msgspec

from engine.core.city import City
from engine.core.engine import Engine
from engine.dispatch.search.planning import EXACT
from engine.model.commands import ReportAlert
from engine.model.entities import Alert, Need, Place, PositionFix, Station, Unit
from engine.model.ids import IncidentId, StationId, UnitId
from engine.model.searches import ReportLook
from geo_data.crossing import crossing
from geo_data.road_network import RoadNetwork


def warm() -> None:
    """Compile every kernel that serving needs, or load it from the cache."""
    from engine.containment.warming import warm as warm_containment  # noqa: PLC0415 - brings numba in
    from engine.dispatch.contending import warm as warm_dispatch  # noqa: PLC0415
    from engine.travel import warm as warm_travel  # noqa: PLC0415

    warm_travel()
    warm_dispatch()
    warm_containment()
    # The first contested plan of a worker would import CP-SAT, and hold everyone up for half a second.
    importlib.import_module("engine.dispatch.exact_core")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roads.apn"
        crossing().save(path)
        _play(RoadNetwork.load(path))


def _place(number: int) -> Place:
    return Place(lon=0.0009 * number / (EXACT + 2), lat=0.0, chance=0.5 / (EXACT + 2), phone=False)


def _play(network: RoadNetwork) -> None:
    """Play an alert with a unit that goes, one that cannot, and a station that is ordered for want of more."""
    patrol = Unit(id=UnitId("A"), name="A", capabilities=("patrol",), lon=0.0, lat=0.0)
    city = City(
        name="warm",
        network=network,
        units=(patrol, Unit(id=UnitId("B"), name="B", capabilities=("traffic",), lon=0.0009, lat=0.0)),
        stations=(Station(id=StationId("S"), name="S", lon=0.0, lat=0.0),),
    )
    engine = Engine(city)
    now = engine.clock.now()
    engine.move([PositionFix(patrol.id, 0.0004, 0.0, now, heading_deg=90.0)], now)
    type_ = next(iter(city.run_cards.cards))
    alert = Alert(
        source="warm",
        source_ref="1",
        type=type_,
        lon=0.0005,
        lat=0.0,
        at=now,
        needs=(Need("patrol", 2), Need("traffic")),
    )
    missing = msgspec.structs.replace(
        alert, source_ref="2", needs=(Need("traffic"),), places=tuple(_place(number) for number in range(1, EXACT + 2))
    )
    for its in (missing, alert):
        reply = engine.submit(ReportAlert(actor="system", alert=its))[0]
        assert reply.refusal is None, reply.refusal
        assert reply.incident is not None
    looked = ReportLook(actor="system", key="1", incident=IncidentId("warm-incident-1"), place=0, found=False)
    engine.submit(looked)
    engine.fleet.frozen()
