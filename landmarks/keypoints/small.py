"""The network that ships: points, their radii and trust from 112 pixels, under a megabyte.

A stack of inverted residuals sees the face at 1/4, 1/8 and 1/16 of its side; its last maps go back
up to 1/4, where one map for each point says where it is: the mean position under the map's softmax.
What the whole face tells moves each point a little further, also out of the crop. The spread of a
map, which is wide where the network hesitates, and the whole face tell the radius.

References
----------
Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
Nibali et al., "Numerical Coordinate Regression with Convolutional Neural Networks",
arXiv:1801.07372, 2018 (the mean position under a softmax).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from landmarks import scheme
from landmarks.keypoints.output import Output

WIDTHS = (24, 48, 96)
"""Channels at 1/4, 1/8 and 1/16 of the input's side."""
MERGED = 48


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [layer, nn.BatchNorm2d(outputs)]


def _depthwise(width: int, stride: int = 1) -> list[nn.Module]:
    layer = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False)
    return [layer, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


class _Inverted(nn.Module):
    """Widen, look around, narrow; the input is added where sizes agree."""

    def __init__(self, inputs: int, outputs: int, wide: int, stride: int = 1) -> None:
        super().__init__()
        self.adds = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *_convolution(inputs, wide, 1),
            nn.ReLU(inplace=True),
            *_depthwise(wide, stride),
            *_convolution(wide, outputs, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.body(features)
        return features + changed if self.adds else changed


class Small(nn.Module):
    """Points, radii and trust.

    Parameters
    ----------
    channels, side : int
        Of the picture: 1 or 3, and a multiple of 16.

    Attributes
    ----------
    radius_factor : (68,) tensor
        Makes the stated radii hold 90 % of the truths (`landmarks.keypoints.training` measures it
        on validation persons).
    """

    radius_factor: Tensor
    basis: Tensor

    def __init__(self, channels: int = 1, side: int = 112) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.quarter = nn.Sequential(
            *_convolution(channels, 16, 3, 2),
            nn.ReLU(inplace=True),
            _Inverted(16, first, 32, 2),
            _Inverted(first, first, 48),
            _Inverted(first, first, 48),
        )
        self.eighth = nn.Sequential(
            _Inverted(first, second, 72, 2), *(_Inverted(second, second, 144) for _ in range(3))
        )
        self.sixteenth = nn.Sequential(
            _Inverted(second, third, 192, 2), *(_Inverted(third, third, 224) for _ in range(2))
        )
        self.lateral = nn.ModuleList(
            nn.Sequential(*_convolution(width, MERGED, 1)) for width in WIDTHS
        )
        self.merge_eighth = nn.Sequential(
            *_depthwise(MERGED), *_convolution(MERGED, MERGED, 1), nn.ReLU(inplace=True)
        )
        self.merge_quarter = nn.Sequential(
            *_depthwise(MERGED), *_convolution(MERGED, MERGED, 1), nn.ReLU(inplace=True)
        )
        self.maps = nn.Conv2d(MERGED, scheme.COUNT, 1)
        self.whole = nn.Linear(third, 64)
        self.moves = nn.Linear(64, 2 * scheme.COUNT)
        self.spreads = nn.Linear(64, scheme.COUNT)
        self.trust = nn.Sequential(
            nn.Linear(64 + scheme.COUNT, 32), nn.ReLU(inplace=True), nn.Linear(32, 1)
        )
        for layer in (self.moves, self.spreads):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.conventions = nn.ModuleList()
        self.sharpness = nn.Parameter(torch.ones(scheme.COUNT))
        self.register_buffer("radius_factor", torch.ones(scheme.COUNT))
        self.register_buffer("basis", moment_basis(side // 4), persistent=False)

    def learn_conventions(self, sources: int) -> None:
        """Make room for what the labels of all sources but the first do otherwise.

        Two sets of labels put the same landmark at places that differ by a few percent of the
        inter-ocular distance, each in its own way in each pose. Where that is not learnt apart, the
        network gives something in between, which is wrong in both.
        """
        self.conventions.extend(
            nn.Linear(self.whole.out_features, 2 * scheme.COUNT) for _ in range(sources - 1)
        )
        for layer in self.conventions:
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, images: Tensor, sources: Tensor | None = None) -> Output:
        """Output for pictures (B, channels, side, side) in [−1, 1].

        In training `sources` (B,) tells whose labels are meant; otherwise those of the first are.
        """
        quarter = self.quarter(images)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        fine, middle, coarse = (
            layer(features)
            for layer, features in zip(self.lateral, (quarter, eighth, sixteenth), strict=True)
        )
        middle = self.merge_eighth(middle + functional.interpolate(coarse, scale_factor=2.0))
        fine = self.merge_quarter(fine + functional.interpolate(middle, scale_factor=2.0))
        # In half precision E[x²] − E[x]² would leave nothing of a narrow map's spread.
        with torch.autocast(images.device.type, enabled=False):
            mean, spread = moments(self.maps(fine.float()), self.basis)
        whole = functional.relu(self.whole(sixteenth.mean((2, 3)))).float()
        moves = self.moves(whole).float()
        if sources is not None:
            for number, layer in enumerate(self.conventions, start=1):
                moves = moves + (sources == number)[:, None] * layer(whole).float()
        points = mean + moves.view(-1, scheme.COUNT, 2)
        # What radii and trust learn must not move the points, nor widen their maps.
        seen = spread.detach().log()
        scale = self.sharpness * seen + self.spreads(whole).float()
        radius = self.radius_factor * scale.exp()
        trust = self.trust(torch.cat([whole, seen], dim=1)).float().squeeze(1)
        return Output(points, radius, trust)


def moment_basis(side: int) -> Tensor:
    """(3, side²): x, y and x² + y² of the cells of a square of side 1."""
    place = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(place, place, indexing="ij")
    return torch.stack([x, y, x**2 + y**2]).flatten(1)


def moments(maps: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """Mean position (B, 68, 2) and standard deviation (B, 68) under the softmax of each map.

    In fractions of the side; the variance of a single cell's square is part of the deviation, which
    therefore never is zero.
    """
    cells = basis.shape[1]
    # Two dimensions: what OpenCV reads of an exported network has no products of more.
    share = maps.reshape(-1, cells).softmax(dim=1)
    found = functional.linear(share, basis).view(-1, maps.shape[1], 3)
    mean = found[..., :2]
    variance = found[..., 2] - (mean**2).sum(2)
    return mean, (variance.clamp_min(0) + 1 / (6 * cells)).sqrt()
