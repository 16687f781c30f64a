"""The fit itself, on plain arrays: how long trips took against the seconds of free flow they spent on each class.

The model is ``taken = fixed + wait + drive / factor / hours``: a way's free-flow seconds on each class of street are
divided by that class's factor on the speed, their sum by the factor of its hour group; what it waits at junctions is
given. ``fixed`` is what every trip costs beside driving; without it short trips make streets look slow.

Errors are those of the logarithm: a fifth too long is as wrong on a short way as on a long one. Their loss is
Cauchy's, which nearly ignores a wrong stamp, so that what is fitted is the usual trip. Factors are drawn towards one:
a class towards the overall factor, the overall factor weakly towards free flow, as if each had been observed with the
spread given below. What was hardly driven therefore stays with the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_OVERALL, MOST_OVERALL = 0.25, 1.5
LEAST_OWN, MOST_OWN = 0.6, 1.3
"""Bounds of the overall factor on the speed, and of what a class or an hour group has of its own on top of it."""
MOST_FIXED_S = 300.0

_SPREAD_OVERALL, _SPREAD_CLASS, _SPREAD_GROUP = 1.0, 0.1, 0.1
"""How far a factor's logarithm is expected from where it is drawn to."""
_FIXED_S, _SPREAD_FIXED_S = 30.0, 60.0
_FIRST_SPREAD = 0.4
"""Of the errors of the logarithm before anything is fitted."""
_LEAST_SPREAD = 0.01
_MOST_STEPS = 60
_MOST_HALVINGS = 20
_SETTLED = 1e-3

_Loss = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Takes squared errors, float64 (t,); returns the loss and its derivative, float64 (t,) each."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is fitted beside the one factor for everything."""

    fixed: bool = True
    by_class: bool = True
    by_group: bool = True


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What was fitted. Factors are on the speed: at 0.8 a way takes a quarter longer.

    Attributes
    ----------
    fixed_s
        What every trip costs beside driving.
    overall
        The one factor for everything.
    of_class, of_group
        float64 (classes,) and (groups,), what each has on top of it; 1 where nothing was seen.
    spread
        Of the errors of the logarithm: their median distance from 0, as a standard deviation.
    """

    fixed_s: float
    overall: float
    of_class: NDArray[np.float64]
    of_group: NDArray[np.float64]
    spread: float

    def by_class(self) -> NDArray[np.float64]:
        """Return each class's whole factor, float64 (classes,)."""
        return self.overall * self.of_class

    def seconds(
        self, drive_s: NDArray[np.float64], wait_s: NDArray[np.float64], group: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return how long trips take by this fit, float64 (t,).

        Parameters
        ----------
        drive_s
            float64 (t, classes), free-flow seconds by class.
        wait_s
            float64 (t,), seconds at junctions, which no factor changes.
        group
            int64 (t,), the hour group of each trip.
        """
        drive: NDArray[np.float64] = drive_s @ (1.0 / self.by_class()) / self.of_group[group]
        return self.fixed_s + wait_s + drive


def fit_factors(
    drive_s: NDArray[np.float64],
    wait_s: NDArray[np.float64],
    group: NDArray[np.int64],
    taken_s: NDArray[np.float64],
    groups: int,
    terms: Terms,
) -> Fit:
    """Fit factors to trips.

    Parameters
    ----------
    drive_s
        float64 (t, classes), free-flow seconds on each class of street.
    wait_s
        float64 (t,), seconds at junctions, which are given.
    group
        int64 (t,), the hour group of each trip, below ``groups``.
    taken_s
        float64 (t,), how long each really took, above 0.
    terms
        What is fitted.

    Returns
    -------
    Fit
        The same for the same trips: nothing is drawn by lot.
    """
    problem = _Problem(drive_s, wait_s, group, np.log(taken_s), groups, terms)
    offsets, spread = np.zeros(len(problem.drawn_to)), _FIRST_SPREAD
    # Cauchy's loss has hollows far from the best; the first one, which has none, leads past them.
    for of in (_soft_l1, _cauchy):
        for _ in range(_MOST_STEPS):
            moved = problem.step(offsets, spread, of)
            offsets = np.clip(offsets + moved, problem.low, problem.high)
            length = float(np.max(np.abs(moved)))
            before = spread
            if of is _cauchy:
                spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(np.abs(problem.residuals(offsets)))))
            if length < _SETTLED and abs(spread - before) < _SETTLED * before:
                break
    return problem.told(offsets, spread)


class _Problem:
    """What is to be made least, over values that are fixed seconds, then logarithms of slowness; only what is fitted.

    It is asked by offsets: how far each value is from where it is drawn to, in its spread, so that all are alike.
    """

    def __init__(
        self,
        drive_s: NDArray[np.float64],
        wait_s: NDArray[np.float64],
        group: NDArray[np.int64],
        log_taken: NDArray[np.float64],
        groups: int,
        terms: Terms,
    ) -> None:
        self.classes = np.flatnonzero(drive_s.sum(0) > 0) if terms.by_class else np.zeros(0, np.int64)
        self.seen = np.unique(group) if terms.by_group else np.zeros(0, np.int64)
        self.drive_s, self.wait_s, self.group, self.log_taken = drive_s, wait_s, group, log_taken
        self.n_classes, self.n_groups = drive_s.shape[1], groups
        fixed, owns = int(terms.fixed), len(self.classes) + len(self.seen)
        self.overall_at = fixed
        self.drawn_to = np.concatenate(([_FIXED_S] * fixed, np.zeros(1 + owns)))
        self.drawn_by = np.concatenate(
            (
                [_SPREAD_FIXED_S] * fixed,
                [_SPREAD_OVERALL],
                np.full(len(self.classes), _SPREAD_CLASS),
                np.full(len(self.seen), _SPREAD_GROUP),
            )
        )
        # Slowness is one over the factor, so the bounds change places.
        own = (-np.log(MOST_OWN), -np.log(LEAST_OWN))
        low = np.concatenate(([0.0] * fixed, [-np.log(MOST_OVERALL)], np.full(owns, own[0])))
        high = np.concatenate(([MOST_FIXED_S] * fixed, [-np.log(LEAST_OVERALL)], np.full(owns, own[1])))
        self.low, self.high = (low - self.drawn_to) / self.drawn_by, (high - self.drawn_to) / self.drawn_by

    def told(self, offsets: NDArray[np.float64], spread: float) -> Fit:
        """Return what offsets mean."""
        values = self.drawn_to + offsets * self.drawn_by
        after = self.overall_at + 1
        of_class, of_group = np.ones(self.n_classes), np.ones(self.n_groups)
        of_class[self.classes] = np.exp(-values[after : after + len(self.classes)])
        of_group[self.seen] = np.exp(-values[after + len(self.classes) :])
        fixed_s = float(values[0]) if self.overall_at else 0.0
        overall = float(np.exp(-values[self.overall_at]))
        return Fit(fixed_s=fixed_s, overall=overall, of_class=of_class, of_group=of_group, spread=spread)

    def residuals(self, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much the logarithm of each trip's time is off, float64 (t,)."""
        seconds = self.told(offsets, 0.0).seconds(self.drive_s, self.wait_s, self.group)
        off: NDArray[np.float64] = np.log(np.maximum(seconds, 1.0)) - self.log_taken
        return off

    def cost(self, offsets: NDArray[np.float64], spread: float, of: _Loss) -> float:
        """Return the loss of all trips and of all offsets."""
        losses, _ = of((self.residuals(offsets) / spread) ** 2)
        return 0.5 * float(losses.sum() + offsets @ offsets)

    def gradient(self, offsets: NDArray[np.float64], spread: float, of: _Loss) -> NDArray[np.float64]:
        """Return the derivatives of `cost`, float64 (v,)."""
        errors = self.residuals(offsets) / spread
        slope: NDArray[np.float64] = offsets + self.slopes(offsets).T @ (of(errors**2)[1] * errors) / spread
        return slope

    def step(self, offsets: NDArray[np.float64], spread: float, of: _Loss) -> NDArray[np.float64]:
        """Return a step of Gauss and Newton within the bounds, each trip weighed by its loss; halved while it is worse.

        0 where no step is better.
        """
        from scipy.optimize import lsq_linear  # noqa: PLC0415 - heavy, wanted where something is learned

        slopes = self.slopes(offsets) / spread
        weight = of((self.residuals(offsets) / spread) ** 2)[1]
        root = np.linalg.cholesky(slopes.T @ (weight[:, None] * slopes) + np.eye(len(offsets)))
        wanted = np.linalg.solve(root, -self.gradient(offsets, spread, of))
        moved: NDArray[np.float64] = lsq_linear(
            root.T, wanted, (self.low - offsets, self.high - offsets), method="bvls"
        ).x
        here = self.cost(offsets, spread, of)
        for _ in range(_MOST_HALVINGS):
            if self.cost(offsets + moved, spread, of) <= here:
                return moved
            moved = moved / 2.0
        return np.zeros(len(offsets))

    def slopes(self, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives of `residuals`, float64 (t, v)."""
        fit = self.told(offsets, 0.0)
        each = self.drive_s / fit.by_class() / fit.of_group[self.group][:, None]
        drive, after = each.sum(1), self.overall_at + 1
        seconds = fit.fixed_s + self.wait_s + drive
        out = np.zeros((len(drive), len(offsets)))
        out[:, : self.overall_at] = 1.0
        out[:, self.overall_at] = drive
        out[:, after : after + len(self.classes)] = each[:, self.classes]
        out[:, after + len(self.classes) :] = drive[:, None] * (self.group[:, None] == self.seen)
        out *= self.drawn_by
        # Below one second the logarithm is held: there a residual does not change.
        return np.where(seconds[:, None] > 1.0, out / np.maximum(seconds, 1.0)[:, None], 0.0)


def _soft_l1(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    root = np.sqrt(1.0 + squares)
    return 2.0 * (root - 1.0), 1.0 / root


def _cauchy(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.log1p(squares), 1.0 / (1.0 + squares)
