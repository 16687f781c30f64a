"""Who a lookout is about, and what is said of sightings, is stored encrypted, and goes with the lookout."""

from engine.model.entities import Details
from tests.journal.samples import AT
from tests.support.cities import SetClock
from tests.support.lookouts import Room

WHO = Details(label="Zhang San", text="limps on the left")
SAID = Details(text="bought cigarettes from Auntie Li")


def words(journal):
    return {
        word
        for event in journal.read()
        if event.personal is not None
        for word in (event.personal.label, event.personal.text)
        if word
    }


def test_a_lookout_is_stored_with_its_sightings_and_erased_with_them(desk):
    room = Room(journal=desk.journal, clock=SetClock(AT))
    lookout = room.lookout(who=WHO)
    room.verified(lookout, 2, 2, details=SAID)
    named = room.seen("Li Si", 2, 2, details=Details(text="ran off"))
    assert room.settle(named, "release", lookout=lookout, key="k").refusal is None
    assert words(desk.journal) == {WHO.label, WHO.text, SAID.text, "Li Si", "ran off"}
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    for word in words(desk.journal):
        assert word.encode() not in raw
    desk.reopen()
    assert words(desk.journal) == {WHO.label, WHO.text, SAID.text, "Li Si", "ran off"}
    restored = Room(journal=desk.journal, clock=SetClock(AT))
    assert restored.settle(named, "release", lookout=lookout, key="k").duplicate
    assert desk.journal.erase(lookout, at=AT) == 1
    desk.reopen()
    assert words(desk.journal) == set()
    assert desk.journal.verify().ok


def test_an_unknown_subject_goes_with_its_sighting(desk):
    room = Room(journal=desk.journal, clock=SetClock(AT))
    sighting = room.seen("Li Si", 2, 2)
    assert words(desk.journal) == {"Li Si"}
    assert desk.journal.erase(sighting.id, at=AT) == 1
    desk.reopen()
    assert words(desk.journal) == set()
