"""Which faces of a photograph are edited, and which cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.errors import InputError
from landmarks.faces import Face
from landmarks.metrics import inter_ocular_distance

Faces: TypeAlias = "str | int | tuple[float, float] | None"
"""'largest', 'all', a number counted from the left (1 first), or a place (x, y) in the face."""

SMALLEST = 20.0
"""Inter-ocular distance in pixels that a face needs."""

YAW, PITCH = 40.0, 30.0
"""Degrees to which a head may be turned aside, and up or down."""

COVERED = 1.65
"""`uncertainty` from which a mouth is taken for covered: one plain face in a hundred, four of five
masks (gan/editor/README.md)."""

_MOUTH = [*scheme.REGIONS["outer_lips"], *scheme.REGIONS["inner_lips"]]
_EYES = [*scheme.REGIONS["right_eye"], *scheme.REGIONS["left_eye"]]
_OPENED = 0.42
# Open mouths are less certain, covered ones look closed: logistic regression of 1,000 faces with
# drawn covers on 420 without.

_OUTSIDE = 3


class NoFaceError(InputError):
    """A photograph shows no face, or none that can be edited."""


def choose(found: Sequence[Face], faces: Faces, size: tuple[int, int]) -> tuple[list[Face], str]:
    """The faces that are meant.

    Parameters
    ----------
    found : sequence of Face
        Of one photograph.
    faces : 'largest', 'all', int, (float, float) or None
        As `Faces`; None takes the largest and says so where there are more.
    size : (int, int)
        Width and height of the photograph, for the sentence that nothing was found in.

    Returns
    -------
    chosen : list of Face
        From left to right.
    note : str
        What was decided without being asked; mostly empty.

    Raises
    ------
    NoFaceError
        Nothing was found, or not there.
    InputError
        `faces` is something else.
    """
    check_faces(faces)
    if not found:
        raise NoFaceError(f"no face was found in {size[0]}×{size[1]} pixels")
    ordered = sorted(found, key=lambda face: face.box.left + face.box.right)
    if faces == "all":
        return ordered, ""
    if isinstance(faces, tuple):
        return [_at(ordered, faces)], ""
    if isinstance(faces, (int, np.integer)):
        if not 1 <= faces <= len(ordered):
            many = "1 face was" if len(ordered) == 1 else f"{len(ordered)} faces were"
            raise NoFaceError(f"there is no face {faces}: {many} found, counted from the left")
        return [ordered[faces - 1]], ""
    largest = max(ordered, key=lambda face: face.box.width * face.box.height)
    if faces is None and len(ordered) > 1:
        number = 1 + next(place for place, face in enumerate(ordered) if face is largest)
        return [largest], (
            f"{len(ordered)} faces were found: the largest is edited, number {number} from the left"
        )
    return [largest], ""


def check_faces(faces: Faces) -> None:
    """Refuse what is no choice of faces.

    Raises
    ------
    InputError
    """
    if faces is None or (isinstance(faces, str) and faces in ("largest", "all")):
        return
    if isinstance(faces, (int, np.integer)) and not isinstance(faces, bool) and faces >= 1:
        return
    if isinstance(faces, tuple) and len(faces) == 2 and all(map(_is_finite, faces)):
        return
    raise InputError(
        f"faces is {faces!r}: expected 'largest', 'all', a number from the left (1 is the first), "
        "or a place (x, y)"
    )


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value)


def _at(ordered: Sequence[Face], place: tuple[float, float]) -> Face:
    """The face whose box a place is in; of several, whose middle is nearest."""
    x, y = place

    def away(face: Face) -> float:
        box = face.box
        return float(np.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y))

    def within(face: Face) -> bool:
        box = face.box
        return box.left <= x <= box.right and box.top <= y <= box.bottom

    inside = [face for face in ordered if within(face)]
    if not inside:
        centre = np.round(min(ordered, key=away).points.mean(axis=0)).astype(int)
        raise NoFaceError(
            f"there is no face at {x:g},{y:g}: the nearest is at {centre[0]},{centre[1]}"
        )
    return min(inside, key=away)


def cut_off(points: NDArray[np.float64], size: Sequence[int]) -> str:
    """Why a face that leaves the picture cannot be edited; empty where it does not.

    Parameters
    ----------
    points : (68, 2) float array
        Landmarks in pixels.
    size : (int, int)
        Width and height of the picture.
    """
    inner = points[scheme.INNER_51]
    outside = int(((inner < -0.5) | (inner > np.asarray(size) - 0.5)).any(axis=1).sum())
    if outside <= _OUTSIDE:
        return ""
    return (
        f"the picture's edge cuts the face off: {outside} of its {len(inner)} inner landmarks lie "
        f"outside, expected at most {_OUTSIDE}"
    )


def obstacle(
    points: NDArray[np.float64],
    pose: tuple[float, float],
    radius: NDArray[np.float64] | None = None,
) -> str:
    """Why a face cannot be edited.

    Parameters
    ----------
    points : (68, 2) float array
        Landmarks in pixels.
    pose : (float, float)
        Yaw and pitch of the head in degrees.
    radius : (68,) float array, optional
        How certain each is, in pixels; where it is not told, a covered mouth is not noticed.

    Returns
    -------
    reason : str
        What was found and what is needed; empty where nothing stands against it.
    """
    eyes = inter_ocular_distance(points)
    if eyes < SMALLEST:
        return (
            f"the face is too small: its outer eye corners are {eyes:.1f} pixels apart, at least "
            f"{SMALLEST:.0f} are needed"
        )
    for angle, limit, how in zip(pose, (YAW, PITCH), ("aside", "up or down"), strict=True):
        if abs(angle) > limit:
            return f"the head is turned {how} by {abs(angle):.0f}°: expected at most {limit:.0f}°"
    if radius is not None and (covered := uncertainty(points, radius)) > COVERED:
        return (
            f"the mouth seems to be covered: its landmarks are {covered:.2g} times as uncertain as "
            f"the eyes', expected at most {COVERED:g}"
        )
    return ""


def uncertainty(points: NDArray[np.float64], radius: NDArray[np.float64]) -> float:
    """How uncertain the mouth is.

    Parameters
    ----------
    points : (68, 2) float array
        Landmarks in pixels.
    radius : (68,) float array
        As `landmarks.Face`.

    Returns
    -------
    uncertainty : float
        Mean radius of the mouth's landmarks over that of the eyes', less for an open mouth.
    """
    opened = float(np.hypot(*(points[62] - points[66]))) / inter_ocular_distance(points)
    return float(radius[_MOUTH].mean() / radius[_EYES].mean() * np.exp(-_OPENED * opened))
