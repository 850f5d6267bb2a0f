"""Command: python -m scripts.bench.expression_rated --ict FOLDER --rated CSV [--people ZIP]

The expression model on photographs of people that it was not built from: the model is rebuilt
for each fold of persons without the photographs of those persons. Reported are the rank
correlation of its intensity with the observers', how well it names the posed emotion, and how
well it restores a photograph's own expression after that was weakened to a part of itself.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from calibration.action_units import EMOTIONS
from calibration.build import Rated, read_people, read_rated
from calibration.estimate import FarFaceWarning
from calibration.fitting import build_model, learn_surface
from calibration.gaussian import Array
from calibration.synthesis import FaceModel
from scripts.bench.ict_points import HELP, read_points_model

WEAKENED = (0.25, 0.5)


def mean_neutral(rated: Rated) -> Array:
    """Own neutral of each photograph's person: the mean of the aligned neutral photographs.

    A neutral photograph itself is left out of its own zero, where the person has another.
    """
    from calibration.procrustes import generalized_procrustes

    neutral = np.empty_like(rated.landmarks)
    at_rest = rated.emotion == "neutral"
    for row, person in enumerate(rated.person):
        mine = at_rest & (rated.person == person)
        if at_rest[row] and mine.sum() > 1:
            mine[row] = False
        faces = rated.landmarks[mine]
        mean = faces[0] if len(faces) == 1 else generalized_procrustes(faces, tangent=True)[0]
        neutral[row] = mean * (100 / np.linalg.norm(mean[36] - mean[45]))
    return neutral


def run(
    face_model: FaceModel, rated: Rated, further: Array | None, folds: int, seed: int
) -> dict[str, Array]:
    """Estimates for every photograph by a model that never saw its person."""
    people = np.unique(rated.person)
    fold = np.searchsorted(people, rated.person) % folds
    neutral = mean_neutral(rated)
    label = np.array([EMOTIONS.index(e) if e in EMOTIONS else -1 for e in rated.emotion])
    out: dict[str, Any] = {"label": label}
    for key in ("own", "none", "quarter"):
        out[key + " probability"] = np.zeros((len(label), len(EMOTIONS)))
        out[key + " intensity"] = np.zeros(len(label))
        out[key + " intensities"] = np.zeros((len(label), len(EMOTIONS)))
    frame, surface = learn_surface(face_model, seed)
    for k in range(folds):
        test = fold == k
        train = ~test
        model = build_model(
            frame,
            surface,
            rated.landmarks[train],
            rated.emotion[train],
            rated.person[train],
            rated.intensity[train],
            {},
            further,
        )
        # A weakened photograph: the person's neutral moved by a part of the own displacement.
        flat, pose = model.frame.frontal(rated.landmarks[test])
        own = model.frame.frontal(neutral[test])[0]

        toward = frame.in_image(own - flat, pose)
        quarter = rated.landmarks[test] + 0.75 * toward
        for key, points, zero in (
            ("own", rated.landmarks[test], neutral[test]),
            ("none", rated.landmarks[test], None),
            ("quarter", quarter, neutral[test]),
        ):
            estimate = model.estimate(points, zero)
            out[key + " probability"][test] = estimate.probability
            out[key + " intensity"][test] = estimate.intensity
            out[key + " intensities"][test] = estimate.intensities
        shown = np.flatnonzero(test & (label >= 0))
        within = label[test] >= 0
        names = np.array(EMOTIONS)[label[shown]]
        truth = rated.landmarks[shown]
        full = model.estimate(truth, neutral[shown])
        seen = frame.frontal(rated.landmarks[train])[0] - frame.frontal(neutral[train])[0]
        mean = np.stack([seen[label[train] == e].mean(0) for e in range(len(EMOTIONS))])
        for amount in WEAKENED:
            low = (rated.landmarks[test] + (1.0 - amount) * toward)[within]
            nothing = np.linalg.norm(low - truth, axis=2).mean(1)
            there = frame.frontal(low)[1]
            made = low + frame.in_image((1 - amount) * mean[label[shown]], there)
            results = {"mean displacement, label and amount known": made}
            for known, zero in (("neutral known", neutral[shown]), ("neutral unknown", None)):
                for given, emotion in (("label known", names), ("label unknown", None)):
                    results[f"{known}, {given}"] = model.intensify(low, 1.0, emotion, zero)
            results["own intensity, neutral known, label unknown"] = model.intensify(
                low, full.intensity, None, neutral[shown]
            )
            for title, points in results.items():
                share = out.setdefault(f"from {amount}: {title}", np.full(len(label), np.nan))
                share[shown] = np.linalg.norm(points - truth, axis=2).mean(1) / nothing.mean()
    return out


def correlations(title: str, value: Array, label: Array, rated: Rated) -> None:
    """Rank correlation per emotion: among its poses, and with neutral faces added."""
    order = range(len(EMOTIONS))
    for what, neutral in (("poses of the emotion", False), ("those and neutral faces", True)):
        rows = [np.flatnonzero((label == e) | (neutral & (label < 0))) for e in order]
        r = [
            spearmanr(
                value[row, e] if value.ndim == 2 else value[row], rated.ratings[row, e]
            ).statistic
            for e, row in zip(order, rows, strict=True)
        ]
        print(
            f"  {title:36s} {what:24s} "
            + " ".join(f"{v:6.2f}" for v in r)
            + f"   mean {np.mean(r):.3f}"
        )


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", required=True, help=HELP)
    parser.add_argument("--rated", required=True, help="table of rated photographs (csv)")
    parser.add_argument("--people", help="further people, as for calibration.build (zip)")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        face_model, rated = read_points_model(options.ict), read_rated(options.rated)
        further = read_people(options.people) if options.people else None
    except ValueError as problem:
        print(f"expression_rated: {problem}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", FarFaceWarning)
    out = run(face_model, rated, further, options.folds, options.seed)
    label = out["label"]
    print(
        f"{len(label)} photographs of {len(np.unique(rated.person))} persons, "
        f"{options.folds} folds by person"
    )
    print(f"Spearman with observers  {'':37s}" + " ".join(f"{e[:6]:>6s}" for e in EMOTIONS))
    for key, known in (("own", "neutral known"), ("none", "neutral unknown")):
        correlations(f"{known}, label known", out[key + " intensities"], label, rated)
        correlations(f"{known}, label unknown", out[key + " intensity"], label, rated)
    posed = label >= 0
    asked = posed & (rated.performance == "ekman_facs")
    agreed = posed & (rated.ratings.argmax(1) == label)
    print("Posed emotion recognised, label unknown: all, posed after FACS, where observers agree")
    for key, known in (
        ("own", "neutral known"),
        ("quarter", "neutral known, weakened to 1/4"),
        ("none", "neutral unknown"),
    ):
        right = out[key + " probability"].argmax(1) == label
        print(
            f"  {known:36s} {right[posed].mean():.3f} {right[asked].mean():.3f} "
            f"{right[agreed].mean():.3f}"
        )
    print("Weakened photographs brought to intensity 1: error as a share of doing nothing")
    for key, value in out.items():
        if key.startswith("from"):
            print(
                f"  {key:56s} {np.nanmean(value):.3f}, posed after FACS "
                f"{np.nanmean(value[asked]):.3f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
