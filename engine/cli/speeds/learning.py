"""``allpoints speeds learn``: a city's speeds from past trips, judged on days that they were not learned from.

What is written is a ``speeds.toml`` that says above its rows what they rest on and how far off they were. A table
that is no better than what there was is still written: the figures say so, and a person decides.
"""

import argparse
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from engine.model.errors import Refusal
from engine.texts import LANGUAGES, text

if TYPE_CHECKING:
    from engine.core.city import City
    from engine.travel.journeys import Journey, Trips
    from engine.travel.learning import Errors, Learned

_DEFAULT_FOLDS = 7


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the action's arguments."""
    from geo_data.speed_table import Profile

    summary = "learn factors by class and hour from past trips · 由历史行程学习速度"
    parser = actions.add_parser("learn", help=summary, description=summary)
    parser.add_argument("folder", type=Path, metavar="CITY", help="the city's folder · 城市目录")
    parser.add_argument(
        "--log",
        dest="logs",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a call log that names the units; they start at home as units.csv says · 警情记录",
    )
    parser.add_argument("--record", action="store_true", help="the city's own record of orders · 本系统的出警记录")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the speeds.toml to write · 输出文件")
    parser.add_argument("--force", action="store_true", help="write over a file that is there · 覆盖已有文件")
    parser.add_argument(
        "--kind", action="append", default=[], metavar="KIND", help="of a log, only this kind of unit, such as engine"
    )
    parser.add_argument("--profile", choices=get_args(Profile), help="whose speeds; default: the city's profile")
    parser.add_argument("--folds", type=int, default=_DEFAULT_FOLDS, help="parts that the days are dealt into")
    parser.add_argument("--seed", type=int, default=1, help="of the dealing")


def _learn(args: argparse.Namespace) -> int:
    """Learn, judge, write, and say what it came to."""
    from engine.core.city_folder import load_city
    from engine.travel.journeys import Trips
    from engine.travel.learning import Learner

    if not args.logs and not args.record:
        raise Refusal("missing", "--log, --record", "neither", "a call log, or the city's own record")
    if args.folds < 2:
        raise Refusal("out_of_range", "--folds", args.folds, "at least 2")
    if args.seed < 0:
        raise Refusal("out_of_range", "--seed", args.seed, "at least 0")
    if args.out.exists() and not args.force:
        raise Refusal("exists", "--out", str(args.out), "a file that is not there yet, or --force")
    city = load_city(args.folder)
    profile = args.profile or city.profile
    journeys, left_out = _journeys(args, city)
    trips = Trips.on_roads(journeys, city.snapper, city.time_zone, city.policies.snap_limit_m, left_out)
    learner = Learner(city.network, city.speeds, profile, trips)
    learned = learner.learn()
    judged = learner.hold_out(args.folds, args.seed)
    told = {
        language: _report(learned, judged, learner.trips, profile, language, args.folds, args.seed)
        for language in LANGUAGES
    }
    comments = [line for language in ("en", "zh") for line in (*told[language], text("speeds_learn.edit", language))]
    args.out.write_text(learned.table(city.speeds, profile).text(comments), "utf-8")
    for line in told[args.lang]:
        print(line)
    print(text("speeds_learn.written", args.lang, file=args.out))
    return 0


def _journeys(args: argparse.Namespace, city: "City") -> "tuple[list[Journey], Counter[str]]":
    """Read all that was asked for."""
    journeys: list[Journey] = []
    left_out = Counter[str]()
    if args.logs:
        from engine.intake.call_log import read_call_log
        from engine.intake.journeys import journeys_of

        homes = {str(unit.id): (unit.lon, unit.lat) for unit in city.units if unit.station is not None}
        for path in args.logs:
            found, without = journeys_of(read_call_log(path), homes, args.kind)
            journeys += found
            left_out += without
    if args.record:
        found, without = _from_record(args.folder)
        journeys += found
        left_out += without
    return journeys, left_out


def _from_record(folder: Path) -> "tuple[list[Journey], Counter[str]]":
    from engine.core.city_folder import RECORD
    from engine.journal.record import open_record
    from engine.review.journeys import journeys_of
    from engine.review.timeline import read_timeline

    if not (folder / RECORD).is_dir():
        raise Refusal("no_record", "folder", str(folder), "a city's folder that has been served")
    journal, vault = open_record(folder / RECORD)
    try:
        return journeys_of(read_timeline(journal.read()))
    finally:
        journal.close()
        vault.close()


def _report(
    learned: "Learned", judged: "dict[str, Errors]", trips: "Trips", profile: str, language: str, folds: int, seed: int
) -> list[str]:
    """Return what was learned from what, and how far off it was, in lines for people."""
    days = [date.fromordinal(int(day)).isoformat() for day in (trips.day.min(), trips.day.max())]
    basis = {"trips": learned.trips, "days": learned.days, "first": days[0], "last": days[1], "profile": profile}
    lines = [text("speeds_learn.basis", language, **basis)]
    reasons = [
        text("speeds_learn.left", language, count=count, why=text(f"speeds_left_out.{reason}", language))
        for reason, count in sorted(trips.left_out.items())
    ]
    if reasons:
        lines.append(text("speeds_learn.left_out", language, list="; ".join(reasons)))
    lines.append(text("speeds_learn.held_out", language, folds=min(folds, learned.days), seed=seed))
    for name, errors in judged.items():
        lines.append(
            "  "
            + text(
                "speeds_learn.errors",
                language,
                who=text(f"speeds_contender.{name}", language),
                median=errors.median_s,
                mean=errors.mean_s,
                bias=errors.bias_s,
                within=errors.within_60_share,
            )
        )
    lines.append(text("speeds_learn.fixed", language, fixed=learned.fit.fixed_s))
    lines.append(text("speeds_learn.driven", language, list=_shares(learned)))
    return lines


def _shares(learned: "Learned") -> str:
    """Return the classes that were driven with their part of it and their factor, most driven first."""
    from geo_data.raw_roads import RoadClass

    driven = sorted(zip(learned.class_share.tolist(), RoadClass, learned.fit.by_class().tolist(), strict=True))
    return ", ".join(
        f"{kind.name.lower()} {share:.1%} × {factor:.2f}" for share, kind, factor in reversed(driven) if share > 0
    )


ACTIONS = {"learn": _learn}
"""What each action does, by its name."""
