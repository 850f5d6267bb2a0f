"""Command: photographs without landmarks into shards, with points that a network places.

python -m data.network_points FOLDER OUT --model MODEL

A network learns more from many people than from many pictures of few. Where nobody has marked
the landmarks, one that is trained already marks them: in each face that the detector finds it is
asked many times, in boxes that are moved, enlarged and turned, and in the mirror; the mean of the
answers is nearer to the truth than any one of them. Faces whose answers differ too much, or which
the network itself does not trust, are left out and listed. Such points teach, they never judge:
records say `points_by`, and validation and evaluation leave them out.

References
----------
Radosavovic et al., "Data Distillation: Towards Omni-Supervised Learning", CVPR 2018.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face_command import face_parser, run_command
from data.persons import RULES
from data.photos import Photo, Photos, file_hash, folder_photos
from data.progress import Lines
from landmarks import scheme
from landmarks.detector import Box
from landmarks.errors import ImageError, InputError
from landmarks.image import Picture
from landmarks.keypoints import Predictor, load_predictor
from landmarks.keypoints.predictor import network_path
from landmarks.search import Search

SPREAD = 0.035
"""Mean distance of the answers from their mean, in inter-ocular distances, above which they are
worth nothing: that of one in a hundred press photographs."""

TRUST = 0.5

_VIEWS = 6  # each also in the mirror
_TURN = np.deg2rad(12)
_REACH = 4  # sides of the box, from its centre: no view shows more


def place_points(
    image: NDArray[np.uint8], box: Box, predictor: Predictor
) -> tuple[NDArray[np.float64], float, float]:
    """Landmarks of one face by many looks at it.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    box : Box
        As a detector draws it.
    predictor : Predictor

    Returns
    -------
    points : (68, 2) float array
        (x, y) in pixels.
    spread : float
        Mean distance of the answers from `points`, in inter-ocular distances.
    trust : float
        Mean of the answers; 1 where the network tells none.
    """
    rng = np.random.default_rng(0)
    centre = np.array([box.left + box.right, box.top + box.bottom]) / 2
    # The part around the face: a picture may be wider than OpenCV can turn, and turning takes time.
    edge = np.array(image.shape[1::-1])
    low = np.clip(np.floor(centre - _REACH * box.width), 0, edge - 1).astype(int)
    high = np.clip(np.ceil(centre + _REACH * box.width) + 1, low + 1, edge).astype(int)
    image, centre = image[low[1] : high[1], low[0] : high[0]], centre - low
    height, width = image.shape[:2]
    views, boxes, backs = [], [], []
    for number in range(_VIEWS):
        half = box.width / 2 * np.exp(rng.uniform(-0.12, 0.12))
        middle = centre + rng.uniform(-0.06, 0.06, 2) * box.width
        angle = rng.uniform(-_TURN, _TURN) if number else 0.0
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        shift = middle - turn @ middle
        matrix = np.column_stack([turn, shift])
        turned = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        for mirrored in (False, True):
            views.append(np.ascontiguousarray(turned[:, ::-1]) if mirrored else turned)
            x = width - 1 - middle[0] if mirrored else middle[0]
            boxes.append([x - half, middle[1] - half, x + half, middle[1] + half])
            backs.append((turn, shift, mirrored))
    fits = predictor.predict_many(views, boxes)
    answers = []
    for points, (turn, shift, mirrored) in zip(fits.points, backs, strict=True):
        if mirrored:
            points = (points * [-1, 1] + [width - 1, 0])[scheme.MIRROR]
        answers.append((points - shift) @ turn)  # the inverse of a rotation is its transpose
    mean = np.mean(answers, axis=0)
    eyes = mean[scheme.RIGHT_OUTER_EYE_CORNER] - mean[scheme.LEFT_OUTER_EYE_CORNER]
    distance = np.linalg.norm(np.asarray(answers) - mean, axis=2).mean()
    trust = 1.0 if fits.trust is None else float(fits.trust.mean())
    return mean + low, float(distance / max(np.linalg.norm(eyes), 1e-6)), trust


def with_points(photos: Photos, model: str, *, spread: float = SPREAD) -> Photos:
    """The same photographs with points of the largest face that the detector finds in each.

    Parameters
    ----------
    photos : Photos
    model : str
        As `landmarks.keypoints.load_predictor` takes it.
    spread : float, optional
        Faces whose answers differ by more are photographs with a problem.

    Raises
    ------
    InputError
        The model cannot be used; the spread is not above 0.
    """
    if not spread > 0:
        raise InputError(f"the spread is {spread}: expected a number above 0")
    predictor = load_predictor(model)
    detect = Search("hog")

    path = Path(network_path(model, ".onnx"))
    path = path / "model.safetensors" if path.is_dir() else path
    digest = file_hash(str(path))
    told = f"{photos.fingerprint} {digest} {spread}"

    def stream() -> Iterator[Photo]:
        for photo in photos.stream():
            if not photo.problem:
                photo = _marked(photo, detect, predictor, spread)
            yield replace(photo, points_by=f"network {digest[:16]}")

    return photos._replace(fingerprint=hashlib.sha256(told.encode()).hexdigest(), stream=stream)


def _marked(photo: Photo, detect: Search, predictor: Predictor, limit: float) -> Photo:
    try:
        image = Picture(photo.source, data=photo.data).rgb()
    except ImageError as error:
        return replace(photo, problem=str(error))
    found = detect(image)
    if not found:
        return replace(photo, problem=f"{photo.source} shows no face that the detector finds")
    box = max(found, key=lambda box: box.width * box.height)
    points, spread, trust = place_points(image, box, predictor)
    if spread > limit or trust < TRUST:
        told = f"answers differ by {spread:.1%} of the inter-ocular distance, trust {trust:.2f}"
        return replace(photo, problem=f"{photo.source}: {told}")
    return replace(photo, points=points, pixels=image)


def _telling(photos: Photos, limit: int | None) -> Photos:
    """The same, told in lines how far they are where no terminal shows a bar."""
    if photos.total is None or (sys.stderr is not None and sys.stderr.isatty()):
        return photos
    lines = Lines(min(photos.total, limit or photos.total), "photographs")

    def stream() -> Iterator[Photo]:
        for photo in photos.stream():
            yield photo
            lines.update()

    return photos._replace(stream=stream)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    what = "photographs, also in folders below it"
    parser = face_parser("data.network_points", __doc__ or "", "FOLDER", what)
    parser.add_argument(
        "--model",
        required=True,
        help="small (which ships), folder of a training run, or its .safetensors or .onnx file",
    )
    parser.add_argument("--labels", metavar="CSV", help="columns 'file' and 'person'")
    parser.add_argument(
        "--persons", choices=RULES, default="auto", help="without --labels: who a face shows"
    )
    parser.add_argument(
        "--spread",
        type=float,
        default=SPREAD,
        help="largest mean difference of the answers, in inter-ocular distances (%(default)s)",
    )
    args = parser.parse_args(argv)
    return run_command(
        parser.prog,
        args,
        lambda: _telling(
            with_points(
                folder_photos(args.place, persons=args.persons, labels=args.labels),
                args.model,
                spread=args.spread,
            ),
            args.limit if args.split == "all" else None,
        ),
        root=args.place,
    )


if __name__ == "__main__":
    sys.exit(main())
