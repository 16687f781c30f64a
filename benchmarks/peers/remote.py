"""The peers as a benchmark asks them: each starts in a process of its own, and one that fails is reported absent."""

import pickle
import select
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from benchmarks.harness import CACHE, ROOT, Report, say
from benchmarks.peers.course import Crew, Places, Ranked, Roads
from benchmarks.peers.environment import Missing, python_for

ANSWER_S = 900
"""A peer that has said nothing for so long is ended."""


@dataclass(frozen=True)
class Entry:
    """A peer: where its code is, what it imports, how its answers compare, what it does that others do not."""

    code: str
    package: str
    distribution: str
    does: str
    answers: str = "equal"
    """``equal``: to the millisecond; ``rounded``: but for where coordinates lie; ``own``: by its own costs."""


_SNAPS = "snaps every coordinate; returns an object of JSON"
PEERS = {
    "scipy_full": Entry("scipy:Peer", "scipy", "scipy", "finds every node's time"),
    "igraph": Entry("igraph:Peer", "igraph", "igraph", "stops once it has the nodes of all units"),
    "routingkit": Entry(
        "routingkit:Peer", "routingkit_cch", "routingkit-cch", "finds all units' times; units pinned beforehand"
    ),
    "routingkit_moved": Entry(
        "routingkit:Moved", "routingkit_cch", "routingkit-cch", "finds all units' times; pins units anew by question"
    ),
    "pandana": Entry("pandana:Peer", "pandana", "pandana", "finds all units' times, pair by pair"),
    "osrm_ch": Entry("osrm:Peer", "osrm", "osrm-bindings", f"{_SNAPS}; edge-based, could heed turns", "rounded"),
    "osrm_mld": Entry("osrm:MultiLevel", "osrm", "osrm-bindings", f"{_SNAPS}; edge-based, could heed turns", "rounded"),
    "valhalla": Entry("valhalla:Peer", "valhalla", "pyvalhalla", f"{_SNAPS}; costs of its own at turns", "own"),
}
ASSIGNERS = {
    "scipy_dense": Entry("matching:Dense", "scipy", "scipy", "least total over a full matrix"),
    "scipy_sparse": Entry("matching:Sparse", "scipy", "scipy", "least total over the candidates"),
    "lapx": Entry("matching:Lapx", "lap", "lapx", "least total over a full matrix"),
}
"""Who is asked for plans, not for ways."""


class Gone(Exception):
    """A peer does not answer; says why."""


@dataclass
class Remote:
    """One peer's process."""

    name: str
    process: subprocess.Popen[bytes]
    log: str

    @classmethod
    def start(cls, name: str) -> Self:
        """Start it.

        Raises
        ------
        Missing
            When its package is not to be had.
        """
        entry = (PEERS | ASSIGNERS)[name]
        python = python_for(entry.package)
        CACHE.mkdir(exist_ok=True)
        log = CACHE / f"peer-{name}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [python, "-m", "benchmarks.peers.worker", entry.code],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        return cls(name, process, str(log))

    def ask(self, method: str, *arguments: object) -> tuple[float, Any]:
        """Return the peer's own seconds and its answer.

        Raises
        ------
        Gone
            When it failed, ended, or has no answer to this.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            pickle.dump((method, arguments), self.process.stdin, protocol=4)
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], ANSWER_S)[0]:
                raise Gone(f"{method}: no answer within {ANSWER_S} s")
            how, *found = pickle.load(self.process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise Gone(f"{method}: the process ended with {self.process.poll()}; see {self.log}") from error
        if how != "done":
            raise Gone(f"{method}: {found[0]}")
        return float(found[0]), found[1]

    def end(self) -> None:
        """End its process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class Field:
    """All peers that take part; whoever fails leaves the field, and the report says why."""

    report: Report
    peers: dict[str, Remote] = field(default_factory=dict)
    prepared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def start(cls, names: Iterable[str], report: Report) -> Self:
        """Start the peers that can be had."""
        made = cls(report)
        for name in names:
            try:
                made.peers[name] = Remote.start(name)
            except Missing as error:
                made.leave(name, str(error))
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for peer in self.peers.values():
            peer.end()

    def leave(self, name: str, why: str) -> None:
        """Take a peer out."""
        say(f"{name}: absent: {why}")
        self.report.absent[name] = why
        if name in self.peers:
            self.peers.pop(name).end()

    def everybody(self, method: str, *arguments: object) -> dict[str, tuple[float, Any]]:
        """Put the same to all, one after the other; return whose answer there is."""
        found = {}
        for name, peer in list(self.peers.items()):
            try:
                found[name] = peer.ask(method, *arguments)
            except Gone as why:
                self.leave(name, str(why))
        return found

    def prepare(self, roads: Roads, incidents: Places) -> None:
        """Make all ready; `prepared` holds what each says of it, the report what versions they are."""
        for name, (seconds, figures) in self.everybody("prepare", roads, incidents).items():
            self.prepared[name] = {"prepare_s": round(seconds, 2)} | figures
            distribution = PEERS[name].distribution
            self.report.peers[distribution] = self.peers[name].ask("version", distribution)[1]
            say(f"  {name}: ready in {seconds:.1f} s")

    def station(self, crew: Crew) -> None:
        """Tell all where the units are."""
        self.everybody("station", crew)

    def race(self, incidents: list[int], k: int, most_s: float) -> dict[str, tuple[list[float], list[Ranked]]]:
        """Ask all for the ``k`` nearest to some incidents, each for ``most_s``; return seconds and answers of each."""
        return {name: found for name, (_, found) in self.everybody("race", incidents, k, most_s).items()}
