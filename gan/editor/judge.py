"""Our landmark network as a judge of faces: it can tell, and be differentiated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gan.editor.square import SIDE
from landmarks.keypoints.crops import FACTOR, square, typical_box
from landmarks.keypoints.model_file import load_model
from landmarks.keypoints.predictor import SHIPPED

_GREY = (0.299, 0.587, 0.114)


class Seen(NamedTuple):
    """What the network sees in B faces.

    Attributes
    ----------
    points : (B, 68, 2) tensor
        Landmarks in pixels of the square.
    features : tuple of (B, C, h, w) tensors
        Its maps at a quarter and an eighth of its input's side.
    """

    points: Tensor
    features: tuple[Tensor, ...]


class Judge(nn.Module):
    """The landmark network that ships, frozen, looking at squares instead of detectors' boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.network, config = load_model(SHIPPED.with_suffix(".safetensors"))
        self.side = config.side
        self._maps: list[Tensor] = []
        for part in (self.network.quarter, self.network.eighth):
            assert isinstance(part, nn.Module)
            part.register_forward_hook(lambda module, given, answer: self._maps.append(answer))

    def crops(self, wanted: Tensor) -> Tensor:
        """(B, 2, 3): pixels of the network's picture → pixels of the square, around landmarks."""
        matrices = []
        for points in wanted.detach().cpu().double().numpy():
            centre, width = typical_box(points)
            matrix = square(centre, FACTOR * width, self.side).matrix
            back = np.linalg.inv(matrix[:, :2])
            matrices.append(np.concatenate([back, (-back @ matrix[:, 2])[:, None]], axis=1))
        return torch.from_numpy(np.stack(matrices)).to(wanted)

    def forward(self, faces: Tensor, crops: Tensor) -> Seen:
        """Landmarks and features of faces (B, 3, SIDE, SIDE) in [−1, 1] in crops as above."""
        one = torch.arange(self.side, dtype=crops.dtype, device=crops.device)
        y, x = torch.meshgrid(one, one, indexing="ij")
        places = torch.stack([x, y, torch.ones_like(x)], dim=-1)
        with _whole(crops):
            inside = torch.einsum("hwk,bik->bhwi", places, crops)
        # From pixels of the square to what grid_sample calls −1…1, the outer edges of its pixels.
        grid = (2 * inside + 1) / SIDE - 1
        weights = torch.tensor(_GREY, dtype=faces.dtype, device=faces.device).view(1, 3, 1, 1)
        grey = (faces * weights).sum(dim=1, keepdim=True)
        seen = functional.grid_sample(
            grey, grid.to(grey), padding_mode="border", align_corners=False
        )
        self._maps = []
        pixels = self.network(seen).points.to(crops) * self.side - 0.5
        full = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
        with _whole(crops):
            points = torch.einsum("bnk,bik->bni", full, crops)
        return Seen(points, tuple(self._maps))


def _whole(crops: Tensor) -> torch.autocast:
    """Geometry is never rounded to the eight bits of bfloat16: pixels would be lost."""
    return torch.autocast(crops.device.type, enabled=False)
