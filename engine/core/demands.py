"""What is wanted and not yet done with, found by incident, by order and by who has nobody: never by going through all.

A command room has hundreds of demands under way, and every batch asks which of them wait: the answer must cost what
waits, not what is open.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from engine.model.ids import DemandId, IncidentId, OrderId, number_of


class _Wanted(Protocol):
    """What a demand is found by."""

    @property
    def incident(self) -> IncidentId: ...

    @property
    def need(self) -> int: ...

    @property
    def order(self) -> OrderId | None: ...

    @property
    def station(self) -> OrderId | None: ...


D = TypeVar("D", bound=_Wanted)
"""`engine.core.state.Demand`."""


class Demands(dict[DemandId, D], Generic[D]):
    """Demands by id; set and popped like any mapping, with the ways to find them kept beside."""

    def __init__(self, given: Mapping[DemandId, D] | None = None) -> None:
        super().__init__()
        self._of: dict[tuple[str, str | None], set[DemandId]] = {}
        for name, demand in (given or {}).items():
            self[name] = demand

    def __setitem__(self, name: DemandId, demand: D) -> None:
        old = self.get(name)
        super().__setitem__(name, demand)
        keys = _keys(demand)
        if old is not None:
            old_keys = _keys(old)
            if old_keys == keys:
                return
            self._unlist(name, old_keys)
        for key in keys:
            self._of.setdefault(key, set()).add(name)

    def __delitem__(self, name: DemandId) -> None:
        self.pop(name)

    def pop(self, name: DemandId, *default: Any) -> Any:
        """Remove a demand and return it."""
        if name in self:
            self._unlist(name, _keys(self[name]))
        return super().pop(name, *default)

    def __copy__(self) -> Self:
        return type(self)(self)

    def of_incident(self, incident: IncidentId) -> list[D]:
        """Return the demands of an incident, oldest first."""
        return self._found("incident", incident)

    def of_need(self, incident: IncidentId, need: int) -> list[D]:
        """Return the demands of one need of an incident, oldest first."""
        return [its for its in self.of_incident(incident) if its.need == need]

    def of_unit_order(self, order: OrderId) -> list[D]:
        """Return what the unit of an order goes for, oldest first."""
        return self._found("order", order)

    def of_station_order(self, order: OrderId) -> list[D]:
        """Return what a station answers for by an order, oldest first."""
        return self._found("station", order)

    def without_unit(self) -> list[D]:
        """Return the demands that no unit goes for, oldest first."""
        return self._found("order", None)

    def _found(self, by: str, value: str | None) -> list[D]:
        return [self[name] for name in sorted(self._of.get((by, value), ()), key=number_of)]

    def _unlist(self, name: DemandId, keys: Iterable[tuple[str, str | None]]) -> None:
        for key in keys:
            names = self._of[key]
            names.discard(name)
            if not names:
                del self._of[key]


def _keys(demand: _Wanted) -> tuple[tuple[str, str | None], ...]:
    # What no station answers for is looked for by nobody.
    keys: tuple[tuple[str, str | None], ...] = (("incident", demand.incident), ("order", demand.order))
    return keys if demand.station is None else (*keys, ("station", demand.station))
