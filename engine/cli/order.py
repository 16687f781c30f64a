"""``allpoints order``: the orders of a running server; agree, choose somebody else, refuse, add, replace, cancel."""

import argparse
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import quote

from engine.cli.calling import add_target, call, names_of
from engine.model.entities import OverruleReason
from engine.model.errors import Refusal
from engine.texts import LANGUAGES, duration, text
from engine.texts.names import Names, named

_READERS = ("dispatcher", "shift_supervisor", "commander", "observer")
_DECIDERS = ("dispatcher", "shift_supervisor", "commander")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = "Decide about the orders of a running server. 指令:查看、批准、改派、不同意、增派、换人、取消。"
    parser = subparsers.add_parser("order", help=description, description=description)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is said")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the orders, newest first · 查看指令")
    add_target(listing)
    listing.add_argument("--state", choices=("open", "proposed", "all"), default="open", help="which orders")
    listing.add_argument("--json", action="store_true", help="print the server's answers as they are")
    _on_order(actions, "approve", "let a proposal go, or a return be made · 批准")
    choose = _on_order(actions, "choose", "let somebody else go, by name · 改派")
    choose.add_argument("recipient", metavar="WHO", help="a unit or a station")
    choose.add_argument("--why", required=True, choices=get_args(OverruleReason), help="the reason · 理由")
    choose.add_argument("--words", default="", help="more to it; kept encrypted · 说明")
    _anyway(choose, "has refused this before")
    _on_order(actions, "refuse", "refuse leave to what waits about an order · 不同意", reason=True)
    add = actions.add_parser("add", help="send more to an incident; nobody is taken back · 增派")
    add_target(add)
    add.add_argument("incident", metavar="INCIDENT", help="its id")
    add.add_argument("capability", metavar="CAPABILITY", help="what they can do, as the run cards name it")
    add.add_argument("--count", type=int, default=1, help="how many")
    add.add_argument("--unit", help="who, by name")
    add.add_argument("--reason", default="", help="why · 理由")
    add.add_argument("--as", dest="acting_as", default="", help="in whose place, where the run card wants leave")
    _anyway(add, "lacks the capability")
    leave = actions.add_parser("leave", help="ask for leave for a step, such as firearms · 请示")
    add_target(leave)
    leave.add_argument("incident", metavar="INCIDENT", help="its id")
    leave.add_argument("step", metavar="STEP", help="as the run cards name it, such as firearms or evacuate")
    leave.add_argument("--reason", default="", help="why · 理由")
    leave.add_argument("--as", dest="acting_as", default="", help="in whose place, to give it at once")
    _on_order(actions, "replace", "take an order back and let the engine find the next · 换人", reason=True)
    cancel = _on_order(actions, "cancel", "take an order back; what it was for waits · 取消", reason=True)
    cancel.add_argument("--drop", action="store_true", help="nobody else is sought")
    return parser


def _on_order(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, *, reason: bool = False
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary)
    add_target(action)
    action.add_argument("order", metavar="ORDER", help="its id, such as xiangyuan-order-12")
    if reason:
        action.add_argument("--reason", required=True, help="why · 理由")
    if name in ("approve", "choose", "refuse"):
        action.add_argument("--as", dest="acting_as", default="", help="in whose place; default: who was asked last")
    return action


def _anyway(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--anyway", action="store_true", help=f"also who {what}, or is under way to something else")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return ACTIONS[args.action](args)


def _list(args: argparse.Namespace) -> int:
    orders: list[Any] = []
    before: str | None = None
    while True:
        params = {"state": args.state, "lang": args.lang, "limit": "500"} | ({"before": before} if before else {})
        said = call(args, "GET", "/v1/orders", _READERS, params=params)
        orders += said["orders"]
        before = said.get("next")
        if before is None:
            break
    if args.json:
        print(json.dumps({"orders": orders}, ensure_ascii=False))
        return 0
    _print(args, orders)
    if not orders:
        print(text("order.none", args.lang))
    return 0


def _approve(args: argparse.Namespace) -> int:
    """Agree to a proposal; about an order that has gone, to what its recipient asks leave for."""
    order = _read(args)
    step = None if order["state"] == "proposed" and not args.acting_as else _waiting(args, order)
    if step is not None:
        return _decide(args, step, granted=True)
    params = {"version": str(order["version"]), "lang": args.lang}
    _print(args, [call(args, "POST", f"{_path(args)}/approve", _DECIDERS, params=params)])
    return 0


def _choose(args: argparse.Namespace) -> int:
    order = _read(args)
    body = {
        "key": _key(),
        "version": order["version"],
        "seen": order["state"],
        "recipient": args.recipient,
        "why": args.why,
        "words": args.words,
        "anyway": args.anyway,
        "acting_as": args.acting_as,
    }
    _print(args, [call(args, "POST", f"{_path(args)}/choose", _DECIDERS, body=body, params={"lang": args.lang})])
    return 0


def _refuse(args: argparse.Namespace) -> int:
    """Refuse leave to a proposal, or to what the recipient of an order asks leave for."""
    order = _read(args)
    step = _waiting(args, order)
    if step is None:
        raise Refusal("not_asked", "order", args.order, f"one about which leave is asked for; it is {order['state']}")
    return _decide(args, step, granted=False)


def _add(args: argparse.Namespace) -> int:
    body = {
        "key": _key(),
        "capability": args.capability,
        "count": args.count,
        "reason": args.reason,
        "anyway": args.anyway,
        "acting_as": args.acting_as,
    }
    if args.unit is not None:
        body["unit"] = args.unit
    path = f"/v1/incidents/{quote(args.incident, safe='')}"
    said = call(args, "POST", f"{path}/units", _DECIDERS, body=body, params={"lang": args.lang})
    _print(args, [order for order in said["orders"] if order["state"] in _FRESH], said["waiting"])
    for step in said.get("steps", ()):
        if "outcome" not in step:
            print(text("order.asked", args.lang, step=step["id"], what=step["step"], by=step["asked"]))
    return 0


def _replace(args: argparse.Namespace) -> int:
    order = _read(args)
    body = {"key": _key(), "version": order["version"], "reason": args.reason}
    call(args, "POST", f"{_path(args)}/replace", _DECIDERS, body=body)
    return _print_open(args, order["incident"])


def _cancel(args: argparse.Namespace) -> int:
    body = {"reason": args.reason, "drop": args.drop}
    order = call(args, "POST", f"{_path(args)}/cancel", _DECIDERS, body=body)
    return _print_open(args, order["incident"])


def _print_open(args: argparse.Namespace, incident: str) -> int:
    """Print who goes to an incident now."""
    said = call(args, "GET", f"/v1/incidents/{quote(incident, safe='')}", _READERS, params={"lang": args.lang})
    going = [order for order in said["orders"] if order["state"] not in _ENDED]
    _print(args, going, said["waiting"])
    if not going and not said["waiting"]:
        print(text("order.none", args.lang))
    return 0


_FRESH = ("proposed", "sent", "delivered")
_ENDED = ("refused", "expired", "cleared", "cancelled", "replaced")


def _read(args: argparse.Namespace) -> Any:
    return call(args, "GET", _path(args), _READERS, params={"lang": args.lang})


def _waiting(args: argparse.Namespace, order: Mapping[str, Any]) -> Any:
    """Return the newest step about an order that waits for leave; None where nothing does."""
    said = call(args, "GET", f"/v1/incidents/{quote(order['incident'], safe='')}", _READERS)
    steps = [step for step in said.get("steps", ()) if step.get("order") == order["id"] and "outcome" not in step]
    return steps[-1] if steps else None


def _decide(args: argparse.Namespace, step: Mapping[str, Any], *, granted: bool) -> int:
    body = {"granted": granted, "acting_as": args.acting_as, "reason": getattr(args, "reason", "")}
    path = f"/v1/steps/{quote(step['id'], safe='')}/decide"
    decided = call(args, "POST", path, _DECIDERS, body=body)
    values = {"what": decided["step"], "by": decided["decided_by"], "decided_as": decided["decided_as"]}
    print(text(f"order.{decided['outcome']}", args.lang, step=decided["id"], **values))
    _print(args, [_read(args)])
    return 0


def _path(args: argparse.Namespace) -> str:
    return f"/v1/orders/{quote(args.order, safe='')}"


def _key() -> str:
    return f"cli-{secrets.token_hex(8)}"


def _print(
    args: argparse.Namespace, orders: Sequence[Mapping[str, Any]], waiting: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Say each order in a line, below it what else there is to it, and then what waits for somebody."""
    names = names_of(args, _READERS, args.lang) if orders or waiting else {}
    for order in orders:
        _print_one(order, args.lang, names)
    for demand in waiting:
        print(text("order.waiting", args.lang, capability=named(names, "capability", demand["capability"])))


def _print_one(order: Mapping[str, Any], language: str, names: Names) -> None:
    """Say one order in a line, and below it whether a person chose so, or its recipient returns it."""
    eta = order.get("eta_ms")
    print(
        text(
            "order.line",
            language,
            id=order["id"],
            incident=order["incident"],
            type=named(names, "type", order["type"]),
            level=order["level"],
            recipient=order["recipient"],
            capability=named(names, "capability", order["capability"]),
            eta="—" if eta is None else duration(eta),
            state=text(f"order_state.{order['state']}", language),
        )
    )
    for line in order.get("overruled", {}).get("said", ()):
        print(f"    {line}")
    if order.get("returning"):
        print("    " + text(f"order.return_{order['returning']}", language))


def _leave(args: argparse.Namespace) -> int:
    """Ask for leave, and say whether it was given or who is asked."""
    body = {"key": _key(), "step": args.step, "reason": args.reason, "acting_as": args.acting_as}
    path = f"/v1/incidents/{quote(args.incident, safe='')}/steps"
    said = call(args, "POST", path, _DECIDERS, body=body, params={"lang": args.lang})
    step = [step for step in said["steps"] if step["step"] == args.step][-1]
    if "outcome" in step:
        values = {"by": step["decided_by"], "decided_as": step["decided_as"]}
        print(text(f"order.{step['outcome']}", args.lang, step=step["id"], what=step["step"], **values))
    else:
        print(text("order.asked", args.lang, step=step["id"], what=step["step"], by=step["asked"]))
    return 0


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "approve": _approve,
    "choose": _choose,
    "refuse": _refuse,
    "add": _add,
    "leave": _leave,
    "replace": _replace,
    "cancel": _cancel,
}
