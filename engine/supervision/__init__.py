"""Supervision: one heap of deadlines, one table that says which clock starts and ends when."""

from engine.supervision.clocks import CLOCKS, INCIDENT_CLOCKS, Clock, Word
from engine.supervision.deadlines import Deadlines

__all__ = ["CLOCKS", "INCIDENT_CLOCKS", "Clock", "Deadlines", "Word"]
