"""How good edits are on people that the editor never saw: functions of pictures and landmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from calibration import ExpressionModel
from gan.editor.batches import Pair, mouth_and_eyes
from gan.editor.editor import Editor
from gan.editor.region import region
from gan.editor.repair import Repairer
from gan.editor.warp import moves, warp
from gan.identity import descriptors, identity_distances
from landmarks import detect, scheme
from landmarks.keypoints.framing import true_box
from landmarks.metrics import inter_ocular_distance, normalized_mean_error
from landmarks.placing import Placer
from landmarks.views import Views

Array = NDArray[Any]
Finding: TypeAlias = Callable[[NDArray[np.uint8]], "Array | None"]
Method: TypeAlias = Callable[[Pair], NDArray[np.uint8]]

_DETAIL = 2
# Faces are enlarged so many times for predictors, whose points are whole pixels.
_FACE = 0.5
# Of the region: what counts as the face.


class Scores(NamedTuple):
    """What one method reaches on n pairs.

    Attributes
    ----------
    similarity : (n,) float array
        SSIM of the face to the true second picture.
    psnr : (n,) float array
        Of the face, in decibels.
    features : (n,) float array
        Mean absolute difference on mouth and eyes; 1 is from black to white.
    found : dict of (n,) float arrays
        Predictor → landmark error found again, as a fraction of the inter-ocular distance.
    identity : (n,) float array
        Distance of dlib's face network to the true second picture.
    """

    similarity: Array
    psnr: Array
    features: Array
    found: dict[str, Array]
    identity: Array


def copied(pair: Pair) -> NDArray[np.uint8]:
    """Doing nothing."""
    return pair.source


def warped(pair: Pair) -> NDArray[np.uint8]:
    """The warp alone."""
    return warp(pair.source, moves(pair.source, pair.before, pair.after))


def repaired(repairer: Repairer) -> Method:
    """The editor."""

    def method(pair: Pair) -> NDArray[np.uint8]:
        [made] = repairer(pair.source[None], pair.before[None], pair.after[None])
        face = made.warped + made.residual
        return np.clip(np.rint(face), 0, 255).astype(np.uint8)

    return method


def score(pairs: Sequence[Pair], method: Method, placers: Mapping[str, Placer]) -> Scores:
    """Scores of one method.

    Parameters
    ----------
    pairs : sequence of Pair
    method : callable
        Pair → (SIDE, SIDE, 3) uint8 array.
    placers : mapping
        Name of a predictor → predictor. What each finds in the result is compared with what it
        finds in the true second picture; the one called 'wanted' with the wanted landmarks.
    """
    results = [method(pair) for pair in pairs]
    found: dict[str, Array] = {}
    for name, placer in placers.items():
        own = name == "wanted"
        found[name] = np.array(
            [
                normalized_mean_error(
                    _place(placer, result, pair.after),
                    pair.after if own else _place(placer, pair.target, pair.after),
                )
                for result, pair in zip(results, pairs, strict=True)
            ]
        )
    true = descriptors([p.target for p in pairs], [p.after for p in pairs])
    said = descriptors(results, [p.after for p in pairs])
    faces = [_compare(result, pair) for result, pair in zip(results, pairs, strict=True)]
    similarity, psnr, features = (np.array(values) for values in zip(*faces, strict=True))
    return Scores(similarity, psnr, features, found, identity_distances(said, true))


def _place(placer: Placer, image: NDArray[np.uint8], near: Array) -> Array:
    """Landmarks in a square, in the box that a detector would draw around `near`."""
    large = cv2.resize(image, None, fx=_DETAIL, fy=_DETAIL, interpolation=cv2.INTER_CUBIC)
    [fit] = placer(Views(large), [true_box((near + 0.5) * _DETAIL - 0.5)])
    points: Array = (fit.points + 0.5) / _DETAIL - 0.5
    return points


def face_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8], *points: Array) -> float:
    """SSIM of two squares (SIDE, SIDE, 3) on the face that landmarks tell.

    Parameters
    ----------
    first, second : (SIDE, SIDE, 3) uint8 array
    *points : (68, 2) float arrays
        One or two faces in pixels of the squares; of two, all that either covers.

    References
    ----------
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE Transactions on Image Processing 13 (4), 2004.
    """
    from skimage.metrics import structural_similarity

    _, each = structural_similarity(
        first,
        second,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(each[region(points[0], points[-1]) > _FACE].mean())


def _compare(result: NDArray[np.uint8], pair: Pair) -> tuple[float, float, float]:
    """SSIM, PSNR and the error on mouth and eyes, of the face alone."""
    face = region(pair.before, pair.after) > _FACE
    similarity = face_similarity(result, pair.target, pair.before, pair.after)
    off = result.astype(np.float64) - pair.target
    psnr = 10 * np.log10(255.0**2 / max(float((off[face] ** 2).mean()), 1e-9))
    fine = cv2.dilate(mouth_and_eyes(pair.after), np.ones((7, 7), np.uint8)) > 0
    return similarity, psnr, float(np.abs(off[fine]).mean() / 255)


class Dialled(NamedTuple):
    """What n faces show when the dial of one emotion is turned.

    Attributes
    ----------
    read : (n, S) float array
        Intensity that the expression model reads; NaN where no face is found.
    identity : (n, S) float array
        Distance of dlib's face network to the photograph at intensity 1; NaN elsewhere and where no
        face is found.
    """

    read: Array
    identity: Array


def dialled(
    editor: Editor,
    images: Sequence[NDArray[np.uint8]],
    emotion: str,
    intensities: Sequence[float],
    finders: Mapping[str, Finding],
) -> dict[str, Dialled]:
    """Turn the dial of one emotion, and read the results as anybody would.

    Parameters
    ----------
    editor : Editor
    images : sequence of (H, W, 3) uint8 arrays
        Photographs whose largest face is edited.
    emotion : str
    intensities : sequence of float
    finders : mapping
        Name → picture → landmarks of its largest face, or None: finds the face anew in each
        result; the shipped expression model reads it.

    Returns
    -------
    shown : dict of Dialled
        By the names of `finders`.
    """
    model = ExpressionModel.load()
    column = model.emotions.index(emotion)
    size = (len(images), len(intensities))
    shown = {name: Dialled(np.full(size, np.nan), np.full(size, np.nan)) for name in finders}
    for row, image in enumerate(images):
        [results] = editor.dial(image, [emotion], intensities, faces="largest")
        for name, find in finders.items():
            before = find(image)
            for place, result in enumerate(results):
                after = find(result)
                if after is None:
                    continue
                shown[name].read[row, place] = model.estimate(after).intensities[column]
                if before is not None and intensities[place] == 1:
                    pair = descriptors([image, result], [before, after])
                    far = float(identity_distances(pair[0], pair[1]))
                    shown[name].identity[row, place] = far
    return shown


def plain(image: NDArray[np.uint8]) -> Array | None:
    """As `landmarks.detect` finds them: dlib's points, in whole pixels."""
    faces = detect(image, faces="largest")
    return faces[0].points if faces else None


def as_edited(editor: Editor) -> Finding:
    """As the editor itself finds them."""

    def find(image: NDArray[np.uint8]) -> Array | None:
        try:
            return editor.finder.points(image, "the result")
        except ValueError:
            return None

    return find


def rank_correlations(read: Array, intensities: Sequence[float]) -> Array:
    """Spearman's correlation of each row (n, S) with the intensities; NaN where one is missing."""
    return np.array(
        [
            # A dial that does not move anything rises in no order.
            (float(spearmanr(row, intensities).statistic) if np.ptp(row) > 0 else 0.0)
            if np.isfinite(row).all()
            else np.nan
            for row in read
        ]
    )


def flicker(editor: Editor, image: NDArray[np.uint8], emotion: str, frames: int) -> float:
    """Landmark jitter of a film beyond the motion asked for.

    Parameters
    ----------
    editor : Editor
    image : (H, W, 3) uint8 array
    emotion : str
    frames : int
        From intensity 0 to 1.

    Returns
    -------
    jitter : float
        Mean distance of each frame's landmarks from the middle of its neighbours', in inter-ocular
        distances: 0 where all move evenly. What the predictor finds in every frame is compared;
        frames in which it finds no face are left out with both their neighbours, NaN where nothing
        is left.
    """
    steps = np.linspace(0, 1, frames)
    found: list[Array] = []
    for frame in editor.frames(image, list(steps), emotion=emotion, faces="largest"):
        faces = detect(frame, predictor="small", faces="largest")  # the steadiest
        found.append(faces[0].points if faces else np.full((scheme.COUNT, 2), np.nan))
    points = np.array(found).reshape(-1, scheme.COUNT, 2)
    off = np.linalg.norm(points[1:-1] - (points[:-2] + points[2:]) / 2, axis=2)
    whole = np.isfinite(off).all(axis=1)
    if not whole.any():
        return float("nan")
    first = points[np.isfinite(points).all(axis=(1, 2))][0]
    return float(off[whole].mean() / inter_ocular_distance(first))
