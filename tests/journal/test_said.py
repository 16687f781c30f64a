"""What is said of an order, in words, is stored encrypted like the words of an alert, and goes with it."""

from engine import AnswerOrder, Engine, Need, ReportAlert
from engine.model.commands import AddUnits, AskHelp, ChooseUnit, ReplaceOrder, ReturnOrder
from engine.model.entities import Details
from tests.journal.samples import AT
from tests.support.cities import SetClock, alert, city, unit
from tests.support.searches import SearchRoom

WORDS = "Zhang San was taken home"


def test_an_answer_in_words_is_stored_and_goes_with_its_alert(desk):
    clock = SetClock(AT)
    engine = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=clock)
    reply = engine.submit(ReportAlert(actor="source:cad", alert=alert(1, 2, 0, at=AT)))[0]
    (order,) = reply.orders
    for number, answer in enumerate(("accept", "en_route", "on_scene", "report")):
        words = WORDS if answer == "report" else ""
        said = AnswerOrder(actor="device:P1", key=f"k{number}", order=order, version=1, answer=answer, text=words)
        assert engine.submit(said)[0].refusal is None

    def words():
        return [event.personal.text for event in desk.journal.read() if event.personal not in (None, Details())]

    assert WORDS in words()
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert WORDS.encode() not in raw
    assert desk.journal.erase(reply.alert, at=AT) == 1
    desk.reopen()
    assert WORDS not in words()
    assert desk.journal.verify().ok


def test_why_somebody_else_was_chosen_is_stored_comes_back_at_a_start_and_goes_with_its_alert(desk):
    clock, units = SetClock(AT), city([unit("P1", 1, 0), unit("P2", 3, 0)])
    engine = Engine(units, journal=desk.journal, clock=clock)
    reply = engine.submit(ReportAlert(actor="source:cad", alert=alert(1, 0, 0, needs=(Need("patrol"),), at=AT)))[0]
    chosen = ChooseUnit(
        actor="user:li", key="k", order=reply.orders[0], version=1, recipient="P2", why="other", words=WORDS
    )
    assert engine.submit(chosen)[0].refusal is None
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert WORDS.encode() not in raw + engine.snapshot()

    def said(snapshot=None):
        again = Engine(units, journal=desk.journal, clock=clock, snapshot=snapshot)
        return [(its.by, its.left, words) for its, words in again.overrulings(reply.incident)]

    assert said() == said(engine.snapshot()) == [("user:li", "P1", WORDS)]
    assert desk.journal.erase(reply.alert, at=AT) == 1
    desk.reopen()
    assert said() == said(engine.snapshot()) == [("user:li", "P1", "")]
    assert desk.journal.verify().ok


def test_what_is_said_when_help_is_asked_for_or_an_order_returned_is_stored_and_goes_with_its_alert(desk):
    engine = Engine(
        city([unit("P1", 1, 0), unit("P2", 3, 0), unit("P3", 5, 0)]), journal=desk.journal, clock=SetClock(AT)
    )
    reply = engine.submit(ReportAlert(actor="source:cad", alert=alert(1, 0, 0, needs=(Need("patrol"),), at=AT)))[0]
    (order,) = reply.orders
    for command in (
        AnswerOrder(actor="device:P1", key="a", order=order, version=1, answer="accept"),
        AskHelp(actor="device:P1", key="b", order=order, version=1, what="support", wanted="analyst", words=WORDS),
        ReturnOrder(actor="device:P1", key="c", order=order, version=1, reason="hurt", words=WORDS),
        AddUnits(actor="user:li", key="d", incident=reply.incident, capability="patrol", reason="crowd"),
        ReplaceOrder(actor="user:li", key="e", order=order, version=1, reason="hurt"),
    ):
        assert engine.submit(command)[0].refusal is None

    def said():
        return [event.personal.text for event in desk.journal.read() if event.personal is not None].count(WORDS)

    assert said() == 2
    assert desk.journal.erase(reply.alert, at=AT) == 1
    desk.reopen()
    assert said() == 0
    assert desk.journal.verify().ok


def test_what_was_seen_at_a_place_of_a_search_is_stored_with_its_places_and_goes_with_its_alert(desk):
    room = SearchRoom(journal=desk.journal)
    incident = room.open(phones=(0,))
    assert room.look(incident, 0, how="phone", text=WORDS).refusal is None
    order = next(iter(room.orders(incident).values()))
    turn = room.turns(incident)[order.recipient]
    assert room.look(incident, turn[0], order=order.id, text=WORDS).refusal is None
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert WORDS.encode() not in raw
    assert b"Hotel 3" not in raw

    def said():
        return [event.personal for event in desk.journal.read() if event.personal is not None]

    assert [its.text for its in said()].count(WORDS) == 2
    assert [place.name for place in said()[0].places][2] == "Hotel 3"
    assert desk.journal.erase(room.state.incidents[incident].alerts[0], at=AT) == 1
    desk.reopen()
    assert not [its for its in said() if its != Details()]
    assert desk.journal.verify().ok
