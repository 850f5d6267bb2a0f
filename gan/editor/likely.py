"""Where landmarks most likely go as an expression grows, learnt from true expressions.

Not by what a model reads from a result: by what people show whose full expression is known,
rendered and photographed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan.editor.square import INTER_OCULAR, into, laid_over, square_of
from landmarks import scheme

Array = NDArray[np.float64]

SHIPPED = Path(__file__).with_name("likely.safetensors")
"""Written by `python -m scripts.build_likely`."""

_SMALL = 0.05
# At which length (root of the sum of squares, in inter-ocular distances) the own displacement
# counts half: small ones are mostly noise.
_LEAST = 0.05
# Least that a face whose neutral is unknown is believed to show.
_RIDGES = (0.1, 1.0)
# Of the mean displacement, and of the own one.


class Numbers(NamedTuple):
    """What is learnt.

    Attributes
    ----------
    own : (2 E + 102, 136) float array
        Leads from emotion and own displacement of the inner points to that of the full expression.
    rendered : (E, 136) float array
        Mean displacement of rendered heads from neutral to full, of each emotion.
    shown : (2,) float array
        What a rendered head shows: a constant, and a factor of what is read.
    """

    own: Array
    rendered: Array
    shown: Array


class Way(NamedTuple):
    """Landmarks of one face from its neutral to the full expression and beyond.

    Attributes
    ----------
    shows : float
        What the face shows.
    start : (68, 2) float array
        The face as it shows that; its neutral one where it shows another expression.
    full : (68, 2) float array
        Displacement from neutral to full.
    below : callable
        Landmarks (S, 68, 2) for shares (S,) of what the face shows, 0…1.
    """

    shows: float
    start: Array
    full: Array
    below: Callable[[Array], Array]

    def __call__(self, intensities: Array) -> Array:
        """Landmarks (S, 68, 2) at intensities (S,)."""
        more = np.maximum(intensities - self.shows, 0)[:, None, None]
        wanted = self.start + more * self.full
        less = np.maximum(intensities, 0) < self.shows
        if less.any():
            wanted[less] = self.below(np.maximum(intensities[less], 0) / self.shows)
        return wanted


def _frame(points: Array) -> Array:
    """The linear map (2, 2) from pixels to inter-ocular distances, eyes level."""
    return square_of(points).matrix[:, :2] / INTER_OCULAR


def displacement(points: Array, neutral: Array, *, whole: bool = False) -> Array:
    """How inner points moved: (102,), in inter-ocular distances, in the frame of `points`.

    With `whole`, all points: (136,).
    """
    moved = (points - into(laid_over(neutral, points), neutral)) @ _frame(points).T
    asked: Array = moved if whole else moved[scheme.INNER_51]
    return asked.ravel()


def features(emotion: NDArray[np.intp], moved: Array, emotions: int) -> Array:
    """Features (B, 2 E + 102) of emotions (B,) and displacements (B, 102)."""
    little = _SMALL / (np.linalg.norm(moved, axis=1, keepdims=True) + _SMALL)
    # Where little is shown, its direction tells little: the emotion alone then has to tell all.
    named = np.eye(emotions)[emotion]
    return np.hstack([named, little * named, little / _SMALL * moved])


def shown(full: Array, moved: Array) -> Array:
    """How much (B,) of full displacements (B, 136) the inner points (B, 102) show."""
    inner = full[:, -moved.shape[1] :]
    return np.asarray((moved * inner).sum(axis=1) / (inner**2).sum(axis=1))


def own_way(
    points: Array,
    neutral: Array,
    emotion: int,
    *,
    another: bool = False,
    numbers: Numbers | None = None,
) -> Way:
    """The way of a person whose neutral face is known.

    Parameters
    ----------
    points : (68, 2) float array
        In pixels.
    neutral : (68, 2) float array
        The same person without expression, turned alike.
    emotion : int
        Row of `Numbers`; `ways` names those that ship.
    another : bool, optional
        The face shows another expression, which comes off: its own displacement tells nothing.
    numbers : Numbers, optional
        Left out, those that ship.
    """
    learnt = load() if numbers is None else numbers
    bare = into(laid_over(neutral, points), neutral)
    start = bare if another else points
    moved = displacement(start, bare)[None]
    count = len(learnt.rendered)
    full = features(np.array([emotion]), moved, count) @ learnt.own
    shows = float(np.clip(shown(full, moved)[0], 0, 1))
    start = start if shows > 0 else bare
    motion = full.reshape(scheme.COUNT, 2) @ np.linalg.inv(_frame(points)).T
    return Way(shows, start, motion, lambda part: bare + part[:, None, None] * (start - bare))


def rendered_way(
    points: Array,
    emotion: int,
    read: float,
    below: Callable[[Array], Array],
    *,
    numbers: Numbers | None = None,
) -> Way:
    """The way of a rendered head whose neutral is unknown.

    Parameters
    ----------
    points, emotion, numbers
        As `own_way`.
    read : float
        Intensity that the model reads from the face.
    below : callable
        Landmarks for shares of what the face shows.
    """
    learnt = load() if numbers is None else numbers
    shows = float(np.clip(learnt.shown @ (1.0, read), _LEAST, 1.0))
    motion = learnt.rendered[emotion].reshape(scheme.COUNT, 2) @ np.linalg.inv(_frame(points)).T
    return Way(shows, points, motion, below)


@cache
def load(path: Path = SHIPPED) -> Numbers:
    """The numbers that ship."""
    from safetensors.numpy import load_file

    stored: dict[str, Any] = load_file(path)
    return Numbers(**{name: stored[name].astype(np.float64) for name in Numbers._fields})


@cache
def ways(path: Path = SHIPPED) -> tuple[str, ...]:
    """The emotions whose ways ship, in the order of their rows."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return tuple(file.metadata()["emotions"].split(", "))


def fit(rows: Sequence[tuple[int, Array, Array]], weights: Array, emotions: int) -> Array:
    """Learn `Numbers.own`; every row counts mirrored too.

    Parameters
    ----------
    rows : sequence of (int, (102,) array, (136,) array)
        Emotion, own displacement and that to the full expression.
    weights : (B,) array
    emotions : int
    """
    emotion = np.array([row[0] for row in rows], dtype=np.intp)
    moved, full = (np.array([row[k] for row in rows]) for k in (1, 2))
    moved, full = np.vstack([moved, mirrored(moved)]), np.vstack([full, mirrored(full)])
    given = features(np.tile(emotion, 2), moved, emotions)
    return _solved(given, full, np.tile(weights, 2) / 2, _RIDGES[1])


def fit_mean(emotion: NDArray[np.intp], full: Array, weights: Array, emotions: int) -> Array:
    """Mean displacements (E, 136) of rows (B,), (B, 136), (B,), and of their mirror images."""
    mean = _solved(np.eye(emotions)[emotion], full, weights, _RIDGES[0])
    both: Array = (mean + mirrored(mean)) / 2
    return both


def mirrored(moved: Array) -> Array:
    """Displacements (B, 102 or 136) of the picture flipped left to right."""
    count = moved.shape[1] // 2
    order = scheme.MIRROR[-count:] - (scheme.COUNT - count)
    flipped: Array = (moved.reshape(-1, count, 2)[:, order] * (-1, 1)).reshape(moved.shape)
    return flipped


def _solved(given: Array, wanted: Array, heavy: Array, ridge: float) -> Array:
    weighted = given * heavy[:, None]
    return np.linalg.solve(weighted.T @ given + ridge * np.eye(given.shape[1]), weighted.T @ wanted)
