"""``allpoints demo --scenario pursuit``: a car flees and is left, the flight goes on by foot; told, counted and drawn.

On the made-up town or a map. The core is the real one, on a virtual clock; suspect, sources, crews, analyst and
commander are made up.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from engine.cli.demo.cities import EVENING, Scenario
from engine.core.city import City
from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.model import events as e
from engine.model import lookout_events as le
from engine.model.entities import Unit
from engine.model.lifecycle import OrderState
from engine.model.lookouts import Sighting
from engine.review.pursuit_picture import Chart, Held, Seen, draw_pursuit
from engine.service.virtual_clock import VirtualClock
from engine.simulation.chase import Chase
from engine.simulation.fleeing import Fleer
from engine.texts import text
from engine.travel.reach import Reach, Reacher
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import course

PICTURE, FIGURES = "pursuit.png", "figures.json"
ENDS = {"caught": "caught", "shut_in": "shut in at the end", "lost": "lost"}
LENGTH_MS = 900_000
SEEN_S = (0, 75, 150, 260, 330, 420, 540, 690)
"""When the suspect is seen, after the start: three times by car, then on foot."""
LEAVES_CAR_S = 190


def run(args: argparse.Namespace, scenario: Scenario) -> int:
    """Play, tell, draw; 0 when no terminal was ever contradicted and nobody got through a seal."""
    started_s = time.monotonic()
    out = sys.stderr if args.json else sys.stdout
    chase, journal = prepare(scenario, args.seed)
    chased = chase.run()
    told = _Teller(args.lang, scenario.plan.time_zone)
    for event in journal.read():
        line = told.line(event, chase)
        if line:
            print(line, file=out)
    ended = {"at": told.clock(chased.ended_at), "unit": chased.caught_by or ""}
    print(text(f"demo.pursuit_{chased.outcome}", args.lang, **ended), file=out)
    numbers = _figures(chase, journal) | {"seed": args.seed, "seconds": round(time.monotonic() - started_s, 1)}
    print(text("demo.pursuit_sum", args.lang, **numbers), file=out)
    folder = args.out or Path(f"demo-{scenario.plan.name}-pursuit")
    folder.mkdir(parents=True, exist_ok=True)
    draw_pursuit(folder / PICTURE, scenario.plan.network, _chart(chase, journal, scenario))
    (folder / FIGURES).write_text(json.dumps(numbers) + "\n", "utf-8")
    print(text("demo.picture", args.lang, path=folder / PICTURE), file=out)
    if args.json:
        print(json.dumps(numbers), flush=True)
    return 1 if chased.contradictions or chased.leaks else 0


def prepare(scenario: Scenario, seed: int) -> tuple[Chase, VolatileJournal]:
    """Return a pursuit that has not begun, and the record it will have."""
    plan, begins_at = scenario.plan, int(EVENING.timestamp()) * 1000
    clock, journal = VirtualClock(begins_at - 1_000), VolatileJournal()
    city = City(
        name=plan.name,
        network=plan.network,
        units=_on_patrol(plan.units, plan.network, seed),
        stations=tuple(plan.stations),
        policies=plan.policies,
        time_zone=plan.time_zone,
    )
    engine = Engine(city, journal=journal, clock=clock)
    ends_at = begins_at + LENGTH_MS
    leaves_at = begins_at + LEAVES_CAR_S * 1000
    fleer = Fleer(plan.network, seed=seed, begins_at=begins_at, leaves_car_at=leaves_at, ends_at=ends_at)
    seen_at = tuple(begins_at + second * 1000 for second in SEEN_S)
    return Chase(engine, clock, fleer, seen_at, ends_at, seed), journal


def _on_patrol(units: Any, network: RoadNetwork, seed: int) -> tuple[Unit, ...]:
    """Return the units spread over the streets, as they are on an evening's patrol, and rolling at once."""
    import msgspec

    chance = np.random.default_rng(seed + 1)
    drivable = np.unique(network.arc_tail[(network.arc_modes & Mode.EMERGENCY) != 0])
    nodes = chance.choice(drivable, len(units), replace=len(drivable) < len(units))
    return tuple(
        msgspec.structs.replace(
            unit, lon=float(network.node_lon[node]), lat=float(network.node_lat[node]), turnout_ms=5_000
        )
        for unit, node in zip(units, nodes, strict=True)
    )


class _Teller:
    """Says what happened, one line for each event that matters."""

    def __init__(self, language: str, zone: str) -> None:
        self._language, self._zone = language, ZoneInfo(zone)

    def clock(self, at: int) -> str:
        """Spell an instant by the city's clock."""
        return datetime.fromtimestamp(at / 1000, self._zone).strftime("%H:%M:%S")

    def line(self, event: e.Event, chase: Chase) -> str:
        """Say an event; empty where nobody need hear of it."""
        values: dict[str, object]
        body, values = event.body, {}
        match body:
            case le.SightingVerified():
                its = chase.state.sightings[body.id]
                key, values = "pursuit_seen", {"sighting": its.id, "mode": text(f"mode.{its.mode}", self._language)}
            case le.SightingReported(held_for=str()):
                key, values = "pursuit_held", {"sighting": body.id, "why": body.held_for}
            case le.ContainmentPlanned(outcome="held", proposal=proposal) if proposal is not None:
                share = "–" if proposal.probability is None else f"{proposal.probability:.0%}"
                key = f"pursuit_{proposal.verdict}"
                values = {"posts": len(proposal.posts), "stretch": proposal.stretch / 1000, "share": share}
            case le.OrderAmended():
                recipient = chase.state.orders[body.order].recipient
                key, values = "pursuit_amended", {"recipient": recipient, "version": body.version}
            case e.OrderAdvanced(to=OrderState.REPLACED):
                key, values = "pursuit_replaced", {"recipient": chase.state.orders[body.order].recipient}
            case e.OrderAdvanced(to=OrderState.ON_SCENE) if body.order in chase.state.order_posts:
                key, values = "pursuit_stands", {"recipient": chase.state.orders[body.order].recipient}
            case _:
                return ""
        return f"{self.clock(event.at)} {text(f'demo.{key}', self._language, **values)}"


def _figures(chase: Chase, journal: VolatileJournal) -> dict[str, Any]:
    bodies = [event.body for event in journal.read()]
    planned = [body for body in bodies if isinstance(body, le.ContainmentPlanned)]
    return {
        "outcome": chase.chased.outcome,
        "sightings": sum(isinstance(body, le.SightingVerified) for body in bodies),
        "held": sum(isinstance(body, le.SightingReported) and body.held_for is not None for body in bodies),
        "orders": sum(isinstance(body, e.OrderProposed) for body in bodies),
        "amended": sum(isinstance(body, le.OrderAmended) for body in bodies),
        "replaced": sum(isinstance(body, e.OrderAdvanced) and body.to is OrderState.REPLACED for body in bodies),
        "plans": len(planned),
        "sealed_plans": sum(
            body.outcome == "held" and body.proposal is not None and body.proposal.verdict == "sealed"
            for body in planned
        ),
        "sealed_s": round(sum(until - since for since, until in chase.chased.sealed) / 1000),
        "leaks": len(chase.chased.leaks),
        "contradictions": len(chase.chased.contradictions),
        "steps": chase.chased.steps,
    }


def _chart(chase: Chase, journal: VolatileJournal, scenario: Scenario) -> Chart:
    ended_at = chase.chased.ended_at
    legs = [leg for leg in chase.fleer.legs if leg.begins_at < ended_at]
    sightings = [chase.state.sightings[name] for name in chase.state.lookouts[chase.lookout].track]
    posts: dict[tuple[float, float], Held] = {}
    for event in journal.read():
        if isinstance(event.body, le.OrderAmended | e.OrderProposed | e.OrderAdvanced):
            _note_post(posts, event.body, chase)
    title = scenario.plan.title.get("en") or scenario.plan.name
    numbers = _figures(chase, journal)
    subtitle = (
        f"{numbers['sightings']} sightings · {numbers['orders']} orders, {numbers['amended']} amended, "
        f"{numbers['replaced']} replaced · {numbers['plans']} plans, {numbers['sealed_plans']} of them seals"
    )
    lon, lat, _, _ = chase.fleer.at(ended_at)
    return Chart(
        title=f"{title}: a made-up pursuit, {ENDS[chase.chased.outcome]}",
        subtitle=subtitle,
        by_car=[leg.points for leg in legs if leg.mode == "car"],
        on_foot=[leg.points for leg in legs if leg.mode == "foot"],
        ways=[np.array(crew.track) for crew in chase.crews.values() if crew.track],
        seen=_seen(chase, sightings, ended_at),
        posts=tuple(posts.values()),
        end=(lon, lat),
        caught=chase.chased.outcome == "caught",
    )


def _note_post(posts: dict[tuple[float, float], Held], body: Any, chase: Chase) -> None:
    if isinstance(body, e.OrderAdvanced):
        order = chase.state.orders[body.order]
        place = (order.lon, order.lat)
        if body.to is OrderState.ON_SCENE and place in posts:
            posts[place] = replace(posts[place], stood=True)
    elif body.post is not None:
        order = body.order if isinstance(body, e.OrderProposed) else chase.state.orders[body.order]
        place = (order.lon, order.lat) if isinstance(body, e.OrderProposed) else (body.lon, body.lat)
        posts.setdefault(place, Held(*place, str(order.recipient), stood=False))


def _seen(chase: Chase, sightings: list[Sighting], ended_at: int) -> tuple[Seen, ...]:
    """Return the sightings, each with what was in reach until the next was there."""
    ends = [its.at for its in sightings[1:]] + [ended_at]
    found = []
    for number, (its, until) in enumerate(zip(sightings, ends, strict=True), 1):
        times = chase.engine.flight.fleeing(its.mode)
        spot = chase.engine.city.snapper.snap(its.lon, its.lat)
        reach = Reacher(times).reach(spot.arc, spot.fraction, max(0, until - its.at))
        found.append(Seen(its.lon, its.lat, str(number), _lines(reach)))
    return tuple(found)


def _lines(reach: Reach) -> tuple[Any, ...]:
    pieces = zip(reach.arcs.tolist(), reach.begin.tolist(), reach.end.tolist(), strict=True)
    return tuple(course(reach.network, arc, begin, end) for arc, begin, end in pieces if end > begin)
