"""Figures for Prometheus: counters that are told, gauges that are read when somebody asks.

Each server has a registry of its own, so that two in one process do not mix. Labels are codes from our own tables,
never anything that came from outside: what a client invents must not become a time series.
"""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from engine.core.engine import Engine
from engine.model.lifecycle import ENDED_INCIDENTS

_DECIDE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
_COMMIT_S = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """One server's figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decide = self._histogram("decide_seconds", "From a command to its events in the core.", _DECIDE_S)
        self._commit = self._histogram("commit_seconds", "One commit of a batch to the journal.", _COMMIT_S)
        self._batch = self._histogram("batch_commands", "Commands in a batch.", (1, 2, 4, 8, 16, 64, 256, 1024))
        self._refusals = self._counter("refusals", "Input that was not taken, by channel and code.", "channel", "code")
        self._commands = self._counter("commands", "Commands that were taken, by kind.", "kind")
        self._not_stored = self._counter("not_stored", "Batches that the journal could not take.")
        self._positions = self._counter("positions", "Positions, taken or ignored.", "result")

        self._located = self._counter("device_positions", "Positions of devices, by mark.", "protocol", "mark")

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"allpoints_{name}", meaning, registry=self.registry, buckets=buckets)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"allpoints_{name}", meaning, labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show a figure that is read when somebody asks."""
        Gauge(f"allpoints_{name}", meaning, registry=self.registry).set_function(read)

    def watch(self, engine: Engine) -> None:
        """Show what the engine's state says."""

        def undelivered() -> float:
            return sum(box.last_seq - box.delivered_seq for box in engine.state.mailboxes.values())

        def waiting() -> float:
            return sum(demand.order is None and demand.station is None for demand in engine.state.demands.values())

        def open_incidents() -> float:
            return sum(incident.state not in ENDED_INCIDENTS for incident in engine.state.incidents.values())

        self.gauge("mail_undelivered", "Items in mailboxes that no device has yet.", undelivered)
        self.gauge("demands_waiting", "Units that are wanted and not yet found.", waiting)
        self.gauge("incidents_open", "Incidents that have not ended.", open_incidents)
        self.gauge("units_claimed", "Units that an order holds.", lambda: len(engine.state.claims))
        self.gauge("journal_seq", "The last event.", lambda: engine.state.seq)
        self._watch_times(engine)

    def _watch_times(self, engine: Engine) -> None:
        """Show how travel times are found, and which version of them is in force."""
        traffic = engine.speeds.traffic
        self.gauge("times_version", "Version of the travel times in force.", lambda: traffic.version)
        self.gauge(
            "times_behind", "Versions until all that was said is in force.", lambda: traffic.coming - traffic.version
        )
        self.gauge("speed_rules", "Closures and other rules over the streets.", lambda: len(engine.state.speed_rules))
        self.gauge("live_speed_arcs", "Arcs that have a live speed.", lambda: traffic.live_arcs)
        found = Gauge(
            "allpoints_nearest", "How it was found who is nearest, since the start.", ["how"], registry=self.registry
        )
        for how in engine.times.counts:
            found.labels(how).set_function(partial(engine.times.counts.__getitem__, how))

    def decided(self, kind: str, seconds: float) -> None:
        """Count a command that was taken, and how long the core took."""
        self._commands.labels(kind).inc()
        self._decide.observe(seconds)

    def committed(self, commands: int, seconds: float) -> None:
        """Count a batch that is durable."""
        self._batch.observe(commands)
        self._commit.observe(seconds)

    def not_stored(self) -> None:
        """Count a batch that the journal could not take."""
        self._not_stored.inc()

    def refused(self, channel: str, code: str) -> None:
        """Count input that was not taken; ``code`` is from our own tables."""
        self._refusals.labels(channel, code).inc()

    def moved(self, taken: int, ignored: int) -> None:
        """Count positions."""
        self._positions.labels("taken").inc(taken)
        self._positions.labels("ignored").inc(ignored)

    def located(self, protocol: str, mark: str) -> None:
        """Count a position of a device; both words are from our own tables."""
        self._located.labels(protocol, mark).inc()

    def page(self) -> tuple[bytes, str]:
        """Return the page and its media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
