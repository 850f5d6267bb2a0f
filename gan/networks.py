"""The published translator and its two discriminators (Yoo et al., "Pixel-Level Domain Transfer",
ECCV 2016, as released with the landmark calibration), at any size that halves down to 4×4."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gan.config import Config, ConfigError
from gan.convolution import DoublingConv, HalvingConv

WIDEST = 8
"""Largest multiple of the base filters; reached at 4×4 for 64-pixel pictures."""

PASSES = 3
"""How often the published loop shows the same batch to the generator in one step."""

BATCH_NORM_MOMENTUM = 0.1


def widths_of_levels(size: int, base_filters: int) -> list[int]:
    """Channels after each halving, from size / 2 down to 4."""
    levels = int(math.log2(size)) - 2
    return [base_filters * min(2**level, WIDEST) for level in range(levels)]


class Generator(nn.Module):
    """Strided convolutions down to 4×4 and transposed ones back up; no skips, no biases.

    Parameters
    ----------
    size : int
        Side in pixels: a power of two, 8 or more.
    base_filters : int
        Channels after the first layer.

    Notes
    -----
    The published loop passes every batch three times through the generator in training mode, which
    moves the running statistics of batch normalisation three times; the momentum here gives the
    same running statistics in one pass.
    """

    def __init__(self, size: int, base_filters: int) -> None:
        super().__init__()
        widths = widths_of_levels(size, base_filters)
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(zip([3, *widths[:-1]], widths, strict=True)):
            layers.append(HalvingConv(before, after))
            if level:
                layers.append(_generator_norm(after))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
            layers.append(DoublingConv(before, after))
            layers += [_generator_norm(after), nn.ReLU(inplace=True)]
        layers += [DoublingConv(widths[0], 3), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, landmarks: Tensor) -> Tensor:
        """Faces for landmark images, both (B, 3, H, W) in [−1, 1]."""
        faces: Tensor = self.layers(landmarks)
        return faces


def _generator_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=1 - (1 - BATCH_NORM_MOMENTUM) ** PASSES)


class Discriminator(nn.Module):
    """Strided convolutions down to one logit for a picture.

    Parameters
    ----------
    channels : int
        3 for a face; 6 for a landmark image and a face.
    size, base_filters : int
        As of the generator.
    """

    def __init__(self, channels: int, size: int, base_filters: int) -> None:
        super().__init__()
        widths = widths_of_levels(size, base_filters)
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(zip([channels, *widths[:-1]], widths, strict=True)):
            layers.append(HalvingConv(before, after))
            if level:
                layers.append(GroupedBatchNorm(after, momentum=BATCH_NORM_MOMENTUM))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor, groups: int = 1) -> Tensor:
        """Logits (B,) of pictures (B, channels, H, W) in [−1, 1].

        With `groups`, equal parts of the batch are normalised one by one, as if they were passed
        one after the other.
        """
        for layer in self.layers:
            images = layer(images, groups) if isinstance(layer, GroupedBatchNorm) else layer(images)
        return images.flatten()


class GroupedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation of equal parts of a batch, each with its own statistics."""

    def forward(self, images: Tensor, groups: int = 1) -> Tensor:
        """(B, C, H, W) → the same shape; running statistics move once for each part."""
        if groups == 1 or not self.training:
            return super().forward(images)
        return torch.cat([super(GroupedBatchNorm, self).forward(p) for p in images.chunk(groups)])


def build_networks(config: Config) -> nn.ModuleDict:
    """The networks of a recipe, with weights drawn from the config's seed.

    Parameters
    ----------
    config : Config

    Returns
    -------
    networks : ModuleDict
        `generator`; for the published recipe `face_discriminator` (real or fake) and
        `pair_discriminator` (associated or not), else `discriminator`.

    Notes
    -----
    The published networks keep torch's own initialisation: uniform within ±1 / sqrt(fan in).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        networks = nn.ModuleDict({"generator": build_generator(config)})
        if config.recipe == "published":
            size, base = config.size, config.base_filters
            networks["face_discriminator"] = Discriminator(3, size, base)
            networks["pair_discriminator"] = Discriminator(6, size, base)
        else:
            from gan.skip_networks import PatchDiscriminator

            networks["discriminator"] = PatchDiscriminator(config.base_filters)
    # Channels last is the layout in which uint8 pictures come and in which CPUs and GPUs convolve.
    return networks.to(memory_format=torch.channels_last)


def build_generator(config: Config) -> nn.Module:
    """The generator of a recipe; its weights come from torch's current random state."""
    if config.size is None:
        raise ConfigError("size is not known yet: give one, or a drawing whose frame has one")
    if config.recipe == "published":
        return Generator(config.size, config.base_filters)
    from gan.skip_networks import SkipGenerator

    return SkipGenerator(config.size, config.base_filters)
