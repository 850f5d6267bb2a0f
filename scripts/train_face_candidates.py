"""Train the network of `landmarks.candidates`.

python -m scripts.train_face_candidates --photos ZIP --photos ZIP --empty FILE -o OUT.onnx

Each ZIP holds JPEGs, one face each, in which dlib's detector (enlarged once) finds the boxes to
learn from. The person is the file's name up to the last underscore; persons whose name hashes below
77 (first byte of SHA-256) are left out, for measuring. Needs torch and onnx, which `landmarks`
itself does not; half an hour on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx  # noqa: F401  (torch.onnx needs it: say so before the training, not after)
import torch
from torch import nn
from torch.nn import functional

from landmarks.candidates import local_contrast
from scripts.face_candidates_canvas import FACE, SIDE, UNDECIDED, Photo, make_canvas, photo

CHANNELS = (16, 24, 32, 32, 32)
BATCH = 64
TRAIN_FROM = 77


@dataclass(frozen=True)
class Phase:
    """One pass of training: its canvases and its learning rate."""

    canvases: int
    epochs: int
    rate: float
    small: float
    visible: float


PHASES = (
    Phase(24_000, 10, 4e-3, small=0.0, visible=0.9),
    Phase(30_000, 4, 2e-3, small=0.45, visible=0.7),
)


class Network(nn.Module):
    """Five convolutions of 3×3, the first two of stride 2, and four numbers for each cell."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for index, channels in enumerate(CHANNELS):
            stride = 2 if index < 2 else 1
            layers += [
                nn.Conv2d(before, channels, 3, stride, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        self.body = nn.Sequential(*layers)
        bias = torch.tensor([-4.0, 0.0, 0.0, 0.0])  # faces are rare: begin with little belief
        self.head = nn.Conv2d(before, 4, 1, bias=False)
        self.head.bias = nn.Parameter(bias)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(values))


def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Focal loss of the marks, and smooth L1 of centre and size where there is a face."""
    face = (target[:, 0] == FACE).float()
    decided = (target[:, 0] != UNDECIDED).float()
    entropy = functional.binary_cross_entropy_with_logits(answer[:, 0], face, reduction="none")
    belief = torch.sigmoid(answer[:, 0])
    wrong = torch.where(face > 0, 1 - belief, belief)
    marks = entropy * wrong**1.5 * torch.where(face > 0, 3.0, 1.0) * decided
    places = functional.smooth_l1_loss(answer[:, 1:], target[:, 1:], reduction="none", beta=0.1)
    count = face.sum().clamp(min=1)
    return marks.sum() / count + 2 * (places.sum(1) * face).sum() / count


def load_photos(archives: list[str]) -> list[Photo]:
    """Photographs of the persons to train on, with dlib's boxes."""
    import dlib

    detector = dlib.get_frontal_face_detector()
    photos = []
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            for name in sorted(n for n in opened.namelist() if n.endswith(".jpg")):
                person, _, number = Path(name).stem.rpartition("_")
                first = hashlib.sha256(person.encode()).digest()[0]
                # Film stills (numbered without leading zeros) name a part, not a person's face.
                still = "expression" in Path(archive).stem and len(number) != 4
                if first < TRAIN_FROM or still:
                    continue
                data = np.frombuffer(opened.read(name), np.uint8)
                grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
                found, scores, _ = detector.run(grey, 1, -0.3)
                if not scores or scores[0] <= 0:
                    continue
                faces = [
                    (
                        (box.left() + box.right()) / 2,
                        (box.top() + box.bottom()) / 2,
                        float(box.width()),
                        FACE if score > 0 else UNDECIDED,
                    )
                    for box, score in zip(found, scores, strict=True)
                ]
                photos.append(photo(grey, faces))
    return photos


def train(network: Network, phase: Phase, photos: list[Photo], empties: list[Photo]) -> None:
    """One phase over freshly made canvases."""
    rng = np.random.default_rng([phase.canvases, phase.epochs])
    pixels = np.empty((phase.canvases, SIDE, SIDE), np.uint8)
    targets = np.empty((phase.canvases, 4, SIDE // 4, SIDE // 4), np.float16)
    for index in range(phase.canvases):
        pixels[index], targets[index] = make_canvas(
            rng, photos, empties, small=phase.small, visible=phase.visible
        )
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    batches = len(pixels) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, phase.rate, phase.epochs * batches)
    network.train()
    for epoch in range(phase.epochs):
        total = 0.0
        order = rng.permutation(len(pixels))[: batches * BATCH].reshape(batches, BATCH)
        for chosen in order:
            contrast = np.stack([local_contrast(one) for one in pixels[chosen]])
            values = torch.from_numpy(contrast[:, None])
            target = torch.from_numpy(targets[chosen].astype(np.float32))
            if rng.random() < 0.5:
                values, target = values.flip(3), target.flip(3)
                target[:, 1] = -target[:, 1]
            value = loss(network(values), target)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            total += value.item()
        print(f"epoch {epoch + 1} of {phase.epochs}: loss {total / batches:.3f}", flush=True)


def export(network: Network, path: str) -> None:
    """Write the network for OpenCV, its batch normalisation folded into the convolutions."""
    plain: list[nn.Module] = []
    for conv, norm in itertools.pairwise(network.body.eval()):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            plain += [torch.nn.utils.fuse_conv_bn_eval(conv, norm), nn.ReLU()]
    whole = nn.Sequential(*plain, network.head).eval()
    axes: dict[str, Any] = {"x": {2: "h", 3: "w"}, "y": {2: "h", 3: "w"}}
    torch.onnx.export(
        whole,
        (torch.zeros(1, 1, SIDE, SIDE),),
        path,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes=axes,
        dynamo=False,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Train and write the network; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_face_candidates")
    parser.add_argument("--photos", metavar="ZIP", action="append", required=True)
    parser.add_argument("--empty", metavar="FILE", action="append", default=[])
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the canvases, to try (1)")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    cv2.setNumThreads(1)
    photos = load_photos(args.photos)
    empties = [photo(np.asarray(cv2.imread(name, cv2.IMREAD_GRAYSCALE)), []) for name in args.empty]
    print(f"{len(photos)} photographs of faces, {len(empties)} without", flush=True)
    network = Network()
    for phase in PHASES:
        count = max(BATCH, int(phase.canvases * args.share))
        shorter = Phase(count, phase.epochs, phase.rate, phase.small, phase.visible)
        train(network, shorter, photos, empties)
    export(network, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
