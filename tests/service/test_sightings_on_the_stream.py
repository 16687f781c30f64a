"""Sightings over the stream: a terminal says whom it sees, once in effect, and hears what became of it."""

from engine.model.entities import Details
from engine.model.lookout_commands import IssueLookout, LiftLookout, VerifySighting
from engine.model.lookout_events import SightingRejected, SightingReleased, SightingVerified
from engine.model.lookouts import LookoutTerms
from engine.wire.reports import ReportSighting
from engine.wire.server_messages import Refused, Taken
from tests.support.cities import NOW, place, station, unit
from tests.support.streams import play, running, until

UNITS = (unit("near", 1, 0), unit("far", 5, 4))
SETTLED = SightingReleased | SightingRejected


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


def test_whoever_is_asked_verifies_over_the_stream_once_in_effect_and_hears_what_became_of_it():
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            async with server.client("terminal:near") as near, server.client("analyst:chen") as chen:
                sighting = (await near.sighted(seen("a", 1, 1))).refs["sighting"]
                said = await chen.verify(sighting, "not_him", reason="too tall", key="k")
                assert said == Taken(ref="k", refs={"sighting": sighting, "state": "not_him"})
                its = server.engine.state.sightings[sighting]
                assert (its.decided_by, its.decided_as) == ("user:chen", "verify_by_analyst")
                # A later word stands; the first one, said again by an outbox that had no answer, takes nothing back.
                assert (await chen.verify(sighting, "true", key="l")).refs["state"] == "true"
                again = await chen.verify(sighting, "not_him", reason="too tall", key="k")
                assert (again.duplicate, again.refs["state"]) == (True, "true")
                known = await chen.verify(sighting, "true")
                assert (known.code, known.limit) == ("already_decided", "decided by user:chen")
                verified = [its for its in server.engine.journal.read() if isinstance(its.body, SightingVerified)]
                assert [(its.body.verdict, its.body.key) for its in verified] == [
                    ("not_him", "chen/k"),
                    ("true", "chen/l"),
                ]

    play(scene())


def test_a_verdict_is_said_in_ones_own_place_and_of_what_may_be_verified():
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            async with (
                server.client("terminal:near") as near,
                server.client("analyst:chen") as chen,
                server.client("office:inspector") as inspector,
                server.client("dispatcher:li") as li,
            ):
                sighting = (await near.sighted(seen("a", 1, 1))).refs["sighting"]
                held = (await near.sighted(seen("b", at=NOW + 60_000))).refs["sighting"]
                wrong = {
                    "not_allowed": near.verify(sighting, "true"),
                    "not_yours": chen.verify(sighting, "true", acting_as="inspector"),
                    "not_asked": inspector.verify(sighting, "true"),
                    "unknown_sighting": chen.verify("grid-sighting-99", "true"),
                    "wrong_state": chen.verify(held, "true"),
                }
                for code, refused in wrong.items():
                    refusal = await refused
                    assert isinstance(refusal, Refused), refusal
                    assert refusal.code == code
                assert refusal.limit == "waiting or verified; it is held, in_the_future"
                assert (await li.verify(sighting, "cannot_tell")).refs["state"] == "cannot_tell"

    play(scene())


def test_a_verdict_that_was_said_offline_outlives_the_client_and_arrives(tmp_path):
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            async with server.client("terminal:near") as near:
                sighting = (await near.sighted(seen("a", 1, 1))).refs["sighting"]
            path = tmp_path / "outbox"
            server.client("analyst:chen", state_path=path).verify(sighting, "true")
            async with server.client("analyst:chen", state_path=path):
                await until(lambda: server.engine.state.sightings[sighting].state == "true")

    play(scene())


def test_a_held_sighting_is_released_or_rejected_over_the_stream_once_in_effect():
    async def scene():
        async with running(*UNITS) as server:
            lookout = await look_out(server)
            async with server.client("terminal:near") as near, server.client("dispatcher:li") as li:
                ahead = (await near.sighted(seen("a", at=NOW + 60_000))).refs["sighting"]
                said = await li.settle(ahead, "release", reason="its clock is fast", key="k")
                refs = {"sighting": ahead, "state": "waiting", "held_for": "in_the_future"}
                assert said == Taken(ref="k", refs=refs)
                # What an outbox says again takes nothing back of what has become of it since.
                assert (await li.verify(ahead, "not_him")).refs["state"] == "not_him"
                again = await li.settle(ahead, "release", reason="its clock is fast", key="k")
                assert (again.duplicate, again.refs["state"]) == (True, "not_him")
                nobody = (await near.sighted(seen("b", lookout="nobody"))).refs["sighting"]
                assert (await li.settle(nobody, "reject", reason="a name", key="l")).refs["state"] == "rejected"
                named = (await near.sighted(seen("c", 4, 4, lookout="TJ 1"))).refs["sighting"]
                assert (await li.settle(named, "release", lookout=lookout, key="m")).refs["state"] == "waiting"
                assert server.engine.state.sightings[named].lookout == lookout
                settled = [its for its in server.engine.journal.read() if isinstance(its.body, SETTLED)]
                assert [(its.actor, its.body.id, its.body.reason, its.body.key) for its in settled] == [
                    ("user:li", ahead, "its clock is fast", "li/k"),
                    ("user:li", nobody, "a name", "li/l"),
                    ("user:li", named, "", "li/m"),
                ]

    play(scene())


def test_what_is_said_of_a_held_sighting_is_refused_by_name_where_it_cannot_be():
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            async with server.client("terminal:near") as near, server.client("dispatcher:li") as li:
                waiting = (await near.sighted(seen("a", 1, 1))).refs["sighting"]
                nobody = (await near.sighted(seen("b", lookout="nobody"))).refs["sighting"]
                wrong = {
                    "not_allowed": near.settle(nobody, "reject"),
                    "unknown_sighting": li.settle("grid-sighting-99", "reject"),
                    "wrong_state": li.settle(waiting, "reject"),
                    "missing": li.settle(nobody, "release"),
                    "unknown_lookout": li.settle(nobody, "release", lookout="grid-lookout-99"),
                }
                for code, refused in wrong.items():
                    refusal = await refused
                    assert isinstance(refusal, Refused), refusal
                    assert refusal.code == code
                assert server.engine.state.sightings[nobody].state == "held"

    play(scene())


def test_a_held_sighting_that_was_settled_offline_is_settled_once_there_is_a_line(tmp_path):
    async def scene():
        async with running(*UNITS) as server:
            await look_out(server)
            async with server.client("terminal:near") as near:
                held = (await near.sighted(seen("a", at=NOW + 60_000))).refs["sighting"]
            path = tmp_path / "outbox"
            early = server.client("dispatcher:li", state_path=path)
            early.settle(held, "release")
            early.verify(held, "true")
            async with server.client("dispatcher:li", state_path=path):
                await until(lambda: server.engine.state.sightings[held].state == "true")

    play(scene())
