"""A city in a folder of its own with the real server over it, in a process of its own, as the stream is measured."""

import contextlib
import csv
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import ROOT, kept_network
from engine.cli.new_city import CREDENTIALS, CityPlan, write_city, write_credentials
from engine.core.city_folder import load_settings
from engine.model.entities import Station, Unit
from engine.model.ids import StationId, UnitId
from engine.service.access import Access
from engine.terminal import Exchange
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree, point_at
from geo_data.town import make_town

CAPABILITY = "patrol"
OFF_M = 15.0
_START_S, _END_S = 300.0, 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024


@dataclass(frozen=True)
class Place:
    """A made-up city, written down: where its units begin, and a token for each of them and for some sources."""

    folder: Path
    network: RoadNetwork
    homes: NDArray[np.float64]
    rng: np.random.Generator

    @classmethod
    def make(cls, folder: Path, nodes: int, units: int, seed: int) -> "Place":
        """Make the town, its units and their credentials."""
        network = kept_network(f"town_{nodes // 1000}k_{seed}", lambda: make_town(nodes, seed).network())
        rng = np.random.default_rng([seed, 11])
        homes = _near_streets(network, units, rng)
        lon, lat = homes[0].tolist()
        stations = [Station(id=StationId("S1"), name="Station 1", lon=lon, lat=lat)]
        fleet = [
            Unit(id=UnitId(f"U{row:05}"), name=f"Unit {row}", capabilities=(CAPABILITY,), lon=lon, lat=lat)
            for row, (lon, lat) in enumerate(homes.tolist())
        ]
        write_city(folder, CityPlan(name="town", title={"en": "Town"}, network=network, stations=stations, units=fleet))
        write_credentials(folder, fleet, stations)
        return cls(folder, network, homes, rng)

    def spots(self, count: int) -> NDArray[np.float64]:
        """Return coordinates some metres off streets, float64 (count, 2)."""
        return _near_streets(self.network, count, self.rng)

    def credentials(self) -> dict[str, str]:
        """Return the credentials by subject."""
        with (self.folder / CREDENTIALS).open(encoding="utf-8", newline="") as file:
            return {row["subject"]: row["credential"] for row in csv.DictReader(file)}

    def tokens(self, sources: int) -> tuple[list[str], list[str]]:
        """Return a token for each unit, and so many for the source of alerts; each opens one connection at a time."""
        known = self.credentials()
        with Access(self.folder, load_settings(self.folder).access) as access:
            units = [access.exchange(known[f"U{row:05}"]).token for row in range(len(self.homes))]
            return units, [access.exchange(known["calls"]).token for _ in range(sources)]


class Server:
    """``allpoints serve`` over a folder, ready. Its log is ``server.log`` there."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = (folder / "server.log").open("ab")
        command = [sys.executable, "-m", "engine.cli.main", "serve", str(folder), "--port", "0", "--trace", *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _START_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.end()
            raise RuntimeError(f"the server did not start: {(folder / 'server.log').read_text()[-2000:]}")
        address = json.loads(line)
        self.http = address["http"]
        at = urlsplit(address["stream"])
        self.stream = (str(at.hostname), int(at.port or 0))

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time that it has used so far, in all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    @property
    def resident_kb(self) -> float:
        """Kilobytes that it holds in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE_KB

    def figures(self, credential: str) -> dict[str, float]:
        """Return what ``/metrics`` says, by name and labels."""
        with httpx.Client(
            base_url=self.http, auth=Exchange(self.http, credential), timeout=30.0, trust_env=False
        ) as http:
            page = http.get("/metrics").raise_for_status().text
        rows = (line.rpartition(" ") for line in page.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def end(self) -> int:
        """End it cleanly, by force if it does not end; return its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self._log.close()
            if self.process.stdout is not None:
                self.process.stdout.close()


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Server]:
    """Run a server, and see to it that it has ended afterwards."""
    server = Server(folder, *arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


def _near_streets(network: RoadNetwork, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    arcs, shares = rng.integers(0, network.n_arcs, count), rng.random(count)
    spots = np.array([point_at(network, arc, share) for arc, share in zip(arcs.tolist(), shares.tolist(), strict=True)])
    return spots + rng.normal(0.0, OFF_M, (count, 2)) / metres_per_degree(float(network.node_lat.mean()))
