"""Allpoints: a real-time geospatial dispatch engine.

The public face. Heavy libraries are imported where they are used, so this import is quick; the names below are loaded
when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.core.batch import Reply
    from engine.core.city import City
    from engine.core.engine import Engine
    from engine.dispatch.policies import Policies
    from engine.dispatch.run_cards import RunCards
    from engine.model.commands import (
        AnswerOrder,
        ApproveOrder,
        CancelOrder,
        DecideStep,
        EndIncident,
        LiftSpeedRule,
        ReportAlert,
        SetSpeedRule,
        SetUnitStatus,
        Tick,
    )
    from engine.model.entities import Alert, Details, Need, PositionFix, Station, Unit
    from engine.model.errors import NotStored, Refusal
    from engine.model.streets import SpeedRule, Spot
    from engine.texts.reading import explain

_HOME = {
    "Alert": "engine.model.entities",
    "AnswerOrder": "engine.model.commands",
    "ApproveOrder": "engine.model.commands",
    "CancelOrder": "engine.model.commands",
    "City": "engine.core.city",
    "DecideStep": "engine.model.commands",
    "Details": "engine.model.entities",
    "EndIncident": "engine.model.commands",
    "Engine": "engine.core.engine",
    "LiftSpeedRule": "engine.model.commands",
    "Need": "engine.model.entities",
    "NotStored": "engine.model.errors",
    "Policies": "engine.dispatch.policies",
    "PositionFix": "engine.model.entities",
    "Refusal": "engine.model.errors",
    "Reply": "engine.core.batch",
    "ReportAlert": "engine.model.commands",
    "RunCards": "engine.dispatch.run_cards",
    "SetSpeedRule": "engine.model.commands",
    "SetUnitStatus": "engine.model.commands",
    "SpeedRule": "engine.model.streets",
    "Spot": "engine.model.streets",
    "Station": "engine.model.entities",
    "Tick": "engine.model.commands",
    "Unit": "engine.model.entities",
    "explain": "engine.texts.reading",
}

__all__ = [
    "Alert",
    "AnswerOrder",
    "ApproveOrder",
    "CancelOrder",
    "City",
    "DecideStep",
    "Details",
    "EndIncident",
    "Engine",
    "LiftSpeedRule",
    "Need",
    "NotStored",
    "Policies",
    "PositionFix",
    "Refusal",
    "Reply",
    "ReportAlert",
    "RunCards",
    "SetSpeedRule",
    "SetUnitStatus",
    "SpeedRule",
    "Spot",
    "Station",
    "Tick",
    "Unit",
    "explain",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
