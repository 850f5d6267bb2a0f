"""Generated faces against true ones, beside the nearest training faces: pictures in, scores out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan import metrics
from gan.faces import resized
from gan.frame import read_frame
from gan.identity import SAME_PERSON, descriptors, identity_distances
from gan.pair_table import read_pair_table
from gan.pairs import Pair, parse_name
from gan.verdict import Scores
from landmarks.errors import ImageError, InputError
from landmarks.image import read_image

Images = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Faces:
    """Pairs as arrays.

    Attributes
    ----------
    pairs : tuple of Pair
    persons : tuple of str
    drawings, images : (n, size, size, 3) uint8 array
        Landmark images and faces.
    points : (n, 68, 2) float array
        Wanted landmarks in pixels of these pictures.
    skipped : tuple of str
        Why pairs were left out: a sentence for each.
    """

    pairs: tuple[Pair, ...]
    persons: tuple[str, ...]
    drawings: Images
    images: Images
    points: Points
    skipped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, eq=False)
class Measured:
    """Scores of one set, and the errors of each face.

    Attributes
    ----------
    scores : Scores
    errors : (n,) float array
        Landmark error of each; `inf` where no face was found.
    """

    scores: Scores
    errors: NDArray[np.float64]


def known_points(
    folder: str | os.PathLike[str], pairs: Sequence[Pair], size: int
) -> dict[Pair, Points]:
    """Wanted landmarks as the folder's pairs.csv tells them.

    Parameters
    ----------
    folder : path-like
    pairs : sequence of Pair
    size : int
        Of the pictures in which the landmarks are wanted.

    Returns
    -------
    points : dict
        Pair → (68, 2); without those that the table does not know.
    """
    table = read_pair_table(folder)
    frame = read_frame(folder)
    if not table or frame is None:
        return {}
    points = {}
    for pair in pairs:
        parsed = parse_name(pair.landmarks.name)  # the landmark image shows what is wanted
        if parsed is None or parsed.image is None or not parsed.person.isdecimal():
            continue
        record = table.get((int(parsed.person), parsed.image))
        if record is not None:
            points[pair] = (record.points + 0.5) * (size / frame.size) - 0.5
    return points


def choose(pairs: Sequence[Pair], limit: int, seed: int) -> list[Pair]:
    """At most `limit` pairs, drawn evenly, in their own order."""
    if len(pairs) <= limit:
        return list(pairs)
    drawn = np.random.default_rng(seed).permutation(len(pairs))[:limit]
    return [pairs[number] for number in sorted(drawn.tolist())]


def load_faces(folder: str | os.PathLike[str], pairs: Sequence[Pair], size: int) -> Faces:
    """Read pairs and their landmarks.

    Parameters
    ----------
    folder : path-like
        Where pairs.csv may lie.
    pairs : sequence of Pair
    size : int
        Pictures of another size are resized.

    Returns
    -------
    faces : Faces
        Pairs whose landmarks nobody tells are searched by dlib in their true pictures.
    """
    told = known_points(folder, pairs, size)
    kept: list[tuple[Pair, Images, Images, Points]] = []
    skipped = []
    for pair in pairs:
        try:
            drawing, image = (
                resized(read_image(path), size) for path in (pair.landmarks, pair.face)
            )
        except ImageError as error:
            skipped.append(str(error))
            continue
        points = told.get(pair)
        if points is None:
            points = metrics.find_again(image)
        if points is None:
            skipped.append(f"{pair.face}: no landmarks are told, and dlib finds no face")
            continue
        kept.append((pair, drawing, image, points))
    return Faces(
        pairs=tuple(pair for pair, *_ in kept),
        persons=tuple(pair.person for pair, *_ in kept),
        drawings=np.array([row[1] for row in kept], np.uint8).reshape(-1, size, size, 3),
        images=np.array([row[2] for row in kept], np.uint8).reshape(-1, size, size, 3),
        points=np.array([row[3] for row in kept]).reshape(-1, 68, 2),
        skipped=tuple(skipped),
    )


def nearest_copies(
    folder: str | os.PathLike[str], train: Sequence[Pair], some: Faces, wanted: Faces
) -> tuple[Images, tuple[str, ...]]:
    """The baseline: for each wanted face the training face with the nearest landmarks.

    Parameters
    ----------
    folder : path-like
        Of the training pairs.
    train : sequence of Pair
        All of them.
    some : Faces
        Those that have been read; only these are looked at where the folder has no pairs.csv,
        since finding the landmarks of all would take too long.
    wanted : Faces

    Returns
    -------
    copied : (n, size, size, 3) uint8 array
    skipped : tuple of str
        Nearest faces that cannot be read, in whose place the next nearest was taken.

    Raises
    ------
    InputError
        No training face can be read.
    """
    size = wanted.images.shape[1]
    told = known_points(folder, train, size)
    if not told:
        copied: Images = some.images[metrics.nearest(wanted.points, some.points)]
        return copied, ()
    faces: dict[Path, Images] = {}
    skipped: dict[Path, str] = {}
    while left := [pair for pair in told if pair.face not in skipped]:
        which = metrics.nearest(wanted.points, np.array([told[pair] for pair in left]))
        chosen = [left[number].face for number in which.tolist()]
        for path in dict.fromkeys(chosen):
            if path not in faces:
                try:
                    faces[path] = resized(read_image(path), size)
                except ImageError as error:
                    skipped[path] = str(error)
        if not skipped.keys() & set(chosen):
            return np.array([faces[path] for path in chosen]), tuple(skipped.values())
    raise InputError(f"no training face in {folder} can be read ({next(iter(skipped.values()))})")


def measure(
    drawn: Images,
    wanted: Faces,
    *,
    true_descriptors: NDArray[np.float64] | None = None,
    on_face: Callable[[], object] = lambda: None,
) -> Measured:
    """Score pictures that should show the wanted faces.

    Parameters
    ----------
    drawn : (n, size, size, 3) uint8 array
        RGB; generated, copied, or the true pictures themselves.
    wanted : Faces
        n ≥ 1.
    true_descriptors : (n, 128) float array, optional
        Of the true pictures, where they are at hand.
    on_face : callable, optional
        Called after each face.

    Returns
    -------
    measured : Measured
    """
    errors = []
    for image, points in zip(drawn, wanted.points, strict=True):
        errors.append(metrics.landmark_error(image, points))
        on_face()
    true = true_descriptors
    if true is None:
        true = descriptors(wanted.images, wanted.points)
    # The network takes most of the time; the true pictures are themselves.
    described = true if drawn is wanted.images else descriptors(drawn, wanted.points)
    identity = identity_distances(described, true)
    summary = metrics.summarize_errors(errors)
    scores = Scores(
        pairs=len(wanted),
        persons=len(set(wanted.persons)),
        found=1 - summary.missed / summary.faces,
        within=summary.within,
        landmark_mean=summary.mean,
        landmark_median=summary.median,
        ssim=float(metrics.structural_similarity(drawn, wanted.images).mean()),
        psnr=float(metrics.peak_signal_to_noise_ratio(drawn, wanted.images).mean()),
        identity=float(identity.mean()),
        same_person=float((identity < SAME_PERSON).mean()),
        frechet=metrics.frechet_distance(described, true) if len(wanted) > 1 else float("nan"),
    )
    return Measured(scores, np.array(errors))
