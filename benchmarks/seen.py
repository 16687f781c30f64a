"""Sightings beside the crowd: from a person's word that it is true to the order at the nearest station's terminal.

Runs in a process of its own, ``python -m benchmarks.seen``, and is told on standard input where the server is. Each
sighting has a lookout of its own, to observe; it is reported beforehand and verified at its instant, on a schedule that
waits for nobody. A time counts from that instant. Prints the times in ms, by sighting, null for one without an order.
"""

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass

import httpx

from engine.terminal import Client, Exchange

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Asked:
    """Where, as whom, and what.

    Attributes
    ----------
    http, stream
        Addresses.
    desk, station
        Credentials.
    spots
        Where subjects are seen, in degrees: a sighting each.
    every_s
        From one verification to the next.
    """

    http: str
    stream: str
    desk: str
    station: str
    spots: list[tuple[float, float]]
    every_s: float

    def encode(self) -> bytes:
        """Return what the process is told."""
        return json.dumps(asdict(self)).encode()


async def measure(asked: Asked) -> list[float | None]:
    """Report, verify, and wait for the station's orders."""
    came_ns: dict[str, int] = {}
    async with (
        httpx.AsyncClient(
            base_url=asked.http, auth=Exchange(asked.http, asked.desk), timeout=30.0, trust_env=False
        ) as desk,
        Client(asked.stream, Exchange(asked.http, asked.station)) as station,
    ):
        hearing = asyncio.create_task(_hear(station, came_ns, len(asked.spots)))
        sightings = [await _report(desk, number, spot) for number, spot in enumerate(asked.spots)]
        begun_ns = time.monotonic_ns() + 500_000_000
        due_ns = [begun_ns + round(number * asked.every_s * 1e9) for number in range(len(sightings))]
        saying = [
            asyncio.create_task(_verify(desk, sighting, at)) for sighting, at in zip(sightings, due_ns, strict=True)
        ]
        await asyncio.gather(*saying)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hearing, PATIENCE_S)
        for lookout, _ in sightings:
            (await desk.post(f"/v1/lookouts/{lookout}/lift", json={"reason": "over"})).raise_for_status()
    return [
        None if (came := came_ns.get(_label(number))) is None else (came - at) / 1e6 for number, at in enumerate(due_ns)
    ]


def _label(number: int) -> str:
    return f"subject {number}"


async def _report(desk: httpx.AsyncClient, number: int, spot: tuple[float, float]) -> tuple[str, str]:
    """Look out for a subject, and say that it was seen; return the ids of both."""
    terms = {
        "key": f"lookout {number}",
        "reference": f"list-{number}",
        "list_class": "observe",
        "case_number": "benchmark",
        "until": round(time.time() * 1_000) + 3_600_000,
        "label": _label(number),
    }
    looked = (await desk.post("/v1/lookouts", json=terms)).raise_for_status().json()["lookout"]["id"]
    seen = {"lookout": looked, "source_ref": f"seen {number}", "lon": spot[0], "lat": spot[1], "confidence": 0.9}
    return looked, (await desk.post("/v1/sightings", json=seen)).raise_for_status().json()["sighting"]["id"]


async def _verify(desk: httpx.AsyncClient, sighting: tuple[str, str], due_ns: int) -> None:
    await asyncio.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
    (await desk.post(f"/v1/sightings/{sighting[1]}/verify", json={"verdict": "true"})).raise_for_status()


async def _hear(station: Client, came_ns: dict[str, int], wanted: int) -> None:
    while len(came_ns) < wanted and (item := await station.next_item()) is not None:
        if item.order is not None and item.order.task == "observe":
            came_ns.setdefault(item.order.label, time.monotonic_ns())


if __name__ == "__main__":
    told = json.load(sys.stdin)
    print(json.dumps(asyncio.run(measure(Asked(**told)))))
