"""Networks of the better recipe: a residual U-Net, and a discriminator of patches.

Neither normalises over the batch, so that a face does not depend on the others in its batch, and
two processes compute what one would.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan.networks import widths_of_levels


def ink(landmarks: Tensor) -> Tensor:
    """How much is drawn at each pixel, whether white on black or black on white.

    Parameters
    ----------
    landmarks : (B, 3, H, W) tensor
        In [−1, 1].

    Returns
    -------
    ink : (B, 1, H, W) tensor
        0 (paper) to 1.
    """
    brightness = (landmarks.mean(1, keepdim=True) + 1) / 2
    inverted = brightness.mean((2, 3), keepdim=True) > 0.5
    return torch.where(inverted, 1 - brightness, brightness)


def contour_weight(landmarks: Tensor, extra: float) -> Tensor:
    """1 everywhere, up to 1 + `extra` on and near the contours.

    Parameters
    ----------
    landmarks : (B, 3, H, W) tensor
    extra : float

    Returns
    -------
    weight : (B, 1, H, W) tensor
    """
    cell = landmarks.shape[-1] // 32  # of 128 pixels 4: about a lip, a lid, a nostril
    near = F.max_pool2d(F.max_pool2d(ink(landmarks), cell), 3, 1, 1)
    near = F.avg_pool2d(near, 3, 1, 1, count_include_pad=False)
    near = F.interpolate(near, scale_factor=float(cell), mode="bilinear")
    return 1 + extra * near


class _Residual(nn.Module):
    """x + two convolutions of x; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x_after: Tensor = x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2))
        return x_after


def _conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, kernel, stride, padding=1)
    nn.init.kaiming_normal_(conv.weight, 0.2, nonlinearity="leaky_relu")
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


class SkipGenerator(nn.Module):
    """A U-Net that works from half the resolution down to 4×4.

    Parameters
    ----------
    size : int
        Side in pixels: a power of two, 16 or more.
    base_filters : int
        Channels at half the resolution.

    Notes
    -----
    Blocks of 2×2 pixels are folded into channels at the entry and unfolded at the exit, which
    keeps single pixels of the contours and costs a quarter. Two channels tell each place its
    coordinates: a convolution alone cannot know whether a short line is a brow or a lip.
    """

    coordinates: Tensor

    def __init__(self, size: int, base_filters: int) -> None:
        super().__init__()
        widths = widths_of_levels(size, base_filters)
        ramp = torch.linspace(-1, 1, size // 2)
        self.register_buffer(
            "coordinates", torch.stack(torch.meshgrid(ramp, ramp, indexing="xy")), persistent=False
        )
        self.enter = _conv(14, widths[0])
        self.encode = nn.ModuleList([_Residual(width) for width in widths])
        self.down = nn.ModuleList([_conv(a, b, 4, 2) for a, b in pairwise(widths)])
        self.up = nn.ModuleList([_conv(b, a) for a, b in pairwise(widths)])
        self.join = nn.ModuleList([_conv(2 * width, width) for width in widths[:-1]])
        self.decode = nn.ModuleList([_Residual(width) for width in widths])
        self.leave = nn.Conv2d(widths[0], 12, 3, padding=1)
        with torch.no_grad():
            # The four pixels of a block begin equal, so that no grid has to be unlearnt.
            self.leave.weight.copy_(self.leave.weight[::4].repeat_interleave(4, 0))
            nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, landmarks: Tensor) -> Tensor:
        """Faces for landmark images, both (B, 3, H, W) in [−1, 1]."""
        folded = F.pixel_unshuffle(landmarks, 2)
        where = self.coordinates.to(folded).expand(len(folded), -1, -1, -1)
        x = self.enter(torch.cat([folded, where], 1))
        skips = []
        for level, block in enumerate(self.encode):
            x = block(x)
            if level < len(self.down):
                skips.append(x)
                x = self.down[level](F.leaky_relu(x, 0.2))
        x = self.decode[-1](x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(self.up[level](F.leaky_relu(x, 0.2)), scale_factor=2.0)
            x = self.join[level](F.leaky_relu(torch.cat([x, skips[level]], 1), 0.2))
            x = self.decode[level](x)
        return torch.tanh(F.pixel_shuffle(self.leave(F.leaky_relu(x, 0.2)), 2).float())


class PatchDiscriminator(nn.Module):
    """Whether landmarks and face belong together and are real, for each patch.

    Parameters
    ----------
    base_filters : int
        Channels at half the resolution.
    """

    def __init__(self, base_filters: int) -> None:
        super().__init__()
        widths = [base_filters * factor for factor in (1, 2, 4)]
        layers = [_conv(24, widths[0])]
        layers += [_conv(a, b, 4, 2) for a, b in pairwise(widths)]
        layers += [_conv(widths[-1], widths[-1], 4, 2)]
        self.layers = nn.ModuleList([spectral_norm(layer) for layer in layers])
        self.judge = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, landmarks: Tensor, faces: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, 1, H/16, W/16) and the activations of each layer."""
        x = F.pixel_unshuffle(torch.cat([landmarks, faces], 1), 2)
        activations = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            activations.append(x)
        return self.judge(x), activations
