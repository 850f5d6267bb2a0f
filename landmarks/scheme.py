"""iBUG-68: which index means what.

Left and right are the subject's own, so the right eye is on the left of the picture::

        17 18 19 20 21        22 23 24 25 26          brows
     0                    27                    16
        37 38             28            43 44
     1 36    39           29          42    45  15    eyes, nose bridge
        41 40             30            47 46
     2              31 32 33 34 35              14    nostrils
                        50 51 52
      3              49          53            13
                 48  60 61 62 63 64  54               outer lips 48-59
       4             67 66 65                 12      inner lips 60-67
          5       59              55        11
             6        58 57 56           10
                  7        8        9                 jaw 0-16

References
----------
Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013 (the mark-up).
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

COUNT: Final = 68

REGIONS: Final[dict[str, range]] = {
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nostrils": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lips": range(48, 60),
    "inner_lips": range(60, 68),
}
"""Region name → its indices, in drawing order; together they are 0…67 once each."""

CLOSED_REGIONS: Final = frozenset({"right_eye", "left_eye", "outer_lips", "inner_lips"})
"""Regions whose last point joins their first."""

RIGHT_OUTER_EYE_CORNER: Final = 36
LEFT_OUTER_EYE_CORNER: Final = 45

INNER_51: Final[NDArray[np.intp]] = np.arange(17, 68)
"""All but the jaw: what detectors place reliably on a cropped face."""

FIVE: Final[tuple[tuple[int, ...], ...]] = (
    tuple(REGIONS["right_eye"]),
    tuple(REGIONS["left_eye"]),
    (30,),
    (48,),
    (54,),
)
"""The 68 indices whose mean is each of five points: eye centres, nose tip, mouth corners."""


def connectivity() -> list[tuple[int, int]]:
    """Pairs of neighbouring landmarks along every contour.

    Returns
    -------
    edges : list of (int, int)
        63 edges; closed regions end where they begin.
    """
    edges = []
    for name, region in REGIONS.items():
        edges += list(itertools.pairwise(region))
        if name in CLOSED_REGIONS:
            edges.append((region[-1], region[0]))
    return edges


def _mirror_permutation() -> NDArray[np.intp]:
    pairs = [(i, 16 - i) for i in range(8)]  # jaw
    pairs += [(17 + i, 26 - i) for i in range(5)]  # brows
    pairs += [(31, 35), (32, 34)]  # nostrils
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]  # eyes
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56)]  # outer lips
    pairs += [(60, 64), (61, 63), (67, 65)]  # inner lips
    permutation = np.arange(COUNT)
    for right, left in pairs:
        permutation[right], permutation[left] = left, right
    return permutation


MIRROR: Final[NDArray[np.intp]] = _mirror_permutation()
"""`mirrored[i]` shows what `points[MIRROR[i]]` showed before the picture was flipped."""
MIRROR.setflags(write=False)


def mirror(points: NDArray[np.floating], width: float) -> NDArray[np.float64]:
    """Landmarks of the picture flipped left to right.

    Parameters
    ----------
    points : (..., 68, 2) float array
        Landmarks (x, y) in pixels.
    width : float
        Width of the picture in pixels.

    Returns
    -------
    mirrored : (..., 68, 2) float array
        In the flipped picture, in iBUG-68 order again.

    Raises
    ------
    ValueError
        `points` does not end in (68, 2).

    Notes
    -----
    Twice is the identity.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape[-2:] != (COUNT, 2):
        raise ValueError(f"landmarks to mirror have shape {points.shape}: expected (…, 68, 2)")
    mirrored = points[..., MIRROR, :].copy()
    mirrored[..., 0] = (width - 1) - mirrored[..., 0]
    return mirrored


def to_five(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Eye centres, nose tip and mouth corners, subject's right before left.

    Parameters
    ----------
    points : (68, 2) float array
        Landmarks (x, y).

    Returns
    -------
    five : (5, 2) float array
        Same units.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (COUNT, 2):
        raise ValueError(f"landmarks have shape {points.shape}: expected (68, 2)")
    return np.stack([points[list(indices)].mean(axis=0) for indices in FIVE])
