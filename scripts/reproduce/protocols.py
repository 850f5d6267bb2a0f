"""From photographs to trials: a weak face, the full one, and the person's own neutral face."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.pose import Frame
from calibration.procrustes import generalized_procrustes
from scripts.reproduce.photographs import HIGH, NEUTRAL, WEAK, Photographs, UnfitSet

Array = NDArray[np.float64]

QUARTER = 0.25


class Trials(NamedTuple):
    """What is to be recognised.

    Attributes
    ----------
    low, zero : (n, 68, 2) float arrays
        The weak face and the person's own neutral one; pixels.
    full : (n, 68, 2) float array
        The same photograph as it was, where the weak face was made of it.
    label : (n,) int array
        Index into the emotions.
    person : (n,) str array
    row : (n,) int array
        Which of the photographs.
    weak : (n,) bool array
        Whose `low` is tested.
    strong : (n,) bool array
        Whose `full` is a full expression, to learn from and to test the ceiling on.
    """

    low: Array
    zero: Array
    full: Array
    label: NDArray[np.intp]
    person: NDArray[np.str_]
    row: NDArray[np.intp]
    weak: NDArray[np.bool_]
    strong: NDArray[np.bool_]


PROTOCOLS = {
    "quarter": "a quarter of the person's displacement; the neutral face that is known is the one "
    "the face was weakened to",
    "another": "a quarter of the person's displacement; the neutral face that is known is another "
    "photograph than the one the face was weakened to",
    "photographed": f"weak expressions as they were photographed, intensity {WEAK[0]:g} to "
    f"{WEAK[1]:g}; the neutral face that is known is another photograph",
}
"""How weak faces come about."""


def protocols_of(found: Photographs) -> list[str]:
    """Those of `PROTOCOLS` that a set has enough photographs for."""
    several = _persons_with(found, 2)
    wanted = ["quarter"]
    if len(several) >= 4:
        wanted.append("another")
    weak = (found.intensity >= WEAK[0]) & (found.intensity <= WEAK[1])
    shows = weak & (found.emotion != NEUTRAL) & np.isin(found.person, _persons_with(found, 1))
    if found.graded and shows.sum() >= 20:
        wanted.append("photographed")
    return wanted


def make_trials(
    found: Photographs, protocol: str, frame: Frame, emotions: tuple[str, ...]
) -> Trials:
    """Trials of a protocol, in the order of the photographs.

    Parameters
    ----------
    found : Photographs
    protocol : str
        One of `PROTOCOLS`.
    frame : Frame
        In which faces are moved towards neutral ones: of a face model, not of these people.
    emotions : tuple of str

    Raises
    ------
    UnfitSet
        Fewer than four persons have the neutral photographs that the protocol needs.
    """
    persons = _persons_with(found, 2 if protocol == "another" else 1)
    if len(persons) < 4:
        raise UnfitSet(
            f"{found.name}: {len(persons)} persons have a neutral photograph (head turned by no "
            "more than 20 degrees): the landmark experiment needs at least 4"
        )
    rows = np.flatnonzero(np.isin(found.emotion, emotions) & np.isin(found.person, persons))
    strong = found.intensity[rows] >= HIGH
    weak = (found.intensity[rows] >= WEAK[0]) & (found.intensity[rows] <= WEAK[1])
    wanted = strong | weak if protocol == "photographed" else strong
    rows, strong, weak = rows[wanted], strong[wanted], weak[wanted]
    start, zero = np.empty((2, len(rows), 68, 2))
    for person in np.unique(found.person[rows]):
        still = np.flatnonzero((found.emotion == NEUTRAL) & (found.person == person))
        for turn, place in enumerate(np.flatnonzero(found.person[rows] == person)):
            if protocol == "another":
                chosen = turn % len(still)
                start[place] = found.landmarks[still[chosen]]
                zero[place] = mean_face(found.landmarks[np.delete(still, chosen)])
            else:
                start[place] = zero[place] = mean_face(found.landmarks[still])
    full = found.landmarks[rows]
    low = full
    if protocol != "photographed":
        frontal, pose = frame.frontal(full)
        towards = frame.in_image(frame.frontal(start)[0] - frontal, pose)
        left = QUARTER / found.intensity[rows]
        low = full + (1 - left)[:, None, None] * towards
        weak = np.ones(len(rows), dtype=bool)
    label = np.array([emotions.index(shown) for shown in found.emotion[rows]])
    return Trials(low, zero, full, label, found.person[rows], rows, weak, strong)


def neutral_of(found: Photographs, trials: Trials) -> NDArray[np.intp]:
    """For each trial a neutral photograph of its person; those of a person take turns."""
    chosen = np.empty(len(trials.row), dtype=np.intp)
    for person in np.unique(trials.person):
        mine = np.flatnonzero(trials.person == person)
        still = found.neutral([person])
        chosen[mine] = still[np.arange(len(mine)) % len(still)]
    return chosen


def mean_face(faces: Array) -> Array:
    """The mean (68, 2) of a person's photographs (n, 68, 2), of the size of a face 100 wide."""
    if len(faces) == 1:
        return faces[0]
    mean = generalized_procrustes(faces, tangent=True)[0]
    return mean * (100 / np.linalg.norm(mean[36] - mean[45]))


def _persons_with(found: Photographs, neutrals: int) -> NDArray[np.str_]:
    """Persons of that many neutral photographs."""
    names, counts = np.unique(found.person[found.emotion == NEUTRAL], return_counts=True)
    return names[counts >= neutrals]
