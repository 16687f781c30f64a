from engine.model.lifecycle import (
    ENDED_INCIDENTS,
    HOLDING_ORDERS,
    INCIDENT,
    INCIDENT_STATE_UNDER,
    OPEN_ORDERS,
    ORDER,
    UNIT,
    UNIT_STATUS_UNDER,
    IncidentState,
    OrderState,
    UnitStatus,
)


def reachable(table, start):
    seen, todo = {start}, [start]
    while todo:
        for after in table[todo.pop()]:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return seen


def test_every_state_has_a_row_and_is_reachable():
    assert set(INCIDENT) == set(IncidentState)
    assert set(ORDER) == set(OrderState)
    assert set(UNIT) == set(UnitStatus)
    assert reachable(ORDER, OrderState.PROPOSED) == set(OrderState)
    assert reachable(INCIDENT, IncidentState.RECEIVED) == set(IncidentState)
    assert all(reachable(UNIT, status) == set(UnitStatus) for status in UnitStatus)


def test_every_open_order_can_be_cancelled_and_replaced():
    for state in OPEN_ORDERS:
        assert {OrderState.CANCELLED, OrderState.REPLACED} <= ORDER[state]


def test_a_proposal_holds_nothing_and_all_that_hold_give_a_unit_a_status():
    assert OrderState.PROPOSED not in HOLDING_ORDERS
    assert set(UNIT_STATUS_UNDER) == HOLDING_ORDERS


def test_an_order_carries_its_incident_forward_only():
    for state in INCIDENT_STATE_UNDER.values():
        assert state in INCIDENT
        assert state not in ENDED_INCIDENTS
