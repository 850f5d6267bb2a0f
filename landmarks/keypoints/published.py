"""The networks of published recipes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from landmarks import scheme
from landmarks.keypoints.output import Output


class NaimishNet(nn.Module):
    """Four convolutions and three dense layers on 96 pixels of grey.

    References
    ----------
    Agarwal, Krohn-Grimberghe, Vyas, "Facial Key Points Detection using Deep Convolutional Neural
    Network - NaimishNet", arXiv:1710.00977, 2017 (with 136 outputs instead of its 30).
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for number, (outputs, kernel) in enumerate([(32, 4), (64, 3), (128, 2), (256, 1)], 1):
            layers += [nn.Conv2d(inputs, outputs, kernel), nn.ELU(), nn.MaxPool2d(2)]
            layers.append(nn.Dropout(0.1 * number))
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Linear(256 * 5 * 5, 1000),
            nn.ELU(),
            nn.Dropout(0.5),
            nn.Linear(1000, 1000),
            nn.Dropout(0.6),
            nn.Linear(1000, 2 * scheme.COUNT),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.uniform_(layer.weight, -0.05, 0.05)
            elif isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Output:
        # It is trained on positions in [−1, 1] around the middle.
        positions = self.dense(self.features(images).flatten(1)).float()
        return Output(positions.view(-1, scheme.COUNT, 2) / 2 + 0.5)


class Regressor(nn.Module):
    """A classification network of torchvision whose last layer gives 68 positions.

    Parameters
    ----------
    body : torch.nn.Module
        Gives (B, 136): offsets from the middle, in fractions of the side.
    imagenet : bool
        Its weights come from ImageNet: pictures are shifted to that set's mean and deviation.
    channels : int
        1 or 3.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, *, imagenet: bool, channels: int) -> None:
        super().__init__()
        self.body = body
        mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        if channels == 1:
            mean, deviation = [sum(mean) / 3], [sum(deviation) / 3]
        if not imagenet:
            mean, deviation = [0.5] * channels, [0.5] * channels
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False
        )

    def forward(self, images: Tensor) -> Output:
        images = ((images + 1) / 2 - self.mean) / self.deviation
        return Output(self.body(images).float().view(-1, scheme.COUNT, 2) + 0.5)


def resnet18(*, channels: int, imagenet: bool) -> Regressor:
    """He et al., "Deep Residual Learning for Image Recognition", CVPR 2016."""
    from torchvision import models  # type: ignore[import-untyped]

    body = models.resnet18(num_classes=2 * scheme.COUNT)
    if channels == 1:
        body.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return Regressor(body, imagenet=imagenet, channels=channels)


def efficientnet_b0(*, channels: int, imagenet: bool) -> Regressor:
    """Tan and Le, "EfficientNet: Rethinking Model Scaling for CNNs", ICML 2019."""
    from torchvision import models

    body = models.efficientnet_b0(num_classes=2 * scheme.COUNT)
    if channels == 1:
        body.features[0][0] = nn.Conv2d(1, 32, 3, stride=2, padding=1, bias=False)
    return Regressor(body, imagenet=imagenet, channels=channels)
