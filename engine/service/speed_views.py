"""Speeds between HTTP and the engine: rules and live speeds as they come in, and what is said of those in force."""

import numpy as np

from engine.core.batch import Reply
from engine.core.engine import Engine
from engine.model.ids import RuleId
from engine.model.streets import SpeedRule, Spot
from engine.service.speed_bodies import FeedIn, FeedTaken, SpeedRuleIn, SpeedRuleTaken, SpeedsBody, StandingRuleBody
from engine.travel import LEAST_FACTOR, MOST_FACTOR
from geo_data.datum import to_wgs84


def rule_of(said: SpeedRuleIn) -> SpeedRule:
    """Return a rule as the core takes it, in WGS-84."""
    return SpeedRule(
        factor=said.factor,
        rings=tuple(tuple(to_wgs84(*corner, said.datum) for corner in ring) for ring in said.rings),
        spots=tuple(Spot(*to_wgs84(spot.lon, spot.lat, said.datum), spot.heading_deg) for spot in said.spots),
        classes=said.classes,
        hours=said.hours,
        until=said.until,
        reason=said.reason,
    )


def rule_taken(engine: Engine, reply: Reply) -> SpeedRuleTaken:
    """Return what became of a rule."""
    speeds = engine.speeds
    its = _standing(engine, reply.rule) if reply.rule in engine.state.speed_rules else None
    return SpeedRuleTaken(its, reply.duplicate, speeds.traffic.version, speeds.traffic.coming)


def speeds_body(engine: Engine) -> SpeedsBody:
    """Return which travel times are in force, and why they are as they are."""
    speeds = engine.speeds
    return SpeedsBody(
        version=speeds.traffic.version,
        coming=speeds.traffic.coming,
        hour=speeds.hour,
        live_arcs=speeds.traffic.live_arcs,
        rules=tuple(_standing(engine, rule) for rule in engine.state.speed_rules),
    )


def feed(engine: Engine, said: FeedIn, now: int) -> FeedTaken:
    """Find the streets that live speeds are about, and take them."""
    places = [to_wgs84(fed.lon, fed.lat, said.datum) for fed in said.speeds]
    headings = [np.nan if fed.heading_deg is None else fed.heading_deg for fed in said.speeds]
    arcs, _, _ = engine.city.snapper.snap_many(*zip(*places, strict=True), heading_deg=headings)
    known = arcs >= 0
    kmh = np.array([np.nan if fed.kmh is None else fed.kmh for fed in said.speeds])
    factor = np.array([1.0 if fed.factor is None else fed.factor for fed in said.speeds])
    measured = known & ~np.isnan(kmh)
    factor[measured] = engine.speeds.factor_for(arcs[measured], kmh[measured])
    factor = np.clip(factor, LEAST_FACTOR, MOST_FACTOR)
    back = engine.city.network.arc_reverse[arcs]
    both = known & np.isnan(headings) & (back >= 0)
    every = np.concatenate((arcs[known], back[both]))
    engine.feed_speeds(every, np.concatenate((factor[known], factor[both])), now + round(said.ttl_s * 1000), now)
    traffic = engine.speeds.traffic
    return FeedTaken(
        arcs=len(every), off_road=int(np.count_nonzero(~known)), version=traffic.version, coming=traffic.coming
    )


def _standing(engine: Engine, rule_id: RuleId | None) -> StandingRuleBody:
    assert rule_id is not None
    record = engine.state.speed_rules[rule_id]
    return StandingRuleBody(
        id=rule_id,
        rule=record.rule,
        set_by=record.actor,
        set_at=record.at,
        arcs=engine.speeds.arcs_under(rule_id),
        holds_now=record.rule.holds_in(engine.speeds.hour),
    )
