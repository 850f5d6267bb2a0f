"""What was made in the square goes into the photograph, at the photograph's own resolution."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gan.editor.mouth import Mouth, layered
from gan.editor.repair import Repaired
from gan.editor.square import SIDE, into, inverse
from gan.editor.warp import identity

Array = NDArray[Any]

_REACH = 6
# Pixels around a sample that the interpolation looks at, and some.
_NEAR = 3.5
# Pixels of the square around the lips within which the mouth has layers.
_SMALL = 0.02
# Squares of photographs with faces this much smaller than the square are averaged first.


class Patch(NamedTuple):
    """The part of a photograph that an edit changes.

    Attributes
    ----------
    left, top : int
        Where its first pixel lies in the photograph.
    pixels : (h, w, 3) uint8 array
        RGB.
    inside : (h, w) bool array
        Pixels that count; all others stay the photograph's.
    """

    left: int
    top: int
    pixels: NDArray[np.uint8]
    inside: NDArray[np.bool_]

    def onto(self, photograph: NDArray[np.uint8]) -> None:
        """Write it into a photograph (H, W, 3), in place."""
        height, width = self.inside.shape
        part = photograph[self.top : self.top + height, self.left : self.left + width]
        part[self.inside] = self.pixels[self.inside]


def compose(
    photograph: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    edit: Repaired,
) -> Patch:
    """The photograph's own pixels, moved, and what a warp cannot make added.

    Parameters
    ----------
    photograph : (H, W, 3) uint8 array
        RGB.
    matrix : (2, 3) float array
        Pixels of the photograph → pixels of the square, a similarity.
    edit : Repaired
        A pixel of the square comes from itself, and nothing is added, where its region is 0.

    Returns
    -------
    patch : Patch
        Empty where the region lies outside of the photograph.

    Notes
    -----
    Each pixel is sampled once, from the photograph itself; map and residual are smooth and come
    from the square. Where the map is the identity and nothing is added, the photograph comes back
    to the bit. Nothing is blended: both die away within the region, and a mixture of a moved and
    an unmoved face would show its contour twice. But for the mouth: its layers are blended at their
    edges, and where it is painted it shows the square's pixels.
    """
    left, top, width, height = _extent(photograph, matrix, edit.region)
    if width == 0 or height == 0:
        nothing = np.zeros((0, 0), bool)
        return Patch(0, 0, np.zeros((0, 0, 3), np.uint8), nothing)
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ (left, top)
    size = (width, height)
    inside = _enlarged(edit.region, local, size, cv2.INTER_LINEAR) > 0
    shifts = _shifts(edit.moves.face - identity(), matrix, local, size)
    shifts[~inside] = 0
    pixels = _sampled(photograph, shifts, left, top)
    if edit.moves.mouth is not None:
        pixels = _with_mouth(photograph, pixels, matrix, edit.moves.mouth, edit, (left, top))
    added = _enlarged(_averaged(edit.residual, matrix), local, size)
    pixels = np.clip(np.rint(pixels + added), 0, 255).astype(np.uint8)
    return Patch(left, top, pixels, inside)


def _shifts(
    shifts: Array, matrix: NDArray[np.float64], local: NDArray[np.float64], size: tuple[int, int]
) -> Array:
    """Shifts in the square (SIDE, SIDE, 2) as shifts of a patch's pixels in the photograph."""
    back = np.linalg.inv(matrix[:, :2]).T.astype(np.float32)
    return np.asarray(_enlarged(shifts, local, size) @ back)


def _with_mouth(
    photograph: NDArray[np.uint8],
    face: Array,
    matrix: NDArray[np.float64],
    mouth: Mouth,
    edit: Repaired,
    corner: tuple[int, int],
) -> Array:
    """The patch (h, w, 3) at `corner`, with the layers of the mouth, in place.

    Where it is painted, it shows the square's own pixels.
    """
    box = mouth.box(_NEAR)
    if box is None:
        return face
    near = np.zeros((SIDE, SIDE), np.float32)
    near[box] = 1
    left, top, width, height = _extent(photograph, matrix, near)
    rows = slice(max(top - corner[1], 0), max(top - corner[1] + height, 0))
    columns = slice(max(left - corner[0], 0), max(left - corner[0] + width, 0))
    part = face[rows, columns].astype(np.float32)
    height, width = part.shape[:2]
    if not width or not height:
        return face
    left, top, size = corner[0] + columns.start, corner[1] + rows.start, (width, height)
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ (left, top)
    inside = into(mouth.inside, identity()) - identity()
    lower, behind = (
        _sampled(photograph, _shifts(shifts, matrix, local, size), left, top).astype(np.float32)
        for shifts in (mouth.lower - identity(), inside.astype(np.float32))
    )
    told = _enlarged(np.stack([mouth.lip, mouth.opening, mouth.seen], axis=2), local, size)
    lip, opening, seen = np.moveaxis(told, 2, 0)
    pixels = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    part = layered(part, lower, behind, (lip, opening, seen), mouth.dark, pixels)
    # What is added fits the square's own pixels: finer edges would show.
    share = _enlarged(
        _averaged(mouth.painted(edit.residual), matrix), local, size, cv2.INTER_LINEAR
    )[..., None]
    part += share * (
        _enlarged(_averaged(edit.warped.astype(np.float32), matrix), local, size) - part
    )
    face[rows, columns] = np.clip(np.rint(part), 0, 255)
    return face


def _extent(
    photograph: NDArray[np.uint8], matrix: NDArray[np.float64], region: NDArray[np.float32]
) -> tuple[int, int, int, int]:
    """Left, top, width and height of what the region can reach in the photograph."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    across, along = (columns[0] - 1, columns[-1] + 1), (rows[0] - 1, rows[-1] + 1)
    back = inverse(matrix)
    corners = np.array([(x, y) for x in across for y in along]) @ back[:, :2].T + back[:, 2]
    limits = np.array(photograph.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0)), 0, limits).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low, limits).astype(int)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _enlarged(
    values: Array, local: NDArray[np.float64], size: tuple[int, int], how: int = cv2.INTER_CUBIC
) -> Array:
    """A picture in the square as the patch sees it; 0 outside of the square."""
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, local, size, flags=flags))


def _averaged(square: NDArray[np.float32], matrix: NDArray[np.float64]) -> Array:
    """What is left of a picture in the square in a photograph with fewer pixels than the square."""
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink <= 1 + _SMALL:
        return square
    return np.asarray(cv2.GaussianBlur(square, (0, 0), 0.4 * float(np.sqrt(shrink**2 - 1)) + 0.1))


def _sampled(photograph: NDArray[np.uint8], moves: Array, left: int, top: int) -> Array:
    """Pixels of the photograph at each pixel of the patch plus its move, (h, w, 3)."""
    height, width = moves.shape[:2]
    # Each coordinate by itself: along an axis of two, NumPy is ten times slower.
    low, high = (np.array([f(moves[..., k]) for k in range(2)]) for f in (np.min, np.max))
    limits = np.array(photograph.shape[1::-1])
    origin = np.array([left, top])
    first = np.clip(np.floor(origin + low) - _REACH, 0, limits - 1).astype(int)
    last = np.clip(np.ceil(origin + (width, height) + high) + _REACH, first + 1, limits).astype(int)
    window = photograph[first[1] : last[1], first[0] : last[0]]
    x = moves[..., 0] + np.arange(left - first[0], left - first[0] + width, dtype=np.float32)
    y = (
        moves[..., 1]
        + np.arange(top - first[1], top - first[1] + height, dtype=np.float32)[:, None]
    )
    return np.asarray(cv2.remap(window, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE))
