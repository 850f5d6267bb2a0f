"""The one convolution of the published networks, 4×4 with stride 2, made fast on a CPU.

Where pictures are small and channels are many, oneDNN's gradient for the weights is slower than the
matrix product that it is; there the product is used instead. The mathematics is the
same, and on other devices nothing differs from `torch.nn`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_PIXELS = 16
"""Up to 4×4 on the smaller side the product wins; from 8×8 on, laying out its patches costs as much
as it saves."""

_weights_wanted = True


@contextmanager
def only_inputs() -> Iterator[None]:
    """Within the block, backward passes leave the weights of these convolutions alone."""
    global _weights_wanted
    _weights_wanted = False
    try:
        yield
    finally:
        _weights_wanted = True


def _patches(images: Tensor) -> Tensor:
    """What each place of a convolution sees: (B·h·w, 16·C), in the order of channels-last weights.

    Parameters
    ----------
    images : (B, C, 2h, 2w) tensor
    """
    padded = F.pad(images, (1, 1, 1, 1)).permute(0, 2, 3, 1).contiguous()
    count, height, width, channels = padded.shape
    h, w = (height - 2) // 2, (width - 2) // 2
    rows, columns = width * channels, channels
    view = padded.as_strided(
        (count, h, w, 4, 4 * channels),
        (height * rows, 2 * rows, 2 * columns, rows, 1),
    )
    return view.reshape(count * h * w, 16 * channels)


def _weight_gradient(small: Tensor, large: Tensor, weight: Tensor) -> Tensor:
    """Gradient of the weights between `small` (B, A, h, w) and `large` (B, C, 2h, 2w)."""
    rows = small.permute(0, 2, 3, 1).reshape(-1, small.shape[1])
    product = rows.t() @ _patches(large)
    return product.view(weight.shape[0], 4, 4, weight.shape[1]).permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, transposed: bool) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.transposed = transposed
        convolve = F.conv_transpose2d if transposed else F.conv2d
        return convolve(images, weight, None, 2, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        images, weight = ctx.saved_tensors
        of_images = of_weight = None
        if ctx.needs_input_grad[0]:
            convolve = F.conv2d if ctx.transposed else F.conv_transpose2d
            of_images = convolve(gradient, weight, None, 2, 1)
        if ctx.needs_input_grad[1] and _weights_wanted:
            small, large = (images, gradient) if ctx.transposed else (gradient, images)
            of_weight = _weight_gradient(small, large, weight)
        return of_images, of_weight, None


def _convolve(images: Tensor, weight: Tensor, transposed: bool) -> Tensor:
    """As torch does it, or with our gradient where that is faster."""
    side = images.shape[-1] if transposed else images.shape[-1] // 2
    if images.device.type != "cpu" or side * side > FEW_PIXELS:
        return (F.conv_transpose2d if transposed else F.conv2d)(images, weight, None, 2, 1)
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        images, weight = images.to(kind), weight.to(kind)
    made: Tensor = _Convolution.apply(images, weight, transposed)
    return made


class HalvingConv(nn.Conv2d):
    """4×4 convolution with stride 2 and no bias: half the size.

    Parameters
    ----------
    before, after : int
        Channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, before, 2h, 2w) → (B, after, h, w)."""
        return _convolve(images, self.weight, False)


class DoublingConv(nn.ConvTranspose2d):
    """Transposed 4×4 convolution with stride 2 and no bias: twice the size.

    Parameters
    ----------
    before, after : int
        Channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1, bias=False)

    def forward(self, images: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, before, h, w) → (B, after, 2h, 2w)."""
        return _convolve(images, self.weight, True)
