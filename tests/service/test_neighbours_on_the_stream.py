"""The integration of a neighbour city over the stream: told exactly once, then what is new, then that it is over."""

from engine.core.neighbours import BorderExit, Neighbour
from engine.dispatch.policies import Policies
from engine.model.commands import EndIncident
from engine.model.entities import Details
from engine.model.lookout_commands import ApproveLookout, IssueLookout, ReportSighting, VerifySighting
from engine.model.lookouts import LookoutTerms, SightingReport
from engine.service.worker_jobs import WorkerJobs
from tests.support.cities import NOW, place, station, unit
from tests.support.streams import play, running

EXIT = place(5, 2)
EAST = Neighbour(
    id="east",
    name={"zh": "东城", "en": "Easton"},
    mailbox="neighbours",
    exits=(BorderExit(name="G1", lon=EXIT[0], lat=EXIT[1]),),
)
CITY = {
    "stations": [station("S1", 0, 0)],
    "neighbours": (EAST,),
    "policies": Policies(stale_position_ms=0, contain_horizon_ms=180_000, ahead_horizon_ms=0),
}


async def say(server, command):
    reply = (await server.cycle.submit(command)).reply
    assert reply.refusal is None, reply.refusal
    return reply


async def look_out(server, **more):
    terms = LookoutTerms(list_class="seize", reference="TJ-1", case_number="A-1", until=NOW + 3_600_000, **more)
    who = Details(label="Zhang San", text="grey coat")
    lookout = (await say(server, IssueLookout(actor="user:li", key="l", terms=terms, details=who))).lookout
    await say(server, ApproveLookout(actor="user:wu", lookout=lookout))
    return lookout


async def seen(server, lookout, ref, column):
    lon, lat = place(column, 2)
    its = SightingReport(
        lookout=lookout,
        source="camera",
        source_ref=ref,
        lon=lon,
        lat=lat,
        at=server.engine.clock.now(),
        confidence=0.9,
        mode="foot",
        accuracy_m=1.0,
    )
    sighting = (await say(server, ReportSighting(actor="source:camera", sighting=its))).sighting
    await say(server, VerifySighting(actor="user:chen", sighting=sighting, verdict="true"))


def test_an_integration_is_told_exactly_once_and_again_only_of_what_is_new():
    async def scene():
        async with running(unit("near", 1, 0), jobs=WorkerJobs(), **CITY) as server:
            lookout = await look_out(server)
            async with server.client("office:neighbours") as theirs:
                await theirs.connected()
                await seen(server, lookout, "1", 2.5)
                told = await theirs.next_item()
                assert (told.code, told.values["exit"], told.values["version"]) == ("neighbour_warned", "G1", "1")
                assert "Zhang San" not in str(told)
                assert "text" not in told.values, "the lookout does not name them"
                server.engine.clock.time += 61_000
                await seen(server, lookout, "2", 3.0)
                amended = await theirs.next_item()
                assert (amended.code, amended.values["version"]) == ("neighbour_amended", "2")
                assert amended.values["notice"] == told.values["notice"]
                assert amended.seq == told.seq + 1
                incident = server.engine.state.lookouts[lookout].incident
                await say(server, EndIncident(actor="user:li", incident=incident, state="resolved", reason="caught"))
                over = await theirs.next_item()
                assert (over.code, over.values["version"], over.seq) == ("neighbour_over", "3", told.seq + 2)
            box = server.engine.state.mailbox("neighbours")
            codes = [its.code for its in box.after(0)]
            assert codes.count("neighbour_warned") == codes.count("neighbour_over") == 1

    play(scene())


def test_whom_the_lookout_names_is_told_what_the_subject_looks_like_and_no_name():
    async def scene():
        async with running(unit("near", 1, 0), jobs=WorkerJobs(), **CITY) as server:
            lookout = await look_out(server, told=("neighbours",))
            async with server.client("office:neighbours") as theirs:
                await theirs.connected()
                await seen(server, lookout, "1", 2.5)
                items = [await theirs.next_item(), await theirs.next_item()]
                (warned,) = [its for its in items if its.code == "neighbour_warned"]
                assert warned.values["text"] == "grey coat"
                assert "Zhang San" not in str(warned)

    play(scene())
