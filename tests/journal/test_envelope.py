"""Sealing and opening: what is read back is what was written, whatever changes shows, old versions are lifted."""

import hashlib
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.envelope import (
    UPCASTERS,
    PersonalState,
    Sealed,
    check_order,
    decode_body,
    genesis,
    hash_of,
    open_event,
    seal_event,
)
from engine.model.demand_events import PlanRequested
from engine.model.entities import Details
from engine.model.errors import NotStored, Refusal
from engine.model.events import SCHEMA_VERSION, ClockDeparted, Event, Mailed
from tests.journal.samples import AT, SECRET, alert, all_kinds, bodies, event, kinds

LOG = "0123456789abcdef"


@dataclass
class Plain:
    """A cipher that hides nothing, to test the envelope alone."""

    answer: object = None
    contexts: list = field(default_factory=list)

    def seal(self, subject, plain, context):
        self.contexts.append(context)
        return b"%s|%s" % (subject.encode(), plain)

    def open(self, sealed, context):
        assert context in self.contexts
        return self.answer or sealed.partition(b"|")[2]


def chain_of(events, cipher):
    previous, entries = genesis(LOG), []
    for each in events:
        entries.append(seal_event(each, LOG, previous, cipher))
        previous = entries[-1].hash
    return entries


def test_samples_hold_every_kind_of_event():
    assert {type(body) for body in bodies()} == kinds()


def test_every_kind_of_event_reads_back_as_it_was():
    cipher = Plain()
    entries = chain_of(all_kinds(), cipher)
    opened = [open_event(entry, LOG, cipher) for entry in entries]
    assert [each.event for each in opened] == all_kinds()
    assert [each.personal_state.value for each in opened].count("present") == 1
    assert [entry.prev_hash for entry in entries] == [genesis(LOG)] + [entry.hash for entry in entries[:-1]]
    assert cipher.contexts == [f"{LOG}\n2\nsx-alert-1".encode()]


def test_a_body_is_the_same_bytes_on_every_machine_and_its_mappings_are_sorted():
    body = Mailed(recipient="E01", mail_seq=3, item="notice", code="short", values={"b": "火", "a": '"'})
    entry = seal_event(event(1, body), LOG, genesis(LOG), Plain())
    assert entry.body == (
        '{"kind":"mailed","recipient":"E01","mail_seq":3,"item":"notice","code":"short","values":{"a":"\\"","b":"火"}}'
    )


def test_the_hash_is_what_the_documentation_says():
    entry = Sealed(7, 1, -2, "kind", "行", '{"a":1}', b"\x00\x01", b"p" * 32, b"")

    def part(data):
        return len(data).to_bytes(4, "big") + data

    start = b"p" * 32 + (1).to_bytes(2, "big") + (7).to_bytes(8, "big") + (-2).to_bytes(8, "big", signed=True)
    texts = part(b"kind") + part("行".encode()) + part(b'{"a":1}')
    assert hash_of(entry) == hashlib.sha256(start + texts + part(b"\x00\x01")).digest()
    assert hash_of(entry._replace(personal=None)) == hashlib.sha256(start + texts + b"\xff" * 4).digest()


@given(st.sampled_from(range(8)), st.text(max_size=8), st.integers(1, 2**62), st.binary(max_size=8))
def test_no_field_can_change_without_the_hash(position, text, number, data):
    entry = Sealed(5, 1, AT, "mailed", "system", "{}", b"x", b"h" * 32, b"")
    other = (number, number % 2**16, number, text, text, text, data, data.ljust(32, b"."))[position]
    changed = entry._replace(**{Sealed._fields[position]: other})
    assert (hash_of(changed) == hash_of(entry)) == (changed == entry)


@given(st.text(st.characters(codec="utf-8")), st.dictionaries(st.text(st.characters(codec="utf-8")), st.text("aé火")))
def test_any_text_reads_back(text, values):
    original = Event(1, AT, text, Mailed(recipient=text, mail_seq=1, item="notice", values=values))
    assert open_event(seal_event(original, LOG, genesis(LOG), Plain()), LOG, Plain()).event == original


def _alert_with(**fields):
    values = {name: getattr(alert(), name) for name in alert().__struct_fields__} | fields
    return type(alert())(**values)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (event(1, _alert_with(lon=math.nan)), "cannot be encoded"),
        (event(1, _alert_with(lat=math.inf)), "cannot be encoded"),
        (event(1, _alert_with(type="\ud800")), "cannot be encoded"),
        (event(1, _alert_with(lon="113")), "cannot be encoded"),
        (event(1, PlanRequested(plan="p", demands=["d"], state_version=1)), "read back as something else"),
        (event(1, alert(), Details(text="\udfff")), "cannot be sealed"),
        (event(1, alert(), Details(text=5)), "cannot be sealed"),
        (Event(1, 2**64, "system", alert()), "cannot be sealed"),
        (Event(1, AT, "\ud800", alert()), "cannot be sealed"),
    ],
    ids=str.split("nan infinity surrogate type list_for_tuple text_surrogate text_type at actor"),
)
def test_what_could_not_be_replayed_is_never_sealed(bad, why):
    with pytest.raises(NotStored, match=why):
        seal_event(bad, LOG, genesis(LOG), Plain())


@pytest.mark.parametrize("seqs", [[5], [3], [4, 6], [4, 4], [0], [-1]])
def test_a_batch_must_continue_the_journal(seqs):
    with pytest.raises(NotStored, match="stands where"):
        check_order([event(seq, alert()) for seq in seqs], 3)


def test_a_personal_part_needs_somebody_whose_key_it_is():
    with pytest.raises(NotStored, match="no subject"):
        check_order([event(1, ClockDeparted(wall_at=1), SECRET)], 0)


@pytest.mark.parametrize("state", [PersonalState.ERASED, PersonalState.UNREADABLE])
def test_an_erased_part_is_not_a_part_that_never_was(state):
    cipher = Plain()
    entry = seal_event(event(1, alert(), SECRET), LOG, genesis(LOG), cipher)
    cipher.answer = state
    opened = open_event(entry, LOG, cipher)
    assert opened == (event(1, alert()), state)
    without = seal_event(event(1, alert()), LOG, genesis(LOG), cipher)
    assert open_event(without, LOG, cipher).personal_state is PersonalState.NONE


def _old(v, body):
    return Sealed(1, v, AT, "alert_taken", "source:cad", body, None, genesis(LOG), b"")


def _lift_position(body):
    lon, lat = body.pop("position")
    return body | {"kind": "alert_received", "lon": lon, "lat": lat}


def test_an_older_version_reads_as_the_newest():
    old = (
        '{"kind":"alert_taken","alert":"a","incident":"i","source":"s","source_ref":"r","type":"t",'
        '"position":[1.5,2],"reported_at":3}'
    )
    opened = open_event(_old(0, old), LOG, Plain(), {**UPCASTERS, 0: _lift_position})
    assert opened.event.body == type(alert())(
        alert="a", incident="i", source="s", source_ref="r", type="t", lon=1.5, lat=2.0, reported_at=3
    )


def test_versions_are_lifted_one_step_after_the_other():
    def finish(body):
        assert body.pop("steps") == ["zero"]
        return body | {"wall_at": 2}

    steps = {0: lambda body: body | {"steps": ["zero"]}, 1: finish}
    entry = _old(0, '{"kind":"clock_departed"}')
    assert decode_body(entry, steps, newest=2) == ClockDeparted(wall_at=2)


@pytest.mark.parametrize(
    ("v", "body", "code"),
    [
        (SCHEMA_VERSION + 1, "{}", "newer_version"),
        (0, "{}", "unknown_version"),
        (SCHEMA_VERSION, "{", "damaged"),
        (SCHEMA_VERSION, '{"kind":"unheard_of"}', "damaged"),
        (SCHEMA_VERSION, '{"kind":"clock_departed"}', "damaged"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(v, body, code):
    with pytest.raises(Refusal, match="event 1") as caught:
        decode_body(_old(v, body))
    assert caught.value.code == code
