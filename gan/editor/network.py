"""The network that repairs what a warp cannot make: teeth, the mouth's inside, lids, wrinkles."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from gan.editor.inputs import CHANNELS

WIDTHS = (40, 64, 112, 160)
"""Channels at a half, a quarter, an eighth and a sixteenth of the square's side."""

_WINDOW = (48, 56)
# Height and width of what the mouth's critic sees.


class Painted(NamedTuple):
    """What the network answers.

    Attributes
    ----------
    face : (B, 3, H, W) tensor
        The warped face with the repair, in [−1, 1] but for the last bits.
    residual : (B, 3, H, W) tensor
        What was added to the warped face.
    """

    face: Tensor
    residual: Tensor


class RepairNetwork(nn.Module):
    """A small U-Net from a warped face and its landmarks to a repair of it.

    Parameters
    ----------
    widths : sequence of int
        As `WIDTHS`.

    Notes
    -----
    Colour and share are painted apart: residual = region · share · (colour − warped). A network
    that has learnt nothing repairs next to nothing.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first = widths[0]
        self.unshuffle = nn.PixelUnshuffle(2)
        self.stem = nn.Conv2d(4 * CHANNELS, first, 3, padding=1)
        self.down = nn.ModuleList()
        self.halve = nn.ModuleList()
        for before, after in itertools.pairwise(widths):
            self.down.append(Block(before))
            self.halve.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
        self.middle = nn.Sequential(Block(widths[-1]), Block(widths[-1]), Block(widths[-1]))
        self.narrow = nn.ModuleList()
        self.up = nn.ModuleList()
        for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.narrow.append(nn.Conv2d(before, after, 1))
            self.up.append(nn.Sequential(nn.Conv2d(2 * after, after, 1), Block(after)))
        self.paint = nn.Conv2d(first, 16, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        nn.init.normal_(self.paint.weight, std=0.01)
        assert self.paint.bias is not None
        nn.init.zeros_(self.paint.bias)
        nn.init.constant_(self.paint.bias[12:], -2.0)  # the share begins small

    def forward(self, inputs: Tensor) -> Painted:
        """Inputs (B, CHANNELS, H, W) as `gan.editor.inputs.network_input` makes them."""
        warped, region = inputs[:, :3], inputs[:, 9:10]
        features = self.stem(self.unshuffle(inputs))
        kept = []
        for block, halve in zip(self.down, self.halve, strict=True):
            features = block(features)
            kept.append(features)
            features = halve(features)
        features = self.middle(features)
        for narrow, up in zip(self.narrow, self.up, strict=True):
            larger = nn.functional.interpolate(narrow(features), scale_factor=2.0, mode="nearest")
            features = up(torch.cat([larger, kept.pop()], dim=1))
        painted = self.shuffle(self.paint(nn.functional.leaky_relu(features, 0.2))).float()
        share = region * torch.sigmoid(painted[:, 3:])
        residual = share * (torch.tanh(painted[:, :3]) - warped)
        return Painted(warped + residual, residual)


class Block(nn.Module):
    """Two convolutions beside a straight way; group normalisation, no dependence on the batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.one = nn.Conv2d(channels, channels, 3, padding=1)
        self.two = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.two.weight)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        inner = self.one(nn.functional.leaky_relu(self.norm(features), 0.2))
        changed: Tensor = features + self.two(nn.functional.leaky_relu(inner, 0.2))
        return changed


class Critics(nn.Module):
    """Two critics: one looks at the whole face, one at the mouth alone, more closely."""

    def __init__(self) -> None:
        super().__init__()
        self.face, self.mouth = Critic((32, 64, 112)), Critic((32, 64))

    def forward(
        self, faces: Tensor, planes: Tensor, wanted: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Logits of both, and the features below them.

        Parameters
        ----------
        faces : (B, 3, H, W) tensor
            In [−1, 1].
        planes : (B, CHANNELS, H, W) tensor
            Of these, contours, mouth and eyes are looked at.
        wanted : (B, 68, 2) tensor
            In pixels.
        """
        shown = torch.cat([faces, planes[:, 3:6]], dim=1)
        found = [self.face(shown), self.mouth(_mouths(shown, wanted))]
        return [logits for logits, _ in found], [map for _, maps in found for map in maps]


def _mouths(shown: Tensor, wanted: Tensor) -> Tensor:
    """Windows (B, C, h, w) around the mouths of (B, C, H, W)."""
    height, width = _WINDOW
    most = torch.tensor([shown.shape[3] - width, shown.shape[2] - height])
    corners = wanted[:, 48:].mean(dim=1).round().long().cpu() - torch.tensor([width, height]) // 2
    corners = torch.minimum(corners.clamp_min(0), most)
    return torch.stack(
        [
            one[:, y : y + height, x : x + width]
            for one, (x, y) in zip(shown, corners.tolist(), strict=True)
        ]
    )


class Critic(nn.Module):
    """Patches of a face with its wanted landmarks: photographed or painted?

    Parameters
    ----------
    widths : sequence of int
        Channels after each halving.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for before, after in itertools.pairwise((6, *widths)):
            self.layers.append(_normed(nn.Conv2d(before, after, 4, stride=2, padding=1)))
        self.last = _normed(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, shown: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 6, H, W) → logits (B, 1, h, w), and the features below them."""
        features, kept = shown, []
        for layer in self.layers:
            features = nn.functional.leaky_relu(layer(features), 0.2)
            kept.append(features)
        return self.last(features), kept


class _SpectralNorm(nn.Module):
    """A weight divided by its largest singular value, followed by one power iteration each time.

    torch's own one multiplies matrices with vectors, whose last bits depend on where they lie in
    memory: a resumed run would differ from one that was not stopped.

    References
    ----------
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018.
    """

    direction: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("direction", nn.functional.normalize(torch.randn(rows), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """(O, I, h, w) → the same shape."""
        matrix = weight.flatten(1)
        with torch.no_grad():
            across = nn.functional.normalize((matrix * self.direction[:, None]).sum(0), dim=0)
            if self.training:
                down = nn.functional.normalize((matrix * across).sum(1), dim=0)
                self.direction.copy_(down)
            # The graph of an earlier pass of this step must not see the next one's.
            down = self.direction.clone()
        return weight / (down * (matrix * across).sum(1)).sum()


def _normed(layer: nn.Conv2d) -> nn.Conv2d:
    register_parametrization(layer, "weight", _SpectralNorm(layer.out_channels))
    return layer
