"""Lookouts and sightings for tests: a desk of two people over the grid city, and a clock that is set."""

from engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.model.entities import Details
from engine.model.lookout_commands import ApproveLookout, IssueLookout, ReportSighting, SettleHeld, VerifySighting
from engine.model.lookouts import LookoutTerms, SightingReport
from tests.support.cities import NOW, SetClock, city, place, station, unit

HOUR = 3_600_000
WHO = Details(label="Zhang San", text="a scar on the left cheek")
UNITS = (unit("P1", 1, 1), unit("P2", 4, 3), unit("P3", 5, 0))
STATIONS = (station("S1", 0, 0), station("S2", 5, 4))


class Later:
    """A worker that works when it is told to."""

    def __init__(self):
        self.works = []

    def submit(self, work, done):
        self.works.append((work, done))

    def run(self, room):
        """Do what was asked so far, and let the core have it."""
        works, self.works = self.works, []
        for work, done in works:
            done(work())
        while room.engine.finished:
            room.engine.submit(room.engine.finished.popleft())


class Room:
    """An engine with people who say things to it."""

    def __init__(self, *, journal=None, clock=None, jobs=None, units=UNITS, stations=STATIONS, **more):
        self.clock = clock or SetClock()
        self.journal = journal if journal is not None else VolatileJournal()
        self.engine = Engine(city(units, stations, **more), journal=self.journal, clock=self.clock, jobs=jobs)
        self.count = 0

    @property
    def state(self):
        return self.engine.state

    def say(self, command):
        return self.engine.submit(command)[0]

    def lookout(self, list_class="seize", *, approve=True, who=WHO, **more):
        """Issue a lookout; return its id."""
        self.count += 1
        more = {"reference": f"TJ-{self.count}", "case_number": "A-12", "until": self.clock.time + 8 * HOUR} | more
        terms = LookoutTerms(list_class=list_class, **more)
        reply = self.say(IssueLookout(actor="user:li", key=f"l{self.count}", terms=terms, details=who))
        assert reply.refusal is None, reply.refusal
        if approve and list_class == "seize":
            assert self.say(ApproveLookout(actor="user:wu", lookout=reply.lookout)).refusal is None
        return reply.lookout

    def report(self, lookout, column, row, *, at=None, ref=None, **more):
        """Report a sighting at a crossing; return the reply."""
        self.count += 1
        lon, lat = more.pop("lonlat", place(column, row))
        said = {"source": "camera-7", "confidence": 0.9} | more
        sighting = SightingReport(
            lookout=lookout,
            source_ref=ref or f"f{self.count}",
            lon=lon,
            lat=lat,
            at=self.clock.time if at is None else at,
            **said,
        )
        return self.say(ReportSighting(actor=f"source:{sighting.source}", sighting=sighting))

    def seen(self, lookout, column, row, **more):
        """Report a sighting that is taken; return it as it stands."""
        reply = self.report(lookout, column, row, **more)
        assert reply.refusal is None, reply.refusal
        return self.state.sightings[reply.sighting]

    def verify(self, sighting, verdict="true", **more):
        return self.say(VerifySighting(actor="user:chen", sighting=sighting.id, verdict=verdict, **more))

    def settle(self, sighting, what, **more):
        return self.say(SettleHeld(actor="user:chen", sighting=sighting.id, what=what, **more))

    def verified(self, lookout, column, row, **more):
        """Report a sighting and verify it; return it as it stands then."""
        sighting = self.seen(lookout, column, row, **more)
        assert self.verify(sighting).refusal is None
        return self.state.sightings[sighting.id]

    def mail(self, recipient):
        return self.state.mailbox(recipient).after(0)

    def notices(self, recipient, code):
        return [mail.values for mail in self.mail(recipient) if mail.code == code]

    def orders(self, lookout):
        incident = self.state.lookouts[lookout].incident
        return [self.state.orders[order] for order in self.state.incidents[incident].orders]


__all__ = ["HOUR", "NOW", "STATIONS", "UNITS", "WHO", "Later", "Room", "place"]
