"""Faces of a picture, looking at a small one first and at larger parts only where a face may be.

dlib's detector takes a picture enlarged by 2 through some twenty smaller and smaller copies, each
5/6 of the one before, and looks for a face 73 pixels wide in each: three quarters of its work goes
into the sizes in which most photographs have nothing. Here a small network (`landmarks.candidates`)
first marks, at a third of the picture's size, where something like a face is and how wide; dlib's
detector then looks there alone, at the few sizes that fit, on the same copies and the same grid of
cells as in the whole picture, so that it gives the same boxes. Where no face comes of this, the
whole picture is searched.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.candidates import SMALLEST, Candidate, CandidateNetwork
from landmarks.detector import (
    HOG_WINDOW,
    Box,
    frontal_face_detector,
    make_detector,
    smallest_face,
)
from landmarks.errors import InputError
from landmarks.image import Picture
from landmarks.views import Views

UPSAMPLE = 1

THRESHOLD = -1.0
"""Logit from which the network's candidates are looked at."""

CLEAR = 2.0
"""Logit from which the network is sure enough to be asked in doubt."""

SCORE = -0.2
"""Score from which dlib's detector has found a face at a clear candidate; elsewhere it is 0, as in
dlib's own search."""

WEAK = -0.5
"""Score from which the neighbouring sizes are looked at too."""

DOUBTFUL = 0.0
"""Logit below which one size without an answer is enough to give a candidate up."""

# In the last resort: pictures are made smaller to so many pixels, or enlarged to as many at most.
_FALLBACK_PIXELS = 100_000
_ENLARGED_PIXELS = 400_000
_CELL = 8
_SMALLEST_LEVEL = 64
_WINDOW = 112  # the window of 80, a cell of border, and 8 pixels for the network to be wrong


class Search:
    """Finds the faces of pictures.

    Parameters
    ----------
    detector : {'hog', 'cnn', 'haar'}, optional
        As `landmarks.detector.make_detector`. Only 'hog' is searched coarse to fine.
    upsample : int, optional
        Search the whole picture, enlarged that many times by 2. Left out: as described above, for
        faces down to 37 pixels wide, which is what one enlargement finds.
    min_face : int, optional
        Narrower faces, in pixels, are left out; the larger this is the faster the search.
    faces : {'all', 'largest'}, optional
        'largest' looks at the largest candidates first and stops at the first face.

    Raises
    ------
    ValueError
        An unknown name or a number out of range.
    """

    def __init__(
        self,
        detector: str = "hog",
        *,
        upsample: int | None = None,
        min_face: int | None = None,
        faces: str = "all",
    ) -> None:
        if faces not in ("all", "largest"):
            raise InputError(f"faces is {faces!r}: expected all or largest")
        self.faces = faces
        self.min_face = min_face
        self._colour = detector == "cnn"
        whole = UPSAMPLE if upsample is None else upsample
        self._exhaustive = make_detector(detector, upsample=whole, min_face=min_face)
        self._fallback = [make_detector(upsample=n) for n in (0, UPSAMPLE)]
        self._smallest = smallest_face(whole, min_face)
        self._coarse_to_fine = detector == "hog" and upsample is None
        self._network: CandidateNetwork | None = None
        self._level: Any = None

    def __call__(self, picture: Views | Picture | ArrayLike) -> list[Box]:
        """Faces of one picture.

        Parameters
        ----------
        picture : Views, Picture, (H, W, 3) or (H, W) uint8 array
            A file's picture, or pixels.

        Returns
        -------
        boxes : list of Box
            In pixels of the whole picture; the surest first. At most one with `faces='largest'`.
        """
        views = picture if isinstance(picture, Views) else Views(picture)
        if not self._coarse_to_fine:
            boxes = self._exhaustive(views.rgb() if self._colour else views.grey())
        else:
            boxes = self._by_candidates(views) or self._everywhere(views)
        if self.faces == "largest" and boxes:
            boxes = [max(boxes, key=lambda box: box.width * box.height)]
        return boxes

    def _by_candidates(self, views: Views) -> list[Box]:
        if self._network is None:
            self._network = CandidateNetwork(THRESHOLD)
            self._level = one_level_detector()
        scale = SMALLEST / self._smallest
        source, reduce = views.at_least(scale)
        width, height = views.size
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small: NDArray[Any] = cv2.resize(
            source, size, interpolation=cv2.INTER_AREA if reduce * scale < 1 else cv2.INTER_LINEAR
        )
        candidates = [
            Candidate(
                (c.x + 0.5) * width / size[0] - 0.5,
                (c.y + 0.5) * height / size[1] - 0.5,
                c.size * width / size[0],
                c.logit,
            )
            for c in self._network(small)
        ]
        if self.faces == "largest":
            candidates.sort(key=lambda candidate: -candidate.size)
        levels = level_sizes(width, height, UPSAMPLE)
        boxes: list[Box] = []
        for candidate in candidates:
            place = _box_of(candidate)
            if any(_overlap(place, box) for box in boxes):
                continue  # part of a face that is known
            boxes += self._look(views, candidate, levels)
            if boxes and self.faces == "largest":
                break
        boxes = [box for box in boxes if box.width >= (self.min_face or 0)]
        return without_overlaps(boxes)

    def _look(self, views: Views, candidate: Candidate, levels: list[tuple[int, int]]) -> list[Box]:
        """Run dlib's detector around one candidate, on the levels that fit its size."""
        wanted = np.log(2**UPSAMPLE * candidate.size / HOG_WINDOW) / np.log(6 / 5)
        nearest = min(max(round(wanted), 0), len(levels) - 1)
        side = 1 if wanted > nearest else -1
        found: dict[int, list[Box]] = {}
        for level in (nearest, nearest + side):
            found[level] = self._look_once(views, candidate, levels, level)
            if not found[level] and candidate.logit < DOUBTFUL:
                break
        # Uphill, to the size that fits best: there a search of all sizes would find the face.
        here = max(found, key=lambda level: _best_score(found[level]))
        while found[here]:
            away = int(np.sign(here - nearest)) or -side
            ahead = here + away
            found[ahead] = self._look_once(views, candidate, levels, ahead)
            if _best_score(found[ahead]) <= _best_score(found[here]):
                break
            here = ahead
        least = SCORE if candidate.logit >= CLEAR else 0.0
        return [box for boxes in found.values() for box in boxes if box.score >= least]

    def _look_once(
        self, views: Views, candidate: Candidate, levels: list[tuple[int, int]], level: int
    ) -> list[Box]:
        if not 0 <= level < len(levels):
            return []
        across, first_x, size_x = _span(views.size[0], levels[level][0], candidate.x)
        along, first_y, size_y = _span(views.size[1], levels[level][1], candidate.y)
        if min(size_x, size_y) < 2 * _CELL:
            return []
        grey, reduce = views.at_least(1 / min(across, along))
        start = (first_x * across + 0.5) / reduce - 0.5, (first_y * along + 0.5) / reduce - 0.5
        crop = _sample(grey, start, (across / reduce, along / reduce), (size_x, size_y))
        first = np.array([first_x, first_y])
        boxes = []
        found, scores, _ = self._level.run(crop, 0, WEAK)
        for rectangle, score in zip(found, scores, strict=True):
            corners = np.array(
                [[rectangle.left(), rectangle.top()], [rectangle.right(), rectangle.bottom()]]
            )
            corners = level_to_picture(corners + first, level, UPSAMPLE)
            left, top, right, bottom = np.round(corners).ravel().tolist()
            boxes.append(Box(left, top, right, bottom, float(score)))
        return boxes

    def _everywhere(self, views: Views) -> list[Box]:
        """Search the whole picture, enlarged only as far as that takes little time."""
        width, height = views.size
        scale = min(1.0, (_FALLBACK_PIXELS / (width * height)) ** 0.5)
        enlarge = int(4 * width * height <= _ENLARGED_PIXELS)
        grey: NDArray[Any] = views.at_least(scale)[0]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size[0] < grey.shape[1]:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        across, along = width / grey.shape[1], height / grey.shape[0]
        boxes = [
            Box(
                box.left * across,
                box.top * along,
                (box.right + 1) * across - 1,
                (box.bottom + 1) * along - 1,
                box.score,
            )
            for box in self._fallback[enlarge](grey)
        ]
        return [box for box in boxes if box.width >= (self.min_face or 0)]


def one_level_detector() -> Any:
    """dlib's frontal face detector, looking at one size only instead of a whole pyramid.

    dlib offers no such setting, but keeps it in a pickled detector: the third of the scanner's
    parameters is the largest number of pyramid levels (1,000). dlib writes a number as the count of
    its bytes and then the bytes, the lowest first. Should a release of dlib write something else,
    the detector stays as it is: slower, not wrong.
    """
    import dlib

    detector = frontal_face_detector()
    (saved,) = detector.__getstate__()
    window, many, one = b"\x01\x50\x01\x50", b"\x02\xe8\x03", b"\x01\x01"
    start = saved.find(window + many, 0, 64)
    if start < 0:
        return detector
    changed = saved[: start + 4] + one + saved[start + 4 + len(many) :]
    copy = dlib.fhog_object_detector.__new__(dlib.fhog_object_detector)
    copy.__setstate__((changed,))
    return copy


def level_sizes(width: int, height: int, upsample: int) -> list[tuple[int, int]]:
    """Sizes of the copies in which dlib's HOG detector searches a picture.

    Parameters
    ----------
    width, height : int
        Of the picture, in pixels.
    upsample : int
        How often it is enlarged first.

    Returns
    -------
    sizes : list of (int, int)
        Width and height, from the largest to the first with a side below 64 pixels, which is
        still searched.
    """
    for _ in range(upsample):
        width, height = 2 * width + 2, 2 * height + 1
    sizes = [(width, height)]
    while min(width, height) >= _SMALLEST_LEVEL:
        width, height = 5 * width // 6, 5 * height // 6
        sizes.append((width, height))
    return sizes


def level_to_picture(points: NDArray[Any], level: int, upsample: int) -> NDArray[np.float64]:
    """Points of one of dlib's smaller copies as points of the picture, with dlib's own shifts."""
    moved = np.asarray(points, dtype=np.float64)
    for _ in range(level):
        moved = moved * 6 / 5 + 0.3
    for _ in range(upsample):
        moved = moved / 2 - (1.25, 0.75)
    return moved


def _span(whole: int, level: int, centre: float) -> tuple[float, int, int]:
    """Of one side: pixels of the picture for one of a level, and the window's start and length."""
    # dlib resizes so that the centres of the corner pixels stay where they are.
    step = (whole - 1) / max(level - 1, 1)
    first = max(round((centre / step - _WINDOW / 2) / _CELL) * _CELL, 0) if step else 0
    return step, first, min(_WINDOW, level - first)


def _sample(
    grey: NDArray[np.uint8],
    start: tuple[float, float],
    step: tuple[float, float],
    size: tuple[int, int],
) -> NDArray[Any]:
    """A window of `grey`: pixel (x, y) is taken at start + step · (x, y), between the pixels."""
    left, top = max(int(start[0]) - 2, 0), max(int(start[1]) - 2, 0)
    right = int(start[0] + step[0] * size[0]) + 3
    bottom = int(start[1] + step[1] * size[1]) + 3
    matrix = np.array([[step[0], 0, start[0] - left], [0, step[1], start[1] - top]])
    window = cv2.warpAffine(
        grey[top:bottom, left:right],
        matrix,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(window)


def without_overlaps(boxes: list[Box]) -> list[Box]:
    """The surest of the boxes that overlap, by dlib's rule for its frontal face detector."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        if not any(_overlap(box, other) for other in kept):
            kept.append(box)
    return kept


def _best_score(boxes: list[Box]) -> float:
    return max((box.score for box in boxes), default=-np.inf)


def _box_of(candidate: Candidate) -> Box:
    half = candidate.size / 2
    left, top = candidate.x - half, candidate.y - half
    return Box(left, top, left + candidate.size - 1, top + candidate.size - 1, candidate.logit)


def _overlap(a: Box, b: Box) -> bool:
    width = min(a.right, b.right) - max(a.left, b.left) + 1
    height = min(a.bottom, b.bottom) - max(a.top, b.top) + 1
    if width <= 0 or height <= 0:
        return False
    shared, of_a, of_b = width * height, a.width * a.height, b.width * b.height
    return shared / (of_a + of_b - shared) > 0.33 or shared / min(of_a, of_b) > 0.788
