"""Positions in: checked one by one, moved all at once."""

from collections.abc import Sequence

import numpy as np

from engine.core.checked_place import hint
from engine.core.world import World
from engine.fleet import Reason
from engine.model.entities import PositionFix
from engine.model.errors import Refusal
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus

_EVER = -(1 << 62)


def move(world: World, fixes: Sequence[PositionFix], now: int) -> list[Refusal | None]:
    """Move units to where they say they are; see `engine.core.engine.Engine.move`."""
    units, policies = world.state.units, world.city.policies
    oldest = now - policies.stale_position_ms if policies.stale_position_ms else _EVER
    newest, crewed = now + policies.alert_ahead_ms, bool(world.state.kept.crews)
    answers: list[Refusal | None] = [
        None if not crewed and fix.unit in units and _is_plain(fix, oldest, newest) else _check(world, fix, now)
        for fix in fixes
    ]
    taken = [number for number, refusal in enumerate(answers) if refusal is None]
    if not taken:
        return answers
    rows = np.array([world.fleet.index(fixes[i].unit) for i in taken], np.int32)
    headings = [fixes[i].heading_deg for i in taken]
    moves = world.fleet.move(
        rows,
        np.array([fixes[i].lon for i in taken]),
        np.array([fixes[i].lat for i in taken]),
        np.array([fixes[i].at for i in taken], np.int64),
        np.array([np.nan if heading is None else heading for heading in headings]),
    )
    limit_m = world.city.policies.snap_limit_m
    for number, reason in zip(taken, moves.reason.tolist(), strict=True):
        if reason == Reason.OFF_ROAD:
            fix = fixes[number]
            away = f"within {limit_m:g} m of a road{hint(world, fix.lon, fix.lat)}"
            answers[number] = Refusal("off_road", "lon,lat", f"{fix.lon},{fix.lat}", away)
    return answers


def _is_plain(fix: PositionFix, oldest: int, newest: int) -> bool:
    """Tell whether nothing is wrong with a fix of a known unit; `_check` says what is."""
    if not (-180.0 <= fix.lon <= 180.0 and -90.0 <= fix.lat <= 90.0 and oldest <= fix.at <= newest):
        return False
    return fix.heading_deg is None or 0.0 <= fix.heading_deg <= 360.0


def _check(world: World, fix: PositionFix, now: int) -> Refusal | None:
    if UnitId(fix.unit) not in world.state.units:
        return Refusal("unknown_unit", "unit", fix.unit, "a unit of this city")
    if world.state.kept.crews and world.state.unit_status[UnitId(fix.unit)] is UnitStatus.OFF_DUTY:
        return Refusal("off_duty", "unit", fix.unit, "a unit on duty: officers off duty are not tracked")
    for name, value, limit in (("lon", fix.lon, 180.0), ("lat", fix.lat, 90.0)):
        if not -limit <= value <= limit:
            return Refusal("out_of_range", name, value, f"-{limit:g} to {limit:g}{hint(world, fix.lon, fix.lat)}")
    heading = fix.heading_deg
    if heading is not None and not 0.0 <= heading <= 360.0:
        return Refusal("out_of_range", "heading_deg", heading, "0 to 360")
    ahead, stale = world.city.policies.alert_ahead_ms, world.city.policies.stale_position_ms
    if fix.at > now + ahead:
        return Refusal("clock_ahead", "at", fix.at, f"at most {ahead} ms ahead of {now}")
    if stale and fix.at < now - stale:
        # Nobody is sent by such a position: a terminal whose clock is behind has to hear of it.
        return Refusal("too_old", "at", fix.at, f"at most {stale} ms before {now}")
    return None
