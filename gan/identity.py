"""Whose face it is: dlib's face network, 128 numbers that are near for pictures of one person."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.models import model_file

SAME_PERSON = 0.6
"""dlib's own threshold: descriptors nearer than this are taken for one person."""

DIMENSIONS = 128

_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_CHIP = 150  # pixels that the network reads
_AT_ONCE = 32


@functools.cache
def _network() -> Any:
    import dlib

    return dlib.face_recognition_model_v1(str(model_file(_NETWORK)))


def _chip(image: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The aligned face, as dlib cuts it out for its network."""
    import dlib

    # dlib reads whole pixels: enlarged, they are fine enough.
    scale = max(1, -(-512 // max(image.shape[:2])))
    if scale > 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        points = (points + 0.5) * scale - 0.5
    whole = [dlib.point(round(x), round(y)) for x, y in points.tolist()]
    height, width = image.shape[:2]
    face = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), whole)
    chip: NDArray[np.uint8] = dlib.get_face_chip(np.ascontiguousarray(image), face, size=_CHIP)
    return chip


def descriptors(
    images: Iterable[NDArray[np.uint8]], points: Iterable[ArrayLike]
) -> NDArray[np.float64]:
    """Descriptors of faces.

    Parameters
    ----------
    images : iterable of (H, W, 3) uint8 array
        RGB.
    points : iterable of (68, 2) array_like
        Landmarks of each in its pixels; they tell where the face is, nothing is detected.

    Returns
    -------
    described : (n, 128) float array
        Their Euclidean distance is below 0.6 for most pictures of one person.

    References
    ----------
    King, "High Quality Face Recognition with Deep Metric Learning", dlib.net, 2017.
    """
    faces = [
        _chip(image, np.asarray(face, dtype=np.float64))
        for image, face in zip(images, points, strict=True)
    ]
    described = [
        np.array(values)
        for start in range(0, len(faces), _AT_ONCE)
        for values in _network().compute_face_descriptor(faces[start : start + _AT_ONCE])
    ]
    return np.array(described, dtype=np.float64).reshape(-1, DIMENSIONS)


def identity_distances(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """How far apart the identities of pairs of faces are.

    Parameters
    ----------
    first, second : (n, 128) array_like
        As `descriptors` gives them.

    Returns
    -------
    distances : (n,) float array
        Euclidean; 0 for the same picture.
    """
    return np.linalg.norm(np.asarray(first) - np.asarray(second), axis=-1)


def mean_pairwise_distance(described: ArrayLike, groups: Sequence[object]) -> tuple[float, float]:
    """Mean distance between pictures of one person, and of different persons.

    Parameters
    ----------
    described : (n, 128) array_like
    groups : sequence of n
        The person of each.

    Returns
    -------
    within, between : float
        NaN where there is no such pair.
    """
    array = np.asarray(described, dtype=np.float64)
    _, which = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    squares = (array**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * array @ array.T, 0))
    upper = np.triu(np.ones_like(distances, dtype=bool), 1)
    same = which[:, None] == which
    within, between = distances[upper & same], distances[upper & ~same]
    return (
        float(within.mean()) if within.size else float("nan"),
        float(between.mean()) if between.size else float("nan"),
    )
