"""Identifiers. Units and stations keep the call signs their city gave them; all else is minted by the core.

A minted id reads ``<city>-<kind>-<number>``; ties between ids are broken by the number, never by the text.
"""

from typing import Literal, NewType

UnitId = NewType("UnitId", str)
StationId = NewType("StationId", str)
RecipientId = NewType("RecipientId", str)
"""Whoever owns a mailbox: a unit, a station, or the desk."""
AlertId = NewType("AlertId", str)
IncidentId = NewType("IncidentId", str)
OrderId = NewType("OrderId", str)
DemandId = NewType("DemandId", str)
PlanId = NewType("PlanId", str)
RuleId = NewType("RuleId", str)
StepId = NewType("StepId", str)
LookoutId = NewType("LookoutId", str)
SightingId = NewType("SightingId", str)
BroadcastId = NewType("BroadcastId", str)

Kind = Literal["alert", "incident", "order", "demand", "plan", "rule", "step", "lookout", "sighting", "broadcast"]

DESK = RecipientId("desk")
"""The mailbox of the command room itself."""


def mint(city: str, kind: Kind, number: int) -> str:
    """Spell the id of the ``number``-th thing of its kind, counted from 1."""
    return f"{city}-{kind}-{number}"


def number_of(minted: str) -> int:
    """Return the number of a minted id; this, not the text, is what orders ids."""
    return int(minted.rpartition("-")[2])
