"""Rules over the streets as commands: what is checked at the edge, and what the desk is told when one ends."""

import math

from engine.core.checked_place import hint
from engine.core.draft import Draft
from engine.core.world import World
from engine.model import events as e
from engine.model.commands import LiftSpeedRule, SetSpeedRule, TakeTimes
from engine.model.errors import Refusal
from engine.model.ids import RuleId
from engine.model.limits import (
    LONGEST_ID,
    LONGEST_SCOPED_KEY,
    LONGEST_TEXT,
    MOST_CORNERS,
    MOST_RINGS,
    MOST_SPEED_RULES,
    MOST_SPOTS,
)
from engine.model.streets import HOURS_OF_WEEK, SpeedRule
from engine.travel import LEAST_FACTOR, MOST_FACTOR
from geo_data.raw_roads import STREETS

CLASSES = tuple(kind.name.lower() for kind in STREETS)


def set_speed_rule(world: World, draft: Draft, command: SetSpeedRule) -> None:
    """Let a rule hold. The same key again changes nothing."""
    _check_text("key", command.key, 1, LONGEST_SCOPED_KEY)
    if command.key in world.state.kept.keys:
        return
    _check(world, command.rule, draft.now)
    draft.emit(e.SpeedRuleSet(id=RuleId(draft.mint("rule")), rule=command.rule, key=command.key))


def lift_speed_rule(world: World, draft: Draft, command: LiftSpeedRule) -> None:
    """Let a rule hold no more."""
    if command.rule not in world.state.speed_rules:
        raise Refusal("unknown_rule", "rule", command.rule, "a rule that holds")
    _check_text("reason", command.reason, 0, LONGEST_ID)
    draft.emit(e.SpeedRuleLifted(id=command.rule, why="lifted", reason=command.reason))


def end_speed_rule(draft: Draft, rule: RuleId) -> None:
    """End a rule whose time is over, and tell the desk."""
    draft.emit(e.SpeedRuleLifted(id=rule, why="expired"))
    draft.tell_desk("speed_rule_over", rule=rule)


def take_times(world: World, draft: Draft, command: TakeTimes) -> None:  # noqa: ARG001 - a handler's three arguments
    """Go over to a version of the travel times that a worker has made; what waits is looked at again under it."""
    if world.speeds.traffic.finish(command.number):
        world.reweigh()
        world.state.freed = True


def _check(world: World, rule: SpeedRule, now: int) -> None:
    """Hold a rule against what can be, and against the city's roads."""
    if len(world.state.speed_rules) >= MOST_SPEED_RULES:
        raise Refusal("too_many", "rules", len(world.state.speed_rules), f"{MOST_SPEED_RULES} that hold at one time")
    if rule.factor != 0 and not LEAST_FACTOR <= rule.factor <= MOST_FACTOR:
        raise Refusal("out_of_range", "factor", rule.factor, f"0, or {LEAST_FACTOR:g} to {MOST_FACTOR:g}")
    if rule.closes and not (rule.rings or rule.spots):
        raise Refusal("missing", "rings,spots", "", "a closure says where: a polygon or single streets")
    for name in rule.classes:
        if name not in CLASSES:
            raise Refusal("unknown_class", "classes", name, ", ".join(CLASSES))
    for first, end in rule.hours:
        if not 0 <= first < end <= HOURS_OF_WEEK:
            raise Refusal("out_of_range", "hours", f"{first}-{end}", f"0 to {HOURS_OF_WEEK}, the first before the end")
    if rule.until is not None and rule.until <= now:
        raise Refusal("out_of_range", "until", rule.until, f"after {now}")
    _check_text("reason", rule.reason, 0, LONGEST_TEXT)
    _check_where(world, rule)


def _check_where(world: World, rule: SpeedRule) -> None:
    for name, given, most in (("rings", rule.rings, MOST_RINGS), ("spots", rule.spots, MOST_SPOTS)):
        if len(given) > most:
            raise Refusal("too_many", name, len(given), most)
    for number, ring in enumerate(rule.rings):
        field = f"rings[{number}]"
        if not 3 <= len(ring) <= MOST_CORNERS:
            raise Refusal("out_of_range", field, f"{len(ring)} corners", f"3 to {MOST_CORNERS} corners")
        for lon, lat in ring:
            _check_position(world, field, lon, lat)
        try:
            world.city.streets_in.touching(ring)
        except ValueError as error:
            raise Refusal("bad_ring", field, str(error), "a border that does not cross itself") from None
    for number, spot in enumerate(rule.spots):
        field = f"spots[{number}]"
        _check_position(world, field, spot.lon, spot.lat)
        if spot.heading_deg is not None and not 0 <= spot.heading_deg <= 360:
            raise Refusal("out_of_range", f"{field}.heading_deg", spot.heading_deg, "0 to 360")
        if not world.speeds.arcs_at(spot):
            limit = f"within {world.city.policies.snap_limit_m:g} m of a road{hint(world, spot.lon, spot.lat)}"
            raise Refusal("off_road", field, f"{spot.lon},{spot.lat}", limit)
    if not len(world.speeds.arcs_of(rule)):
        raise Refusal("no_street", "rings,spots,classes", "", "at least one street of the city")


def _check_position(world: World, field: str, lon: float, lat: float) -> None:
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise Refusal("out_of_range", field, f"{lon},{lat}", f"-180 to 180, -90 to 90{hint(world, lon, lat)}")


def _check_text(field: str, value: str, least: int, most: int) -> None:
    if not least <= len(value) <= most:
        raise Refusal("out_of_range", field, value, f"{least} to {most} characters")
