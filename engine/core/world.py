"""What decisions rest on, side by side: the city, the state, and where everyone is.

The fleet's columns follow the state event by event; positions reach them directly. Places on the road are found once
and remembered; they are never journalled, because a new road network moves them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.apply import apply
from engine.core.city import City
from engine.core.crews import crew_size, manned, possible_names
from engine.core.flight import Flight
from engine.core.own_first import OwnFirst
from engine.core.preferring import not_preferred
from engine.core.speeds import Speeds
from engine.core.state import Demand as Waiting
from engine.core.state import State
from engine.core.window import Window
from engine.dispatch.cover import Cover, Demand
from engine.dispatch.decide import Wanted
from engine.dispatch.force import Force
from engine.dispatch.policies import NO_AGE_LIMIT
from engine.dispatch.wanted import bringing
from engine.fleet import SHIFT_OVER, Fleet
from engine.model import events as e
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised
from engine.model.entities import Crew, Station, Unit
from engine.model.ids import IncidentId, OrderId, StationId, UnitId
from engine.model.lifecycle import UNDER_WAY, UnitStatus
from engine.travel import TravelTimes, arrivals
from geo_data.snapping import OffRoad, Snap


class World:
    """The core's whole surroundings, at ``now`` in ms since the epoch."""

    def __init__(self, city: City, state: State, now: int) -> None:
        self.city = city
        self.state = state
        self.times = TravelTimes(city.network, city.arc_ms, city.hierarchy)
        self.speeds = Speeds(city, self.times)
        self.speeds.turn(now)
        self.speeds.follow(state.speed_rules)
        self.speeds.traffic.catch_up(now)
        self.cover = self._new_cover()
        self.flight = Flight(city)
        self.window = Window(city.policies.window_ms)
        self.fleet = self._new_fleet()
        self.posts = self._new_fleet()
        self.stations: tuple[Station, ...] = ()
        self._own_units: dict[StationId, list[UnitId]] = {}
        self._manned: dict[UnitId, Crew | None] = {}
        self.looked_at = 0
        self.to_aim: dict[IncidentId, None] = {}
        """Pursuits that moved: it is to be asked where those under way can be ahead. Whoever is not asked about goes on
        to where the subject was seen, so that none of it need be kept."""
        self.too_late: set[IncidentId] = set()
        """Pursuits about which a worker has answered too late."""
        self._spots: dict[tuple[float, float], Snap] = {}
        self._along: dict[type, Callable[[Any], None]] = {
            e.Configured: lambda _: self.line_up(),
            e.IncidentOpened: self._count_call,
            **dict.fromkeys((e.UnitAdvanced, EmergencyRaised, EmergencyEnded), self._show_unit),
            **dict.fromkeys((e.OrderAdvanced, e.Mailed), self._show_recipient),
            e.ShiftChanged: self._show_crews,
            **dict.fromkeys((e.SpeedRuleSet, e.SpeedRuleLifted), self._follow_rules),
        }
        """What else follows an event, by the kind of its body."""
        self.line_up()

    def _new_fleet(self) -> Fleet:
        inner_ms = self.times.weights.inner_ms
        return Fleet(self.city.network, inner_ms, self.city.snapper, self.city.policies.snap_limit_m)

    def _new_cover(self) -> Cover | None:
        policies = self.city.policies
        if policies.cover == "off":
            return None
        city = self.city
        calls = Demand(city.network, city.arc_ms, policies.cover_resolution)
        known = self.state.incidents.values()
        calls.count([its.lon for its in known], [its.lat for its in known])
        free_flow = TravelTimes(city.network, city.arc_ms, city.hierarchy)
        return Cover(calls, free_flow, policies.cover_standard_ms, policies.cover_busy)

    def follow(self, event: e.Event) -> None:
        """Apply an event to the state, and let the fleet's columns follow."""
        apply(self.state, event)
        along = self._along.get(type(event.body))
        if along is not None:
            along(event.body)

    def _follow_rules(self, _: e.SpeedRuleSet | e.SpeedRuleLifted) -> None:
        self.speeds.follow(self.state.speed_rules)

    def _count_call(self, body: e.IncidentOpened) -> None:
        if self.cover is not None:
            its = self.state.incidents[body.incident]
            self.cover.demand.count([its.lon], [its.lat])

    def _show_unit(self, body: e.UnitAdvanced | EmergencyRaised | EmergencyEnded) -> None:
        self._show(body.unit)

    def _show_recipient(self, body: e.OrderAdvanced | e.Mailed) -> None:
        order = self.state.orders.get(body.order) if body.order is not None else None
        if order is not None and order.recipient_kind == "unit":
            self._show(UnitId(order.recipient))

    def _show_crews(self, body: e.ShiftChanged) -> None:
        for unit in (*body.crews, *body.unlisted):
            self._show(unit)

    def _show(self, unit: UnitId) -> None:
        if unit not in self.fleet:  # the city's file has dropped it while it had an order
            return
        if self._manned.get(unit) is not (crew := self.state.kept.crews.get(unit)):
            self._manned[unit] = crew
            self.own_first.crews_changed()
            self.fleet.add((manned(self.city, self.state, self.state.units[unit]),), self.state.kept.at)
            self.fleet.man(self.fleet.index(unit), *crew_size(self.city, self.state, unit))
        self.fleet.set_status(self.fleet.index(unit), self._shown(unit), self._divertible(unit))

    def _shown(self, unit: UnitId) -> UnitStatus:
        """Return what a unit counts as for whoever is sought: one that has called for help is busy with that."""
        status = self.state.unit_status[unit]
        is_free = status is UnitStatus.AVAILABLE
        return UnitStatus.BUSY if is_free and unit in self.state.emergencies else status

    def _divertible(self, unit: UnitId) -> int:
        """Return the level of what a unit is under way to, where it may be taken off that: once, and before arrival.

        Below 0 where its station has named it: who goes of a station's people is the station's to say; and where its
        shift is over once the order has ended.
        """
        claim = self.state.claims.get(unit)
        if claim is None or unit in self.state.emergencies:
            return 0
        order = self.state.orders[claim]
        if order.state not in UNDER_WAY or order.diverted_from is not None:
            return 0
        due = self.state.kept.crews_due.get(unit)
        if due is not None and not due.people:
            return SHIFT_OVER
        return -1 if order.under is not None else order.level

    def line_up(self) -> None:
        """Lay the columns out anew after the units or the state were exchanged; known positions stay."""
        positions = self.fleet.checkpoint()
        self.fleet, self.posts = self._new_fleet(), self._new_fleet()
        units = tuple(manned(self.city, self.state, unit) for unit in self.state.units.values())
        self.fleet.add(units, self.state.kept.at)
        self.fleet.know(possible_names(self.city))
        if self.city.roster is not None:
            for row, unit_id in enumerate(self.fleet.ids):
                self.fleet.man(row, *crew_size(self.city, self.state, unit_id))
        self._manned = dict(self.state.kept.crews)
        self.own_first = OwnFirst(self.city, self.state, self.fleet.ids)
        self.fleet.restore(positions)
        for unit in self.state.unit_status:
            if unit in self.state.units:
                self.fleet.set_status(self.fleet.index(unit), self._shown(unit), self._divertible(unit))
        self.stations = tuple(self.state.stations.values())
        self._own_units = {station.id: [] for station in self.stations}
        for its in self.state.units.values():
            if its.station in self._own_units:
                self._own_units[its.station].append(its.id)
        every = tuple(self.city.run_cards.capabilities)
        self.posts.add(
            tuple(
                Unit(
                    id=UnitId(station.id),
                    name=station.name,
                    capabilities=station.capabilities or every,
                    lon=station.lon,
                    lat=station.lat,
                )
                for station in self.stations
            ),
            0,
        )
        for name in ("force", "first_station"):
            self.__dict__.pop(name, None)

    def reweigh(self) -> None:
        """Let those who stand on the streets know the travel times in force."""
        for fleet in (self.fleet, self.posts):
            fleet.reweigh(self.times.weights.inner_ms)

    def reset(self, state: State) -> None:
        """Exchange the state, as after a failed commit; positions and live speeds stay."""
        self.state = state
        self.window.end()
        self.speeds.traffic.give_up()
        self.speeds.follow(state.speed_rules)
        self._spots.clear()
        self.to_aim.clear()
        self.too_late.clear()
        self.line_up()

    @cached_property
    def force(self) -> Force:
        """Everyone who could go, as living columns."""
        return Force(
            times=self.times,
            fleet=self.fleet,
            posts=self.posts,
            stations=self.stations,
            claims=self.state.claims,
            fixed_ms=self.city.fixed_ms,
            cover=self.cover,
        )

    def own_units(self, station: StationId) -> list[UnitId]:
        """Return the units that belong to a station."""
        return self._own_units.get(station, [])

    def pool(self, station: StationId) -> Force:
        """Return those who belong to a station as if there were nobody else, in the order of `own_units`."""
        rows = [self.fleet.index(unit) for unit in self.own_units(station)]
        return replace(self.force, fleet=self.fleet.only(rows), stations=(), cover=None)

    @cached_property
    def first_station(self) -> NDArray[np.int32]:
        """Whose every node of the roads is, int32 (n,): the row of the nearest station by road, -1 for none.

        Asked once and kept: whose a place is must not change with the traffic of the minute.
        """
        return arrivals(self.times, self.posts, 0, NO_AGE_LIMIT).unit

    def spot(self, incident: IncidentId) -> Snap:
        """Return the place of an incident on the roads."""
        its = self.state.incidents[incident]
        return self.place(its.lon, its.lat)

    def place(self, lon: float, lat: float) -> Snap:
        """Return the place on the roads that belongs to a coordinate where something happens.

        Raises
        ------
        OffRoad
            When none is within the city's limit.
        """
        found = self._spots.get((lon, lat))
        if found is None:
            found = self.city.snapper.snap(lon, lat, limit_m=self.city.policies.snap_limit_m)
            if len(self._spots) > 4096:
                self._spots.clear()
            self._spots[lon, lat] = found
        return found

    def _due_at(self, incident: IncidentId) -> int | None:
        """Return when an incident's run card wants somebody there; only asked for where cover is heeded."""
        if self.cover is None:
            return None
        its = self.state.incidents[incident]
        arrive_ms = self.city.run_cards.arrive_ms(its.type, its.level, self.city.zone_of(its.lon, its.lat))
        return None if arrive_ms is None else its.opened_at + arrive_ms

    def _underway_ms(self, incident: IncidentId, now: int, but: OrderId | None = None) -> int:
        """Return when the last unit under way to an incident, ``but`` one, is expected, in ms from now; 0 for none."""
        orders = (self.state.orders[order] for order in self.state.incidents[incident].orders if order != but)
        expected = (its.proposed_at + its.eta_ms - now for its in orders if its.state in UNDER_WAY and its.eta_ms)
        return max(0, 0, *expected)

    def wanted(self, demand_ids: tuple[str, ...] | list[str], now: int) -> list[Wanted]:
        """Return waiting demands as a decision at ``now`` sees them.

        A demand whose place a new road network no longer reaches is left out; it goes on waiting, in sight.
        """
        found = (self._want(self.state.demands[name], now) for name in demand_ids)  # type: ignore[index]
        return [want for want in found if want is not None]

    def _want(self, demand: Waiting, now: int, held_by: OrderId | None = None) -> Wanted | None:
        try:
            spot = self.spot(demand.incident)
        except OffRoad:
            return None
        its = self.state.incidents[demand.incident]
        return Wanted(
            demand=demand.id,
            incident=demand.incident,
            capability=demand.capability,
            either=demand.either,
            together=demand.together,
            bringing=bringing(demand.equipment, demand.rank),
            **self._lacking(demand),
            **self._team(demand),
            handicap_ms={
                **self.own_first.handicaps(its.lon, its.lat, demand.level),
                **not_preferred(self.fleet, self.city.policies, demand),
            },
            level=demand.level,
            due_at=self._due_at(demand.incident),
            arc=spot.arc,
            fraction=spot.fraction,
            refused_by=frozenset(self.fleet.index(unit) for unit in self._refused_by(demand) if unit in self.fleet),
            station_ordered=demand.station is not None,
            underway_ms=self._underway_ms(demand.incident, now, held_by),
            may_divert=not its.exercise,
        )

    def _refused_by(self, demand: Waiting) -> set[UnitId]:
        """Return who has refused a demand, or another of a need that wants a number of people: they are one."""
        alike = self.state.demands.of_need(demand.incident, demand.need) if demand.need else [demand]
        return {unit for its in alike for unit in its.refused_by}

    def _lacking(self, demand: Waiting) -> dict[str, Any]:
        """Return what `Wanted` says of a need that wants a number of people; nothing for any other."""
        if not demand.need:
            return {}
        people, sworn = self.lacking(demand)
        return {"need": (demand.incident, demand.need), "people": people, "sworn": sworn, "extra": demand.extra}

    def _team(self, demand: Waiting) -> dict[str, Any]:
        """Return what `Wanted` says of a need for one team: the team that goes already, else that it is to be one.

        Nothing where the city names no team that can do it: its units are sent one by one.
        """
        if not demand.one_team:
            return {}
        fleet = self.fleet
        able = fleet.any_mask((demand.capability, *demand.either))
        if not np.any((fleet.team >= 0) & ((fleet.bits & able) != 0)):
            return {}
        alike = [its for its in self.state.demands.of_incident(demand.incident) if its.one_team == demand.one_team]
        orders = [self.state.orders[its.order] for its in alike if its.order is not None and its.id != demand.id]
        if not orders:
            return {"group": (demand.incident, demand.one_team)}
        goes = next((fleet.index(its.recipient) for its in orders if its.recipient in fleet), None)
        team = -1 if goes is None else int(fleet.team[goes])
        return {"team": team} if team >= 0 else {}

    def lacking(self, demand: Waiting) -> tuple[int, int]:
        """Return how many people and sworn officers the need of a demand lacks beside those who go for the rest."""
        people, sworn = demand.people, demand.sworn
        for its in self.state.demands.of_need(demand.incident, demand.need):
            if its.id != demand.id and its.order is not None:
                goes = self.state.kept.order_people.get(its.order, (0, 0))
                people, sworn = people - goes[0], sworn - goes[1]
        return max(0, people), max(0, sworn)

    def served_by(self, row: int, now: int) -> Wanted | None:
        """Return what the order of a unit that is under way serves, as a decision sees it."""
        claim = self.state.claims.get(self.fleet.ids[row])
        demand = None if claim is None else self.state.demands.get(self.state.kept.order_demand[claim])
        want = None if demand is None else self._want(demand, now, claim)
        if claim is None or want is None:
            return None
        order = self.state.orders[claim]
        remaining_ms = max(0, order.proposed_at + (order.eta_ms or 0) - now)
        return replace(want, holder=row, remaining_ms=remaining_ms)

    def all_served(self, wanted: Sequence[Wanted], now: int) -> dict[int, Wanted | None]:
        """Return what everybody serves who may be taken for any of these demands, by row: for a frozen copy.

        What they leave is of no higher level, so whoever may be taken for that is among them.
        """
        most = self.city.policies.diversion_level
        least = min((want.level for want in wanted if want.may_divert and want.level <= most), default=None)
        if least is None:
            return {}
        same = bool(self.city.policies.diversion_saving_ms)
        rows = np.flatnonzero(self.fleet.divertible >= (least if same else least + 1))
        return {row: self.served_by(row, now) for row in rows.tolist()}
