"""City folders for tests: the grid of `tests.support.cities`, written as files."""

from pathlib import Path

from engine.cli.new_city import CityPlan, write_city, write_credentials
from engine.dispatch.policies import Policies
from geo_data.building import build_network
from tests.support.cities import grid_roads, station, unit


def grid_folder(folder: Path, *, units=None, stations=None, policies=None, tokens=True, **more) -> Path:
    """Write a city of a grid of streets, with a few units and a station; return its folder."""
    stations = [station("S1", 0, 0), station("S2", 5, 4)] if stations is None else stations
    units = [unit("P1", 1, 1), unit("P2", 4, 3), unit("D1", 2, 2, "duty_group")] if units is None else units
    plan = CityPlan(
        name="grid",
        title={"zh": "方格", "en": "Grid"},
        network=build_network(grid_roads()),
        stations=stations,
        units=units,
        time_zone="Asia/Shanghai",
        policies=policies or Policies(stale_position_ms=0),
        **more,
    )
    write_city(folder, plan)
    if tokens:
        write_credentials(folder, units, stations)
    return folder


def credentials_of(folder: Path) -> dict[str, str]:
    """Return the folder's tokens by subject."""
    lines = (folder / "credentials.csv").read_text().splitlines()[1:]
    return {subject: token for _, subject, token in (line.split(",") for line in lines)}
