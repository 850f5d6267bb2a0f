"""From a face and its wanted landmarks to a warp and a repair of what the warp cannot make.

Importing this loads no torch, and neither does the network that ships on a processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan.editor.inputs import network_input
from gan.editor.region import region
from gan.editor.square import SIDE
from gan.editor.threads import spread
from gan.editor.warp import Moves, moves, warp
from landmarks import scheme
from landmarks.errors import InputError

SHIPPED = Path(__file__).with_name("editor.onnx")
"""The network that ships; the file beside it that ends in .safetensors holds its weights."""

Network: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Planes (B, CHANNELS, SIDE, SIDE) → residual (B, 3, SIDE, SIDE) in units of 127.5 grey levels."""

_GREY = np.float32(127.5)
_AT_ONCE, _ELSEWHERE = 8, 64
# Faces whose activations are held at once by the processor, and by other devices.


class Repaired(NamedTuple):
    """One edit in its square.

    Attributes
    ----------
    moves : Moves
        Where each pixel comes from in the source square.
    region : (SIDE, SIDE) float32 array
        0…1: how far each pixel belongs to the face.
    warped : (SIDE, SIDE, 3) uint8 array
        The source square, moved.
    residual : (SIDE, SIDE, 3) float32 array
        Grey levels to add to it; 0 outside of the region.
    """

    moves: Moves
    region: NDArray[np.float32]
    warped: NDArray[np.uint8]
    residual: NDArray[np.float32]


class Repairer:
    """Warps and repairs faces in their squares.

    Parameters
    ----------
    network : callable or None
        As `Network`; None leaves the warp as it is.
    at_once : int, optional
        Faces that the network is given together.
    """

    def __init__(self, network: Network | None, at_once: int = _AT_ONCE) -> None:
        self._network, self._at_once = network, at_once

    @classmethod
    def load(
        cls, path: str | os.PathLike[str] | None = None, device: str | None = None
    ) -> Repairer:
        """The network that ships, or one of `python -m gan.editor.train`.

        Parameters
        ----------
        path : path-like, optional
            An .onnx file of `gan.editor.export`, a .safetensors file or a modeldir.
        device : str, optional
            As torch names it; the processor where left out, which computes .onnx files by ONNX
            Runtime, without torch.

        Raises
        ------
        InputError
            There is no such file, it is damaged or something else, or the device is not there.
        """
        place, device = SHIPPED if path is None else Path(path), device or "cpu"
        if device == "cpu" and place.suffix == ".onnx":
            from gan.editor.onnx_file import read_onnx

            return cls(read_onnx(place))
        if path is None:
            place = SHIPPED.with_suffix(".safetensors")
        elif place.suffix == ".onnx":
            raise InputError(
                f"{place} is computed on the processor alone: give the modeldir or .safetensors "
                f"file for {device}"
            )
        from gan.editor.model_file import torch_network

        return cls(torch_network(place, device), _AT_ONCE if device == "cpu" else _ELSEWHERE)

    def __call__(
        self,
        squares: NDArray[np.uint8],
        source: ArrayLike,
        wanted: ArrayLike,
    ) -> list[Repaired]:
        """Warp and repair.

        Parameters
        ----------
        squares : (B, SIDE, SIDE, 3) uint8 array
            Source faces, RGB.
        source, wanted : (B, 68, 2) array_like
            Landmarks before and after, in pixels of the squares.

        Returns
        -------
        repaired : list of B Repaired

        Raises
        ------
        InputError
            Shapes do not fit together.
        """
        before, after = np.asarray(source, np.float64), np.asarray(wanted, np.float64)
        count = len(squares)
        face = (scheme.COUNT, 2)
        for name, array, shape in (
            ("squares", squares, (SIDE, SIDE, 3)),
            ("source", before, face),
            ("wanted", after, face),
        ):
            if array.shape != (count, *shape):
                raise InputError(f"{name} has shape {array.shape}: expected {(count, *shape)}")
        moved = spread(moves, squares, before, after)
        regions = spread(region, before, after)
        warped = spread(warp, squares, moved)
        residual = np.zeros((count, SIDE, SIDE, 3), np.float32)
        if self._network is not None:
            for start in range(0, count, self._at_once):
                part = slice(start, start + self._at_once)
                planes = spread(
                    network_input, warped[part], after[part], moved[part], regions[part]
                )
                residual[part] = self.residuals(np.stack(planes)).transpose(0, 2, 3, 1)
        # Where it is not sure, the network rather hides teeth than adds some.
        for each, one in zip(residual, moved, strict=True):
            if one.mouth is not None:
                each *= np.where(each < 0, 1 - one.mouth.kept()[..., None], 1)
        return [Repaired(*each) for each in zip(moved, regions, warped, residual, strict=True)]

    def residuals(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Grey levels (B, 3, SIDE, SIDE) that the network adds; `planes` as `Network`."""
        if self._network is None:
            return np.zeros((len(planes), 3, SIDE, SIDE), np.float32)
        return self._network(planes) * _GREY
