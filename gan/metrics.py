"""How good generated faces are, as pure functions of pictures, landmarks and features."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks.metrics import normalized_mean_error

FAILURE = 0.05
"""A face whose landmarks are found further away than this, in inter-ocular distances, failed."""

_SEARCHED = 256  # pixels; smaller pictures are enlarged for the detector


def _images(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    a, b = np.asarray(first), np.asarray(second)
    for name, array in (("first", a), ("second", b)):
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != 3:
            raise ValueError(
                f"the {name} pictures are {array.dtype} of shape {array.shape}: expected uint8"
                " (n, H, W, 3)"
            )
    if a.shape != b.shape:
        raise ValueError(f"the pictures have shapes {a.shape} and {b.shape}: expected equal ones")
    return a, b


def peak_signal_to_noise_ratio(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """PSNR of pairs of pictures, 10 log10(255² / mean squared difference).

    Parameters
    ----------
    first, second : (n, H, W, 3) uint8 array_like
        RGB.

    Returns
    -------
    ratio : (n,) float array
        Decibels; `inf` for equal pictures.
    """
    a, b = _images(first, second)
    squares = [float(((x.astype(np.float64) - y) ** 2).mean()) for x, y in zip(a, b, strict=True)]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / np.array(squares))


def structural_similarity(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """SSIM of pairs of pictures, with Gaussian windows of σ = 1.5 pixels, the mean over colours.

    Parameters
    ----------
    first, second : (n, H, W, 3) uint8 array_like
        RGB, at least 16×16.

    Returns
    -------
    similarity : (n,) float array
        At most 1, which equal pictures reach.

    References
    ----------
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
    IEEE Transactions on Image Processing 13 (4), 2004.
    """
    from skimage.metrics import structural_similarity as ssim

    a, b = _images(first, second)
    if min(a.shape[1:3]) < 16:
        raise ValueError(f"the pictures are {a.shape[2]}×{a.shape[1]}: expected at least 16×16")
    # Settings of the paper.
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return np.array(
        [ssim(x, y, channel_axis=2, **settings) for x, y in zip(a, b, strict=True)], np.float64
    )


def find_again(image: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Landmarks of the largest face in a picture, by dlib's detector and predictor.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB. Smaller pictures are enlarged to 256 pixels: dlib places its points on whole pixels
        and looks for faces of 80.

    Returns
    -------
    points : (68, 2) float array or None
        None where no face is found.
    """
    from landmarks import detect

    scale = max(1.0, _SEARCHED / min(image.shape[:2]))
    if scale > 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    faces = detect(image, faces="largest")
    return (faces[0].points + 0.5) / scale - 0.5 if faces else None


def landmark_error(image: NDArray[np.uint8], wanted: ArrayLike) -> float:
    """How far from the wanted place the landmarks are found again in a generated face.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    wanted : (68, 2) array_like
        Landmarks (x, y) in its pixels.

    Returns
    -------
    error : float
        NME as a fraction of the wanted inter-ocular distance; `inf` where no face is found.
    """
    found = find_again(image)
    return float("inf") if found is None else normalized_mean_error(found, wanted)


class ErrorSummary(NamedTuple):
    """Landmark errors in a few numbers.

    Attributes
    ----------
    faces : int
    missed : int
        Without a face.
    within : float
        Share of all faces with an error up to 5 %; a missed one counts as a failure.
    mean, median : float
        Of the found ones; NaN where there is none.
    """

    faces: int
    missed: int
    within: float
    mean: float
    median: float


def summarize_errors(errors: ArrayLike, threshold: float = FAILURE) -> ErrorSummary:
    """Count failures.

    Parameters
    ----------
    errors : (n,) array_like
        As `landmark_error` gives them, n ≥ 1.
    threshold : float, optional
        Fraction.

    Returns
    -------
    summary : ErrorSummary
    """
    array = np.asarray(errors, dtype=np.float64)
    if array.ndim != 1 or not array.size or np.isnan(array).any():
        raise ValueError(f"errors have shape {array.shape}: expected (n,) numbers, n ≥ 1, no NaN")
    found = array[np.isfinite(array)]
    return ErrorSummary(
        faces=array.size,
        missed=array.size - found.size,
        within=float((array <= threshold).mean()),
        mean=float(found.mean()) if found.size else float("nan"),
        median=float(np.median(found)) if found.size else float("nan"),
    )


def frechet_distance(first: ArrayLike, second: ArrayLike) -> float:
    """Fréchet distance of two sets of features, each taken as one Gaussian.

    Parameters
    ----------
    first : (n, d) array_like
    second : (m, d) array_like
        n, m ≥ 2.

    Returns
    -------
    distance : float
        ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), never negative.

    Notes
    -----
    Invariant to one rotation and shift of both sets. With fewer than several times d faces the
    covariances are rough, and the distance comes out too large: compare equal numbers only.

    References
    ----------
    Dowson and Landau, "The Fréchet distance between multivariate normal distributions", Journal of
    Multivariate Analysis 12 (3), 1982. Heusel et al., "GANs Trained by a Two Time-Scale Update
    Rule…", NeurIPS 2017.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"features have shapes {a.shape} and {b.shape}: expected (n, d) and (m, d), n, m ≥ 2"
        )
    one, two = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    # tr (Σ₁Σ₂)^½ by the symmetric Σ₁^½ Σ₂ Σ₁^½, which has the same eigenvalues and real ones.
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ two @ root)
    shift = float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())
    cross = float(np.sqrt(np.maximum(mixed, 0)).sum())
    return max(0.0, shift + float(np.trace(one) + np.trace(two)) - 2 * cross)


def nearest(wanted: ArrayLike, known: ArrayLike) -> NDArray[np.int64]:
    """For each face the known one with the nearest landmarks.

    Parameters
    ----------
    wanted : (n, 68, 2) array_like
    known : (m, 68, 2) array_like
        In the same frame, m ≥ 1.

    Returns
    -------
    which : (n,) int array
        Positions in `known` with the least sum of squared distances; the first of equals.
    """
    a, b = np.asarray(wanted, dtype=np.float64), np.asarray(known, dtype=np.float64)
    if a.ndim != 3 or b.ndim != 3 or a.shape[1:] != b.shape[1:] or not len(b):
        raise ValueError(
            f"faces have shapes {a.shape} and {b.shape}: expected (n, 68, 2) and (m, 68, 2), m ≥ 1"
        )
    # One face at a time: exact, and small however many are known.
    return np.array([int(((b - face) ** 2).sum((1, 2)).argmin()) for face in a], dtype=np.int64)
