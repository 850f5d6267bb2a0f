"""The networks: pictures of a face → 68 points, and how sure each of them is.

All take (B, channels, side, side) floats in [−1, 1] and return an `Output`.
"""

from __future__ import annotations

import torch
from torch import nn

from landmarks.errors import InputError
from landmarks.keypoints.config import Config
from landmarks.keypoints.output import Output as Output
from landmarks.keypoints.published import NaimishNet, efficientnet_b0, resnet18
from landmarks.keypoints.small import Small


def build_network(config: Config) -> nn.Module:
    """The network of a config, with random weights.

    Parameters
    ----------
    config : Config

    Returns
    -------
    network : torch.nn.Module
        In training mode.

    Raises
    ------
    InputError
        torchvision is needed and not installed.
    """
    if config.network == "small":
        return Small(config.channels, config.side)
    if config.network == "naimishnet":
        return NaimishNet()
    build = resnet18 if config.network == "resnet18" else efficientnet_b0
    try:
        return build(channels=config.channels, imagenet=config.imagenet)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{config.network} needs {error.name}: pip install "
            "'landmark-calibrated-expressions[keypoints]'"
        ) from None


def multiply_adds(network: nn.Module, channels: int, side: int) -> int:
    """Multiplications of one picture's way through a network, each with its addition.

    Parameters
    ----------
    network : torch.nn.Module
    channels, side : int
        Of the picture.

    Returns
    -------
    count : int
        Of convolutions, dense layers and matrix products: for a convolution the weights of one
        output times the number of outputs. Activations, normalisations (which fold into the
        convolutions before them) and resizing are not counted.
    """
    from torch.utils.flop_counter import FlopCounterMode

    training = network.training
    network.eval()
    device = next(network.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, channels, side, side, device=device))
    network.train(training)
    return int(counter.get_total_flops()) // 2
