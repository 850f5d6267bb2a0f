"""The networks: pictures of aligned faces, and their landmarks → a logit for each emotion.

All take (B, channels, side, side) pictures in [−1, 1] and (B, 68, 2) aligned landmarks in fractions
of the side; those that only look do not use the landmarks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classifier.config import TORCHVISION, Config
from landmarks.errors import InputError
from landmarks.keypoints.predictor import SHIPPED
from landmarks.keypoints.small import WIDTHS
from landmarks.keypoints.small import Small as LandmarkNetwork
from landmarks.runs.tensor_file import ModelError, read_tensors

TRUNK = ("quarter", "eighth", "sixteenth")
"""Parts of the landmark network that see; the others place its points."""


class Small(nn.Module):
    """The one that ships: what the landmark network sees, and where the landmarks are.

    The maps of the landmark network's last stage are weighed place by place, because aligned faces
    have their mouths in one place; the landmarks have two dense layers of their own; one layer
    judges both.

    Parameters
    ----------
    classes : int
    channels, side : int
    dropout : float

    References
    ----------
    Chen et al., "MobileFaceNets", CCBR 2018 (a weight for each place instead of the mean).
    """

    def __init__(self, classes: int, channels: int = 1, side: int = 112, dropout: float = 0.3):
        super().__init__()
        seeing = LandmarkNetwork(channels, side)
        self.quarter, self.eighth, self.sixteenth = (getattr(seeing, name) for name in TRUNK)
        wide, cells = 256, side // 16
        self.places = nn.Sequential(
            nn.Conv2d(WIDTHS[2], wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, wide, cells, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.Flatten(),
        )
        self.landmarks = nn.Sequential(
            nn.BatchNorm1d(136),
            nn.Linear(136, 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, 128),
            nn.ReLU(inplace=True),
        )
        self.drop = nn.Dropout(dropout)
        self.judge = nn.Linear(wide + 128, classes)

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """(B, classes) logits."""
        maps = self.sixteenth(self.eighth(self.quarter(images)))
        seen = torch.cat([self.places(maps), self.landmarks(points.flatten(1))], dim=1)
        logits: Tensor = self.judge(self.drop(seen))
        return logits


class Plain(nn.Module):
    """A plain convolutional network of the paper's kind: three times convolution and pooling.

    Parameters
    ----------
    classes : int
    channels, side : int
    dropout : float
    """

    def __init__(self, classes: int, channels: int = 1, side: int = 64, dropout: float = 0.3):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((channels, 32), (32, 64), (64, 128)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        self.see = nn.Sequential(*layers, nn.Flatten())
        self.judge = nn.Sequential(
            nn.Linear(128 * (side // 8) ** 2, 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, classes),
        )

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """(B, classes) logits; the points are not looked at."""
        logits: Tensor = self.judge(self.see(images))
        return logits


class Backbone(nn.Module):
    """A network of torchvision, its last layer replaced.

    Parameters
    ----------
    name : str
        One of `classifier.config.TORCHVISION`.
    classes : int
    channels : int
        1: grey is given to all three.
    dropout : float
    imagenet : bool
        Begin with ImageNet's weights, which torchvision fetches if it does not have them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, classes: int, channels: int, dropout: float, imagenet: bool):
        super().__init__()
        from torchvision import models  # type: ignore[import-untyped]

        self.body = getattr(models, name)(weights="DEFAULT" if imagenet else None)
        last = "fc" if name == "resnet18" else "classifier"
        layer = getattr(self.body, last)
        wide = layer.in_features if last == "fc" else layer[-1].in_features
        new = nn.Sequential(nn.Dropout(dropout), nn.Linear(wide, classes))
        if last == "fc":
            self.body.fc = new
        else:
            self.body.classifier[-1] = new
        # What ImageNet's pictures were normalised with, for values in [−1, 1].
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", (2 * mean - 1)[:, None, None])
        self.register_buffer("deviation", (2 * deviation)[:, None, None])

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """(B, classes) logits; the points are not looked at."""
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        logits: Tensor = self.body((images - self.mean) / self.deviation)
        return logits


def build_network(config: Config, *, begin: bool = False) -> nn.Module:
    """The network of a config.

    Parameters
    ----------
    config : Config
        Not `landmarks_svm`, which is no network.
    begin : bool, optional
        With the weights that training begins with; otherwise random ones.

    Returns
    -------
    network : torch.nn.Module
        In training mode.

    Raises
    ------
    InputError
        torchvision, or the weights to begin with, are needed and not there.
    """
    classes, dropout = len(config.emotions), config.settings["dropout"]
    if config.network == "plain":
        return Plain(classes, config.channels, config.side, dropout)
    if config.network in TORCHVISION:
        imagenet = begin and config.start == "imagenet"
        try:
            return Backbone(config.network, classes, config.channels, dropout, imagenet)
        except ModuleNotFoundError as error:
            raise InputError(
                f"{config.network} needs {error.name}: pip install "
                "'landmark-calibrated-expressions[classifier]'"
            ) from None
        except OSError as error:
            raise InputError(
                f"the weights of ImageNet for {config.network} cannot be fetched: {error}"
            ) from None
    network = Small(classes, config.channels, config.side, dropout)
    if begin and config.start == "landmarks":
        _see_as_the_landmark_network(network)
    return network


def _see_as_the_landmark_network(network: Small) -> None:
    path = SHIPPED.with_suffix(".safetensors")
    tensors, _ = read_tensors(path)
    own = network.state_dict()
    try:
        own |= {name: tensors[name] for name in own if name.split(".")[0] in TRUNK
                and not name.endswith("num_batches_tracked")}  # fmt: skip
    except KeyError as error:
        raise ModelError(
            f"{path} lacks {error}: expected the landmark network that ships"
        ) from None
    network.load_state_dict(own)
