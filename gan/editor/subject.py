"""One face of a photograph, ready to be edited and to be looked at again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.compose import Patch, compose
from gan.editor.repair import Repaired
from gan.editor.square import into, inverse, square_of
from landmarks.detector import Box
from landmarks.keypoints.framing import true_box
from landmarks.metrics import inter_ocular_distance
from landmarks.placing import Placer
from landmarks.views import Views

Array = NDArray[Any]

_DETAIL, _MUCH = 2.0, 1.5
# The landmarks of an edited face are looked for in a picture with so many pixels for each of the
# square's, where the photograph has that many times more: larger ones cost time and tell the
# predictor no more.
_EYES_AND_NOSE = slice(27, 48)
_AROUND = 0.3
# Of the detector's box, on each side: what the predictor looks at.
_GREY = 4.0
# Levels by which the colours of a pixel differ on average in pictures that JPEG files call grey.


class Subject:
    """One face.

    Parameters
    ----------
    photograph : (H, W, 3) uint8 array
        RGB; kept, not copied, and not changed.
    source : (68, 2) float array
        Its landmarks in pixels.
    box : Box, optional
        Where the detector found it; without it the landmarks are taken to be given, and what the
        predictor finds is compared with what it finds in the photograph.
    Attributes
    ----------
    source : (68, 2) float array
        In pixels of the photograph.
    square : (SIDE, SIDE, 3) uint8 array
        The face as the network sees it.
    points : (68, 2) float array
        `source` in pixels of the square.
    eyes : float
        Distance of the outer eye corners in pixels of the photograph.
    detected : bool
        The landmarks were found, not given.
    rendered : bool
        Not photographed, as `gan.editor.rendered` tells; False until it is asked.
    """

    def __init__(
        self, photograph: NDArray[np.uint8], source: NDArray[np.float64], box: Box | None = None
    ) -> None:
        self.photograph, self.source = photograph, source
        self.detected, self.rendered = box is not None, False
        self.eyes = inter_ocular_distance(source)
        self._box = true_box(source) if box is None else box
        crop = square_of(source)
        self._matrix = crop.matrix
        self.square: NDArray[np.uint8] = crop.cut(photograph)
        self.points = into(self._matrix, source)
        self._working: tuple[NDArray[np.uint8], Array] | None = None
        self._off: dict[Placer, Array] = {}

    def within(self, picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> Subject:
        """The same face in a picture that was made of the photograph.

        Parameters
        ----------
        picture : (h, w, 3) uint8 array
        matrix : (2, 3) float array
            Pixels of the photograph → pixels of `picture`; not turned.
        """
        box = _moved(self._box, matrix) if self.detected else None
        moved = Subject(picture, into(matrix, self.source), box)
        moved.rendered = self.rendered
        return moved

    def in_square(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) of the photograph in pixels of the square."""
        return into(self._matrix, points)

    def patch(self, picture: NDArray[np.uint8], edit: Repaired) -> Patch:
        """What changes in a picture, as `gan.editor.compose.compose`.

        Parameters
        ----------
        picture : (H, W, 3) uint8 array
            The photograph; faces beside this one may be edited in it.
        edit : Repaired
        """
        return compose(picture, self._matrix, self._toned(edit))

    def _toned(self, edit: Repaired) -> Repaired:
        """Without colours where the face has none."""
        if not self._grey:
            return edit
        grey = edit.residual.mean(axis=2, keepdims=True)
        return edit._replace(residual=np.repeat(grey, 3, axis=2))

    @functools.cached_property
    def _grey(self) -> bool:
        return bool(np.ptp(self.square, axis=2).mean() <= _GREY)

    @property
    def whole(self) -> bool:
        """The face is looked for in the photograph's own pixels, not in fewer."""
        _, there = self._working_picture()
        return bool(there[0, 0] == there[1, 1] == 1)

    def found(self, places: Sequence[Placer], edit: Repaired) -> list[NDArray[np.float64]]:
        """Landmarks of the edited face.

        Parameters
        ----------
        places : sequence of Placer
        edit : Repaired

        Returns
        -------
        points : list of (68, 2) float arrays
            As each predictor finds them, in pixels of the photograph.
        """
        picture, there = self._working_picture()
        back = inverse(there)
        edited = picture.copy()
        square = np.concatenate([self._matrix, [[0, 0, 1]]]) @ np.concatenate([back, [[0, 0, 1]]])
        compose(picture, square[:2], self._toned(edit)).onto(edited)
        found = []
        for place in places:
            points = into(back, self._placed(place, edited, there))
            if not self.detected:
                if place not in self._off:
                    self._off[place] = self.source - into(back, self._placed(place, picture, there))
                points = points + self._off[place]
            found.append(points)
        return found

    def found_anew(
        self,
        search: Callable[[Views], list[Box]],
        place: Placer,
        edit: Repaired,
    ) -> NDArray[np.float64] | None:
        """Landmarks of the edited face where a detector finds it in the whole photograph.

        Parameters
        ----------
        search : callable
            Finds the boxes of faces.
        place : Placer
        edit : Repaired

        Returns
        -------
        points : (68, 2) float array or None
            None where no box has its middle in the face.
        """
        edited = self.photograph.copy()
        self.patch(edited, edit).onto(edited)
        views = Views(edited)
        middle = self.source[_EYES_AND_NOSE].mean(axis=0)
        for box in search(views):
            if box.left < middle[0] < box.right and box.top < middle[1] < box.bottom:
                [fit] = place(views, [box])
                return fit.points
        return None

    def _working_picture(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        if self._working is None:
            self._working = self._reduced()
        return self._working

    def _reduced(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The face and its surroundings with few pixels, and the way there from the photograph."""
        box, side = self._box, len(self.square)
        corners = np.array([(0, 0), (side, 0), (side, side), (0, side)])
        reach = into(inverse(self._matrix), corners)
        margin = _AROUND * np.array([box.width, box.height])
        low = np.minimum(reach.min(axis=0), (box.left, box.top) - margin)
        high = np.maximum(reach.max(axis=0), (box.right, box.bottom) + margin)
        limits = np.array(self.photograph.shape[1::-1])
        low = np.clip(np.floor(low), 0, limits - 1).astype(int)
        high = np.clip(np.ceil(high) + 1, low + 1, limits).astype(int)
        part = self.photograph[low[1] : high[1], low[0] : high[0]]
        scale = float(np.sqrt(abs(np.linalg.det(self._matrix[:, :2]))))
        size = high - low
        if _DETAIL * _MUCH * scale < 1:
            size = np.maximum(np.rint(size * _DETAIL * scale), 1).astype(int)
            part = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
        ratio = size / (high - low)
        # Pixel centres, not corners, are the whole numbers.
        shift = (0.5 - low) * ratio - 0.5
        there = np.array([[ratio[0], 0, shift[0]], [0, ratio[1], shift[1]]])
        return np.ascontiguousarray(part), there

    def _placed(self, place: Placer, picture: NDArray[np.uint8], there: Array) -> Array:
        [fit] = place(Views(picture), [_moved(self._box, there)])
        return fit.points


def _moved(box: Box, matrix: Array) -> Box:
    left, top = into(matrix, (box.left, box.top))
    right, bottom = into(matrix, (box.right, box.bottom))
    return replace(box, left=left, top=top, right=right, bottom=bottom)
