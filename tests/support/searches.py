"""Somebody is at one of nine hotels: a desk over the grid city, and what its units and telephones say."""

from engine import Engine, ReportAlert
from engine.core.plain_ports import VolatileJournal
from engine.dispatch.policies import Policies
from engine.model import searches as s
from engine.model.commands import AnswerOrder
from engine.model.entities import Details, Need, Place, PlaceWords
from engine.model.ids import DESK
from engine.model.lifecycle import OPEN_ORDERS
from tests.support.cities import SetClock, alert, city, place, unit

CREW = (unit("u1", 0, 0), unit("u2", 5, 4), unit("u3", 5, 0), unit("u4", 0, 4), unit("dog", 2, 2, "k9"))
HOTELS = ((1, 1), (2, 0), (4, 0), (0, 3), (2, 4), (4, 3), (5, 2), (3, 2), (1, 3))


class SearchRoom:
    """A desk with a search, and what its units and telephones say."""

    def __init__(self, units=CREW, jobs=None, journal=None, stations=(), cards=None, **policies):
        self.clock, self.journal = SetClock(), journal or VolatileJournal()
        policies = {"stale_position_ms": 0, "search_callers": 0} | policies
        more = {} if cards is None else {"run_cards": cards}
        its = city(units, stations, policies=Policies(**policies), **more)
        self.engine = Engine(its, journal=self.journal, clock=self.clock, jobs=jobs)
        self.count = 0

    @property
    def state(self):
        return self.engine.state

    def say(self, command):
        return self.engine.submit(command)[0]

    def open(self, hotels=HOTELS, count=3, chances=None, phones=(), **more):
        chances = chances or [1 / len(hotels)] * len(hotels)
        places = [
            Place(lon=place(*at)[0], lat=place(*at)[1], chance=chance, phone=n in phones)
            for n, (at, chance) in enumerate(zip(hotels, chances, strict=True))
        ]
        words = tuple(PlaceWords(f"Hotel {n + 1}", f"0351-{n}") for n in range(len(places)))
        said = alert("a1", 2, 2, needs=(Need("patrol", count),), places=tuple(places), **more)
        said = type(said)(**{**{f: getattr(said, f) for f in said.__struct_fields__}, "details": Details(places=words)})
        reply = self.say(ReportAlert(actor="user:li", alert=said))
        assert reply.refusal is None, reply.refusal
        return reply.incident

    def look(self, incident, place_, *, found=False, how="door", order=None, **more):
        self.count += 1
        key = more.pop("key", f"look{self.count}")
        actor = "user:li" if order is None else f"device:{self.state.orders[order].recipient}"
        return self.say(
            s.ReportLook(
                actor=actor, key=key, incident=incident, place=place_, found=found, how=how, order=order, **more
            )
        )

    def orders(self, incident):
        its = (self.state.orders[name] for name in self.state.incidents[incident].orders)
        return {order.recipient: order for order in its if order.state in OPEN_ORDERS}

    def turns(self, incident):
        return {name: self.state.order_looks.get(order.id, ()) for name, order in self.orders(incident).items()}

    def answer(self, order, answer):
        self.count += 1
        its = self.state.orders[order]
        said = AnswerOrder(
            actor=f"device:{its.recipient}", key=f"k{self.count}", order=order, version=its.version, answer=answer
        )
        reply = self.say(said)
        assert reply.refusal is None, reply.refusal

    def notices(self, code):
        return [mail.body for mail in self.state.mailbox(DESK).items if mail.body.code == code]
