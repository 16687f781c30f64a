"""A recommendation as a dispatcher reads it: who goes, who would be next, and who would have been sooner but cannot.

`explain` gives all of it as lines; its parts are for whoever lays them out, such as the table of ``allpoints explain``.
"""

from collections.abc import Iterable
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from engine.model.entities import Overruling
from engine.model.recommendation import Candidate, Excluded, Meeting, Recommendation
from engine.texts import duration, text
from engine.texts.names import Names, named


def explain(
    recommendation: Recommendation, language: str = "en", zone: str = "", names: Names = MappingProxyType({})
) -> str:
    """Render a frozen recommendation in a language, a line for each thing it says; given a time zone, also when.

    ``names`` is what the city calls its capabilities, ranks and equipment.
    """
    lines = [
        heading(recommendation, language, names),
        *who_goes(recommendation, language, names),
        *(when(recommendation, language, zone) if zone else ()),
    ]
    if recommendation.others:
        others = (_other(recommendation, other, language) for other in recommendation.others)
        lines.append(text("recommendation.others", language, list=_listed(others, language)))
    if recommendation.excluded:
        lines.append(text("recommendation.sooner", language))
        lines.extend(
            text(
                "recommendation.excluded",
                language,
                unit=out.unit,
                eta=duration(out.eta_ms),
                why=why_not(recommendation, out, language, names),
            )
            for out in recommendation.excluded
        )
    lines.extend(rest(recommendation, language))
    return "\n".join(lines)


def crew(candidate: Candidate, language: str) -> str:
    """Say how many are in a unit; empty where nobody asked for a number."""
    if not candidate.people:
        return ""
    return text("roster.count", language, people=candidate.people, sworn=candidate.sworn)


def _other(recommendation: Recommendation, other: Candidate, language: str) -> str:
    key = "recommendation.other" if other.cover_ppm is None else "recommendation.other_cover"
    said = text(key, language, recipient=other.recipient, eta=duration(other.eta_ms), ppm=other.cover_ppm)
    if other.people:
        said = text("recommendation.penalised", language, other=said, list=crew(other, language))
    if other.meeting is not None:
        its = text("recommendation.ahead", language, lead=lead(recommendation, other, language))
        said = text("recommendation.penalised", language, other=said, list=its)
    if not other.penalties_ms:
        return said
    return text("recommendation.penalised", language, other=said, list=penalties(other, language))


def lead(recommendation: Recommendation, candidate: Candidate, language: str) -> str:
    """Say on how many of a subject's ways a candidate is ahead, and by how much; empty for one that is not."""
    its = candidate.meeting
    if its is None:
        return ""
    return text("recommendation.lead", language, share=_share(recommendation, its), ahead=duration(its.ahead_ms))


def _share(recommendation: Recommendation, meeting: Meeting) -> int:
    """Return on how many of a hundred ways of a subject somebody is ahead."""
    assert recommendation.chased is not None
    return round(100 * meeting.meets / recommendation.chased.routes)


def penalties(candidate: Candidate, language: str) -> str:
    """Say what counts against a candidate besides its time; empty where nothing does."""
    its = candidate.penalties_ms.items()
    return _listed(
        (
            text("recommendation.penalty", language, what=text(f"penalty.{code}", language), ms=duration(ms))
            for code, ms in its
        ),
        language,
    )


def heading(recommendation: Recommendation, language: str, names: Names) -> str:
    """Say what is wanted, by which rule, of how many units or stations."""
    return text(
        _HEADINGS.get(recommendation.policy, "recommendation.heading"),
        language,
        capability=_wanted(recommendation, language, names),
        policy=text(f"policy.{recommendation.policy}", language),
        fleet_size=recommendation.fleet_size,
    )


def _able(recommendation: Recommendation, language: str, names: Names) -> str:
    """Say what a unit must be able to do: one thing, or any of several."""
    wanted = (recommendation.capability, *recommendation.either)
    return text("recommendation.or", language).join(named(names, "capability", name) for name in wanted)


def _wanted(recommendation: Recommendation, language: str, names: Names) -> str:
    """Say what is wanted: what a unit must be able to do, and what it must bring."""
    wanted = _able(recommendation, language, names)
    bringing = (name.partition(":") for name in recommendation.bringing)
    said = [text(f"recommendation.{kind}", language, name=named(names, kind, name)) for kind, _, name in bringing]
    if recommendation.one_team:
        said.append(text("recommendation.one_team", language))
    if recommendation.people or recommendation.sworn:
        values = {"people": recommendation.people, "sworn": recommendation.sworn}
        said.append(text("recommendation.lacking_people", language, **values))
    if not said:
        return wanted
    return text("recommendation.bringing", language, wanted=wanted, list=_listed(said, language))


def who_goes(recommendation: Recommendation, language: str, names: Names) -> list[str]:
    """Say who goes and when they are there, or that nobody does; and what counted besides time, where anything did."""
    its = recommendation.chosen
    lines = [_chosen(its, recommendation, language, names)]
    chased = recommendation.chased
    if chased is not None and chased.why != "ahead":
        lines.append(text(f"chased.{chased.why}", language))
    if recommendation.extra:
        lines.insert(0, text("recommendation.extra", language))
    if its is not None and its.cover_ppm is not None:
        lines.append(text("recommendation.cover", language, recipient=its.recipient, ppm=its.cover_ppm))
    if its is not None and its.team:
        lines.append(text("recommendation.team", language, recipient=its.recipient, team=its.team))
    if its is not None and its.people:
        lines.append(text("recommendation.crew", language, recipient=its.recipient, crew=crew(its, language)))
    if its is not None and its.diverted_from is not None:
        lines.append(text("recommendation.diversion", language, recipient=its.recipient, order=its.diverted_from))
    if its is not None and its.penalties_ms:
        said = penalties(its, language)
        lines.append(text("recommendation.penalties", language, recipient=its.recipient, list=said))
    return lines


def when(recommendation: Recommendation, language: str, zone: str) -> list[str]:
    """Say by the clock of a time zone when it was decided and when whoever goes should be there."""
    its, at = recommendation.chosen, recommendation.decided_at
    if not at:
        return []
    if its is None:
        return [text("recommendation.decided", language, at=clock(at, zone))]
    there = clock(at + (its.eta_ms if its.meeting is None else its.meeting.eta_ms), zone)
    return [text("recommendation.decided_there", language, at=clock(at, zone), recipient=its.recipient, there=there)]


def clock(at: int, zone: str) -> str:
    """Spell an instant in ms since the epoch by the clock of a time zone: ``2026-09-28 14:32:05``."""
    return datetime.fromtimestamp(at // 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


_HEADINGS = {
    "responsible_station": "recommendation.heading_stations",
    "nearest_station": "recommendation.heading_stations",
    "own_pool": "recommendation.heading_own",
}
_STATION_CHOSEN = {
    "responsible_station": "recommendation.chosen_by_area",
    "nearest_station": "recommendation.chosen_nearest",
}


def _chosen(chosen: Candidate | None, recommendation: Recommendation, language: str, names: Names) -> str:
    policy = recommendation.policy
    if chosen is None:
        key = "recommendation.nobody_own" if policy == "own_pool" else "recommendation.nobody"
        return text(key, language, capability=_wanted(recommendation, language, names))
    travel = duration(chosen.travel_ms)
    if chosen.kind == "station":
        key = _STATION_CHOSEN.get(policy, "recommendation.chosen_station")
        return text(key, language, recipient=chosen.recipient, travel=travel)
    its = {"recipient": chosen.recipient, "turnout": duration(chosen.turnout_ms)}
    its["distance"] = f"{(chosen.distance_m or 0) / 1000:.1f}"
    meeting = chosen.meeting
    if meeting is None:
        return text("recommendation.chosen_unit", language, eta=duration(chosen.eta_ms), travel=travel, **its)
    return text(
        "recommendation.chosen_ahead",
        language,
        place=f"{meeting.lon:.5f},{meeting.lat:.5f}",
        eta=duration(meeting.eta_ms),
        travel=duration(meeting.eta_ms - chosen.turnout_ms),
        ahead=duration(meeting.ahead_ms),
        share=_share(recommendation, meeting),
        **its,
    )


def why_not(recommendation: Recommendation, out: Excluded, language: str, names: Names) -> str:
    """Say why a unit that would have been sooner is not sent."""
    kind = out.why.removeprefix("lacks_")  # a capability, equipment or a rank; of anything else there is no name
    value = named(names, kind, out.value) if out.value else _able(recommendation, language, names)
    said = text(f"why.{out.why}", language, value=value)
    return text("bar.heading", language, why=said, bar=text(f"bar.{out.bar}", language)) if out.bar else said


def rest(recommendation: Recommendation, language: str) -> list[str]:
    """Say in a line each who is not in question, by reason, and how many names were cut."""
    lines = []
    if recommendation.excluded_counts:
        counts = (f"{text(f'why_short.{why}', language)} {n}" for why, n in recommendation.excluded_counts.items())
        lines.append(text("recommendation.counts", language, list=_listed(counts, language)))
    if recommendation.others_cut or recommendation.excluded_cut:
        lines.append(
            text(
                "recommendation.cut",
                language,
                others=recommendation.others_cut,
                excluded=recommendation.excluded_cut,
            )
        )
    return lines


def overruled(its: Overruling, words: str = "", language: str = "en", zone: str = "UTC") -> list[str]:
    """Say that a person chose somebody else: who, when and why, in spite of what, and what they said besides."""
    lines = [
        text(
            "overruled.chosen",
            language,
            recipient=its.recipient,
            left=its.left,
            by=its.by,
            at=clock(its.at, zone),
            why=text(f"overrule_reason.{its.why}", language),
        )
    ]
    if its.despite:
        against = _listed((text(f"why_short.{code}", language) for code in its.despite), language)
        lines.append(text("overruled.despite", language, list=against))
    if words:
        lines.append(text("overruled.words", language, words=words))
    return lines


def _listed(parts: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)
