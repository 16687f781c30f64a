"""Sightings over the stream: a terminal says whom it sees, once in effect, and hears what became of it."""

from engine.model.entities import Details
from engine.model.lookout_commands import IssueLookout, LiftLookout, VerifySighting
from engine.model.lookouts import LookoutTerms
from engine.wire.messages import Refused, ReportSighting, Taken
from tests.support.cities import NOW, place, station, unit
from tests.support.streams import play, running

UNITS = (unit("near", 1, 0), unit("far", 5, 4))


def seen(ref, column=2, row=2, lookout="TJ-1", **more):
    lon, lat = more.pop("lonlat", place(column, row))
    return ReportSighting(source_ref=ref, lookout=lookout, lon=lon, lat=lat, **{"at": NOW} | more)


async def look_out(server, reference="TJ-1", **more):
    terms = LookoutTerms(list_class="observe", reference=reference, case_number="A-1", until=NOW + 3_600_000, **more)
    said = IssueLookout(actor="user:li", key=reference, terms=terms, details=Details(label="x"))
    return (await server.cycle.submit(said)).reply.lookout


def test_a_patrol_says_whom_it_sees_and_the_nearest_station_is_ordered_once_it_is_verified():
    async def scene():
        async with running(*UNITS, stations=[station("S1", 0, 0), station("S2", 5, 4)]) as server:
            lookout = await look_out(server)
            async with server.client("terminal:near") as near, server.client("station:S1") as nearest:
                taken = await near.sighted(seen("a", 1, 1, mode="car", heading_deg=90.0, text="a red car"))
                assert isinstance(taken, Taken)
                assert taken.refs["state"] == "waiting"
                again = await near.sighted(seen("a", 1, 1, mode="car"))
                assert isinstance(again, Taken)
                assert (again.duplicate, again.refs["sighting"]) == (True, taken.refs["sighting"])
                sighting = server.engine.state.sightings[taken.refs["sighting"]]
                assert (sighting.source, sighting.mode, sighting.lookout) == ("near", "car", lookout)
                assert len(server.engine.state.sightings) == 1
                verdict = VerifySighting(actor="user:chen", sighting=sighting.id, verdict="true")
                assert (await server.cycle.submit(verdict)).reply.refusal is None
                ordered = await nearest.next_item()
                while ordered.order is None:  # who is told of what is opened hears of that, too
                    ordered = await nearest.next_item()
                assert (ordered.order.recipient, ordered.order.task) == ("S1", "observe")

    play(scene())


def test_what_cannot_be_right_is_held_and_the_terminal_hears_why():
    async def scene():
        async with running(*UNITS) as server, server.client("terminal:near") as near:
            await look_out(server)
            over = await look_out(server, "TJ-2")
            await server.cycle.submit(LiftLookout(actor="user:li", lookout=over, reason="caught"))
            lon, lat = place(2, 2)
            first = await near.sighted(seen("1"))
            await server.cycle.submit(
                VerifySighting(actor="user:chen", sighting=first.refs["sighting"], verdict="true")
            )
            said = {
                "in_the_future": seen("2", at=NOW + 60_000),
                "lookout_lifted": seen("3", lookout="TJ-2"),
                "unknown_lookout": seen("4", lookout="nobody"),
                "jump": seen("5", lonlat=(lon, lat + 300 / 111.0)),
            }
            for why, sighting in said.items():
                taken = await near.sighted(sighting)
                assert isinstance(taken, Taken), taken
                assert (taken.refs["state"], taken.refs["held_for"]) == ("held", why)

    play(scene())


def test_a_sighting_out_of_bounds_is_refused_by_name_and_what_was_said_offline_arrives_later():
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            client = server.client("terminal:near")
            early = client.sighted(seen("offline", at=NOW - 60_000))  # before there is a line
            async with client as near:
                taken = await early
                assert isinstance(taken, Taken)
                assert server.engine.state.sightings[taken.refs["sighting"]].at == NOW - 60_000
                refused = await near.sighted(seen("x", accuracy_m=1e9))
                assert isinstance(refused, Refused)
                assert refused.field == "accuracy_m"

    play(scene())
