"""What is said of streets while the engine works: rules that close them or change their speed, places by which they go.

A street is named by a place and, where only one way is meant, a heading: a new road network numbers its arcs anew, and
a closure of yesterday has to find its street in it.
"""

import msgspec

from engine.model.entities import Placed

HOURS_OF_WEEK = 168


class Spot(Placed, frozen=True, gc=False, omit_defaults=True):
    """The street at a place: both ways, or with a heading, in degrees clockwise from north, the way that goes there."""

    lon: float
    lat: float
    heading_deg: float | None = None


class SpeedRule(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Streets that are slower, quicker or closed for a while.

    Attributes
    ----------
    factor
        On the speed; 0 closes the streets to all who would pass.
    rings
        Borders of polygons, longitude and latitude in degrees WGS-84: the streets that touch one.
    spots
        Single streets. Neither rings nor spots means the streets of the whole city.
    classes
        Names of road classes; empty means all.
    hours
        Spans of hours of the week in the city's time, 0 is Monday from 0:00 to 1:00, each ``(first, end)`` without its
        end; empty means always.
    until
        When it ends by itself, in ms since the epoch; None means when it is lifted.
    reason
        For the people who read it.
    """

    factor: float
    rings: tuple[tuple[tuple[float, float], ...], ...] = ()
    spots: tuple[Spot, ...] = ()
    classes: tuple[str, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()
    until: int | None = None
    reason: str = ""

    @property
    def closes(self) -> bool:
        """Whether nobody may pass."""
        return self.factor == 0

    def holds_in(self, hour: int) -> bool:
        """Tell whether it holds in an hour of the week."""
        return not self.hours or any(first <= hour < end for first, end in self.hours)
