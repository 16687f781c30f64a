"""A recommendation as a dispatcher reads it: who goes, who would be next, and who would have been sooner but cannot."""

from collections.abc import Iterable

from engine.model.recommendation import Candidate, Recommendation
from engine.texts import duration, text


def explain(recommendation: Recommendation, language: str = "en") -> str:
    """Render a frozen recommendation in a language, a line for each thing it says."""
    lines = [
        text(
            "recommendation.heading",
            language,
            capability=recommendation.capability,
            policy=text(f"policy.{recommendation.policy}", language),
            fleet_size=recommendation.fleet_size,
        ),
        _chosen(recommendation.chosen, recommendation.capability, language),
    ]
    if recommendation.chosen is not None and recommendation.chosen.cover_ppm is not None:
        its = recommendation.chosen
        lines.append(text("recommendation.cover", language, recipient=its.recipient, ppm=its.cover_ppm))
    if recommendation.others:
        others = (_other(other, language) for other in recommendation.others)
        lines.append(text("recommendation.others", language, list=_listed(others, language)))
    if recommendation.excluded:
        lines.append(text("recommendation.sooner", language))
        lines.extend(
            text(
                "recommendation.excluded",
                language,
                unit=out.unit,
                eta=duration(out.eta_ms),
                why=text(f"why.{out.why}", language, value=out.value or recommendation.capability),
            )
            for out in recommendation.excluded
        )
    if recommendation.excluded_counts:
        counts = (f"{text(f'why_short.{why}', language)} {n}" for why, n in recommendation.excluded_counts.items())
        lines.append(text("recommendation.counts", language, list=_listed(counts, language)))
    return "\n".join(lines)


def _other(other: Candidate, language: str) -> str:
    eta = duration(other.eta_ms)
    if other.cover_ppm is None:
        return text("recommendation.other", language, recipient=other.recipient, eta=eta)
    return text("recommendation.other_cover", language, recipient=other.recipient, eta=eta, ppm=other.cover_ppm)


def _chosen(chosen: Candidate | None, capability: str, language: str) -> str:
    if chosen is None:
        return text("recommendation.nobody", language, capability=capability)
    travel = duration(chosen.travel_ms)
    if chosen.kind == "station":
        return text("recommendation.chosen_station", language, recipient=chosen.recipient, travel=travel)
    return text(
        "recommendation.chosen_unit",
        language,
        recipient=chosen.recipient,
        eta=duration(chosen.eta_ms),
        turnout=duration(chosen.turnout_ms),
        travel=travel,
        distance=f"{(chosen.distance_m or 0) / 1000:.1f}",
    )


def _listed(parts: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)
