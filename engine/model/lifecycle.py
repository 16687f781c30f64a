"""The lifecycles of incidents, orders and units, as tables.

A transition that is not in a table does not exist: the core refuses it by name. The diagrams in the documents are
drawn from these tables, so what is printed is what runs.
"""

from collections.abc import Mapping
from enum import StrEnum


class IncidentState(StrEnum):
    """Where an incident stands."""

    RECEIVED = "received"
    TRIAGED = "triaged"
    DISPATCHED = "dispatched"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    INVALID = "invalid"
    MERGED = "merged"
    TRANSFERRED = "transferred"
    REOPENED = "reopened"


class OrderState(StrEnum):
    """Where an order stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    REPORTED = "reported"
    CLEARED = "cleared"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


class UnitStatus(StrEnum):
    """What a unit is doing. That its position is old is a separate fact."""

    OFF_DUTY = "off_duty"
    AVAILABLE = "available"
    ASSIGNED = "assigned"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    BUSY = "busy"
    OUT_OF_SERVICE = "out_of_service"


_I = IncidentState
_ASIDE = (_I.CANCELLED, _I.INVALID, _I.MERGED, _I.TRANSFERRED)
_RELEASED = (_I.RESOLVED, *_ASIDE)

INCIDENT: Mapping[IncidentState, frozenset[IncidentState]] = {
    _I.RECEIVED: frozenset((_I.TRIAGED, *_ASIDE)),
    _I.TRIAGED: frozenset((_I.DISPATCHED, *_RELEASED)),
    _I.DISPATCHED: frozenset((_I.EN_ROUTE, _I.ON_SCENE, *_RELEASED)),
    _I.EN_ROUTE: frozenset((_I.ON_SCENE, *_RELEASED)),
    _I.ON_SCENE: frozenset(_RELEASED),
    _I.RESOLVED: frozenset((_I.CLOSED, _I.REOPENED)),
    _I.CLOSED: frozenset((_I.REOPENED,)),
    _I.CANCELLED: frozenset((_I.CLOSED, _I.REOPENED)),
    _I.INVALID: frozenset((_I.CLOSED, _I.REOPENED)),
    _I.MERGED: frozenset((_I.REOPENED,)),
    _I.TRANSFERRED: frozenset((_I.CLOSED, _I.REOPENED)),
    _I.REOPENED: frozenset((_I.DISPATCHED, *_RELEASED)),
}

_O = OrderState
_WITHDRAWN = (_O.CANCELLED, _O.REPLACED)

ORDER: Mapping[OrderState, frozenset[OrderState]] = {
    _O.PROPOSED: frozenset((_O.APPROVED, _O.EXPIRED, *_WITHDRAWN)),
    _O.APPROVED: frozenset((_O.SENT, *_WITHDRAWN)),
    # Accepted without delivery: the desk recorded the answer for a unit it reached by radio.
    _O.SENT: frozenset((_O.DELIVERED, _O.ACCEPTED, _O.REFUSED, _O.EXPIRED, *_WITHDRAWN)),
    _O.DELIVERED: frozenset((_O.ACCEPTED, _O.REFUSED, _O.EXPIRED, *_WITHDRAWN)),
    # On scene without rolling: the unit stood there already.
    _O.ACCEPTED: frozenset((_O.EN_ROUTE, _O.ON_SCENE, *_WITHDRAWN)),
    _O.EN_ROUTE: frozenset((_O.ON_SCENE, *_WITHDRAWN)),
    _O.ON_SCENE: frozenset((_O.REPORTED, _O.CLEARED, *_WITHDRAWN)),
    _O.REPORTED: frozenset((_O.CLEARED, *_WITHDRAWN)),
    _O.REFUSED: frozenset(),
    _O.EXPIRED: frozenset(),
    _O.CLEARED: frozenset(),
    _O.CANCELLED: frozenset(),
    _O.REPLACED: frozenset(),
}

_U = UnitStatus

UNIT: Mapping[UnitStatus, frozenset[UnitStatus]] = {
    _U.OFF_DUTY: frozenset((_U.AVAILABLE, _U.BUSY, _U.OUT_OF_SERVICE)),
    _U.AVAILABLE: frozenset((_U.ASSIGNED, _U.BUSY, _U.OUT_OF_SERVICE, _U.OFF_DUTY)),
    _U.ASSIGNED: frozenset((_U.EN_ROUTE, _U.ON_SCENE, _U.AVAILABLE)),
    _U.EN_ROUTE: frozenset((_U.ON_SCENE, _U.AVAILABLE, _U.ASSIGNED)),
    _U.ON_SCENE: frozenset((_U.AVAILABLE,)),
    _U.BUSY: frozenset((_U.AVAILABLE, _U.OUT_OF_SERVICE, _U.OFF_DUTY)),
    _U.OUT_OF_SERVICE: frozenset((_U.AVAILABLE, _U.BUSY, _U.OFF_DUTY)),
}

OPEN_ORDERS: frozenset[OrderState] = frozenset(state for state, after in ORDER.items() if after)
"""States in which somebody still has a duty to answer."""

HOLDING_ORDERS: frozenset[OrderState] = OPEN_ORDERS - {OrderState.PROPOSED}
"""States in which an order to a unit claims that unit: a proposal holds nothing."""

UNDER_WAY: frozenset[OrderState] = HOLDING_ORDERS - {OrderState.ON_SCENE, OrderState.REPORTED}
"""States in which a unit is held and has not arrived yet."""

ENDED_INCIDENTS: frozenset[IncidentState] = frozenset((_I.RESOLVED, _I.CLOSED, *_ASIDE))

UNIT_STATUS_UNDER: Mapping[OrderState, UnitStatus] = {
    _O.APPROVED: _U.ASSIGNED,
    _O.SENT: _U.ASSIGNED,
    _O.DELIVERED: _U.ASSIGNED,
    _O.ACCEPTED: _U.ASSIGNED,
    _O.EN_ROUTE: _U.EN_ROUTE,
    _O.ON_SCENE: _U.ON_SCENE,
    _O.REPORTED: _U.ON_SCENE,
}
"""What a unit is doing while the order that claims it stands so; when the claim ends it is available."""

UNDER_ORDER: frozenset[UnitStatus] = frozenset(UNIT_STATUS_UNDER.values())
"""What a unit is doing only while an order claims it: answers say so, nothing else."""

INCIDENT_STATE_UNDER: Mapping[OrderState, IncidentState] = {
    _O.SENT: _I.DISPATCHED,
    _O.EN_ROUTE: _I.EN_ROUTE,
    _O.ON_SCENE: _I.ON_SCENE,
}
"""How far an order's progress carries its incident, which only moves forward."""
