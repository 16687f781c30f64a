"""What a report may say besides words: results of the city's file, and photos that are kept for its order."""

import re
from pathlib import Path

import pytest

from engine.core.city_files import Problems
from engine.core.engine import Engine
from engine.core.report_forms import REPORTS, ReportForms, read_forms
from engine.model import events as e
from engine.model.commands import AnswerOrder, ReadDetails, ReportAlert
from engine.model.entities import Need
from engine.model.limits import MOST_PHOTOS
from engine.model.photos import KeepPhoto
from tests.core.test_emergencies import Room
from tests.support.cities import NOW, alert

A, B = "a" * 64, "b" * 64


class Scene(Room):
    def __init__(self):
        super().__init__()
        reply = self.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, needs=(Need("patrol"),))))
        self.incident, (self.order,) = reply.incident, reply.orders

    def say(self, answer, refused="", key="", **more):
        key = key or f"{answer} {self.clock.time}"
        self.submit(
            AnswerOrder(actor="device:u1", key=key, order=self.order, version=1, answer=answer, **more), refused
        )

    def photo(self, sha256=A, refused="", order=""):
        order = order or self.order
        photo = KeepPhoto(actor="device:u1", order=order, sha256=sha256, size=9, media="image/png")
        return self.submit(photo, refused)


def test_a_report_names_a_result_and_photos_that_are_kept():
    room = Scene()
    for answer in ("accept", "on_scene"):
        room.say(answer)
    room.say("report", "unknown_photo", photos=(A,))
    room.photo()
    assert room.photo().events == ()
    room.say("report", "unknown_result", result="shrugged")
    room.say("report", result="mediated", photos=(A,))
    room.clock.time += 1
    room.photo(B)
    room.say("report", result="case_opened", photos=(A, B))
    room.clock.time += 1
    room.say("clear", result="helped")
    said = [
        (event.body.result, event.body.photos)
        for event in room.engine.journal.read()
        if isinstance(event.body, e.OrderAdvanced | e.SceneHeard) and event.body.result
    ]
    assert said == [("mediated", (A,)), ("case_opened", (A, B)), ("helped", ())]
    kept = room.state.kept.photos[room.order]
    assert [(its.sha256, its.by, its.at) for its in kept] == [(A, "device:u1", NOW), (B, "device:u1", NOW + 1)]
    again = Engine(room.engine.city, clock=room.clock, journal=room.engine.journal)
    assert again.snapshot() == room.engine.snapshot()


@pytest.mark.parametrize("field", [{"result": "mediated"}, {"photos": (A,)}])
def test_what_belongs_to_a_report_is_refused_elsewhere(field):
    room = Scene()
    room.say("accept", "wrong_field", **field)


def test_photos_are_of_an_order_that_was_accepted_and_bounded():
    room = Scene()
    room.photo(refused="wrong_state")
    room.photo(refused="unknown_order", order="grid-order-9")
    room.say("accept")
    room.photo("A" * 64, refused="bad_hash")
    room.photo("../../etc/passwd", refused="bad_hash")
    for number in range(MOST_PHOTOS):
        room.photo(f"{number:064x}")
    room.photo(refused="too_many")
    room.say("on_scene")
    room.say("report", "too_many", photos=(A,) * (MOST_PHOTOS + 1))


def test_looking_at_a_photo_is_on_record_under_its_orders_key():
    room = Scene()
    room.say("accept")
    room.photo()
    look = {"actor": "user:li", "what": "photo", "reason": "who is on it"}
    room.submit(ReadDetails(id=f"{room.order}/{A}", role="dispatcher", **look))
    room.submit(ReadDetails(id=f"nothing/{A}", **look), "unknown_photo")
    (read,) = [event for event in room.engine.journal.read() if isinstance(event.body, e.DetailsRead)]
    assert (read.body.key, read.body.id, read.actor) == (room.order, f"{room.order}/{A}", "user:li")


def test_the_shipped_forms_are_whole_and_in_both_languages():
    forms = ReportForms.shipped()
    assert {"mediated", "nobody_there", "false_report"} <= forms.results.keys()
    assert all(its.result in {"", *forms.results} for its in forms.templates.values())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("schema = 2\n", "schema: 2"),
        ("[results]\n", "schema: .* missing"),
        ('schema = 1\n[results]\nok = { zh = "好" }\n', "results.ok"),
        ('schema = 1\n[results]\n"Not OK" = { zh = "好", en = "x" }\n', "results.Not OK"),
        ('schema = 1\n[templates.a]\nname = { zh = "好", en = "x" }\n', "templates.a.text"),
        (
            (
                'schema = 1\n[templates.a]\nname = { zh = "好", en = "x" }\n'
                'text = { zh = "好", en = "x" }\nresult = "no"\n'
            ),
            "templates.a.result: 'no'",
        ),
        ("schema = 1\ncolour = 1\n", "colour"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, said, found):
    (tmp_path / REPORTS).write_text(said, "utf-8")
    problems = Problems()
    read_forms(tmp_path, problems)
    assert any(re.search(found, str(problem)) for problem in problems.found), problems.found
