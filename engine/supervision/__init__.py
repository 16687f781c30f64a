"""Supervision: one heap of deadlines, one table that says which clock starts and ends when."""

from engine.supervision.clocks import CLOCKS, STATION_CLOCKS, Clock
from engine.supervision.deadlines import Deadlines

__all__ = ["CLOCKS", "STATION_CLOCKS", "Clock", "Deadlines"]
