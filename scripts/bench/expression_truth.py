"""Command: python -m scripts.bench.expression_truth --ict FOLDER

Expressions made stronger against exact truth: new people of ICT-FaceKit, whose identities and
expressions no model has seen, photographed at ±10° with 0.5 % noise on every coordinate. The
error to the same person's true full-intensity face is given as a share of doing nothing.
Two samplers of expressions: the project's own styles, and plain prototypes that it does not use.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from calibration import apply_calibration, calibrate
from calibration.action_units import EMOTIONS
from calibration.expression import ExpressionModel
from calibration.gaussian import Array
from calibration.synthesis import (
    FaceModel,
    rotations,
    sample_displacements,
    sample_identities,
)
from scripts.bench.ict_points import HELP, read_points_model

NOISE = 0.005
PROTOTYPES = {
    "anger": "browDown_ noseSneer_ mouthPress_ eyeSquint_ mouthShrugLower",
    "disgust": "noseSneer_ mouthUpperUp_ browDown_ mouthFrown_ cheekSquint_",
    "fear": "browInnerUp_ browOuterUp_ browDown_ eyeWide_ mouthStretch_ jawOpen",
    "happiness": "mouthSmile_ cheekSquint_ mouthDimple_ eyeSquint_ jawOpen",
    "sadness": "browInnerUp_ browDown_ mouthFrown_ eyeSquint_ mouthShrugLower",
    "surprise": "browInnerUp_ browOuterUp_ eyeWide_ jawOpen",
}


def prototypes(model: FaceModel, emotion: str, count: int, rng: np.random.Generator) -> Array:
    """Displacements of a plain prototype: every shape at a random 0.4-1, jaw at 0.24-0.6."""
    weights = np.zeros((count, len(model.names)))
    for shape in PROTOTYPES[emotion].split():
        strength = rng.uniform(0.4, 1.0, count) * (0.6 if shape == "jawOpen" else 1.0)
        for name in [shape + "L", shape + "R"] if shape.endswith("_") else [shape]:
            weights[:, model.names.index(name)] = strength * rng.uniform(0.85, 1.15, count)
    return np.tensordot(weights, model.expressions, 1)


class Truth:
    """People at low and full intensity, with and without noise, in pixels."""

    def __init__(
        self,
        model: FaceModel,
        sampler: str,
        count: int,
        rng: np.random.Generator,
        turned: tuple[float, float] | None = None,
    ) -> None:
        each = count // len(EMOTIONS)
        people = sample_identities(model, each * len(EMOTIONS), rng)
        self.label = np.repeat(np.arange(len(EMOTIONS)), each)
        self.names = np.array(EMOTIONS)[self.label]
        if sampler == "styles":
            full = [sample_displacements(model, e, each, rng)[0] for e in EMOTIONS]
        elif sampler == "prototypes":
            full = [prototypes(model, e, each, rng) for e in EMOTIONS]
        else:
            full = [sample_displacements(model, "other", each, rng)[0] for _ in EMOTIONS]
        displacement = np.concatenate(full)
        self.intensity = rng.uniform(0.15, 0.5, len(people))
        angles = rng.uniform(-10, 10, (len(people), 3))
        if turned is not None:
            # Yaw and pitch of the face to make stronger, to either side; its neutral stays so.
            sides = rng.choice([-1.0, 1.0], (len(people), 2))
            angles = np.column_stack([sides * turned, np.zeros(len(people))])
        turn = rotations(np.deg2rad(angles)).swapaxes(1, 2)
        other = rotations(np.deg2rad(rng.uniform(-10, 10, (len(people), 3)))).swapaxes(1, 2)

        def image(faces: Array, turns: Array) -> Array:
            return 100.0 * (faces @ turns)[..., :2] + 128.0

        def noisy(points: Array) -> Array:
            return points + 100 * NOISE * rng.standard_normal(points.shape)

        self.clean_neutral = image(people, turn)
        self.full = image(people + displacement, turn)
        self.low = noisy(image(people + self.intensity[:, None, None] * displacement, turn))
        self.shown_full = noisy(self.full)
        self.shown_neutral = noisy(self.clean_neutral)
        self.neutral = noisy(image(people, other))


def error(points: Array, truth: Array) -> float:
    """Mean distance over points and faces."""
    return float(np.linalg.norm(points - truth, axis=2).mean())


def baselines(truth: Truth, gold: Truth, model: ExpressionModel) -> dict[str, float]:
    """Errors of methods without a prior, at known intensity and with the known label."""
    frame = model.frame
    low, pose = frame.frontal(truth.low)
    own = frame.frontal(truth.neutral)[0]
    left = 1.0 - truth.intensity
    full, zero = frame.frontal(gold.shown_full)[0], frame.frontal(gold.shown_neutral)[0]
    mean = np.stack([(full - zero)[gold.label == e].mean(0) for e in range(len(EMOTIONS))])
    quadratic = np.empty_like(truth.low)
    for row, (points, label) in enumerate(zip(truth.low, truth.label, strict=True)):
        example = gold.shown_full[np.flatnonzero(gold.label == label)[row % 20]]
        quadratic[row] = apply_calibration(*calibrate(None, example, None, points), points)
    noise = 100 * NOISE * np.random.default_rng(0).standard_normal((20000, 2))
    return {
        "noise floor": float(np.linalg.norm(noise, axis=1).mean()),
        "published quadratic, gold of the true emotion": error(quadratic, truth.full),
        "mean displacement, label and intensity known": error(
            truth.low + frame.in_image(left[:, None] * mean[truth.label], pose), truth.full
        ),
        "plain stretch, neutral and intensity known": error(
            truth.low + frame.in_image((left / truth.intensity)[:, None] * (low - own), pose),
            truth.full,
        ),
    }


def report(title: str, truth: Truth, gold: Truth, model: ExpressionModel) -> None:
    """Print one table."""
    nothing = error(truth.low, truth.full)
    print(f"\n{title}: {len(truth.low)} people, doing nothing {nothing:.2f} % inter-ocular")
    for name, value in baselines(truth, gold, model).items():
        print(f"  {name:52s} {value / nothing:.3f}")
    for known, neutral in (("neutral known", truth.neutral), ("neutral unknown", None)):
        for label, emotion in (("label known", truth.names), ("label unknown", None)):
            made = model.intensify(truth.low, 1.0, emotion, neutral)
            print(
                f"  ExpressionModel, {known + ', ' + label:35s} "
                f"{error(made, truth.full) / nothing:.3f}"
            )
    for known, neutral in (("neutral known", truth.neutral), ("neutral unknown", None)):
        low, full = (model.estimate(p, neutral) for p in (truth.low, truth.shown_full))
        rows = np.arange(len(truth.label))
        off = low.intensity - truth.intensity
        labelled = low.intensities[rows, truth.label] - truth.intensity
        right = [(e.probability.argmax(1) == truth.label).mean() for e in (low, full)]
        print(
            f"  {known}: intensity error {np.abs(off).mean():.3f} (bias {off.mean():+.3f}), "
            f"label known {np.abs(labelled).mean():.3f}; the full face reads "
            f"{full.intensity.mean():.2f}; recognised low {right[0]:.3f}, full {right[1]:.3f}"
        )
        print(
            f"  {known}: no named emotion low {(low.unnamed > 0.5).mean():.3f}, "
            f"full {(full.unnamed > 0.5).mean():.3f}"
        )
        if neutral is None:
            taken = error(truth.shown_full, truth.clean_neutral)
            print(
                f"  neutral estimated from the full face, as a share of taking that itself "
                f"{error(full.neutral, truth.clean_neutral) / taken:.3f}"
            )


def drift(truth: Truth, model: ExpressionModel) -> None:
    """Dial 0 → 1.5 → 0, every step from the points of the one before alone."""
    for title, emotion, neutral in (
        ("emotion given, neutral unknown", truth.names, False),
        ("emotion not given, neutral unknown", None, False),
        ("emotion given, neutral known", truth.names, True),
        ("emotion not given, neutral known", None, True),
    ):
        start = model.intensify(truth.low, 0.0, emotion, truth.neutral if neutral else None)
        own = start if neutral else None
        up = model.intensify(start, 1.5, emotion, own)
        back = model.intensify(up, 0.0, emotion, own)
        off = np.linalg.norm(back - start, axis=2).mean(1)
        print(
            f"  drift, {title:36s} mean {off.mean():.5f} %, worst {off.max():.3f} %, "
            f"above 0.1 % {100 * (off > 0.1).mean():.2f} % of faces; "
            f"dial moved {np.linalg.norm(up - start, axis=2).mean():.2f} %"
        )


def heads(model: FaceModel, expression: ExpressionModel, count: int, seed: int) -> None:
    """Faces at one yaw and pitch, to full intensity, label known."""
    for angles in ((0.0, 0.0), (30.0, 0.0), (30.0, 20.0)):
        truth = Truth(model, "styles", count, np.random.default_rng(seed), angles)
        nothing = error(truth.low, truth.full)
        for known, neutral in (("neutral known", truth.neutral), ("neutral unknown", None)):
            off = expression.estimate(truth.low, neutral).intensity - truth.intensity
            made = expression.intensify(truth.low, 1.0, truth.names, neutral)
            print(
                f"  yaw ±{angles[0]:.0f}°, pitch ±{angles[1]:.0f}°, {known}: intensity error "
                f"{np.abs(off).mean():.3f}, landmarks {error(made, truth.full) / nothing:.3f}"
            )


def closed_lips(model: FaceModel, expression: ExpressionModel, rng: np.random.Generator) -> None:
    """Neutral faces with lips touching, to surprise at 1: inner-lip gap against the truth.

    600 people, no turns; face and own neutral have noise of their own, which keeps lips closed.
    """
    people = sample_identities(model, 600, rng)
    middle = (people[:, 61:64] + people[:, [67, 66, 65]]) / 2
    people[:, 61:64], people[:, [67, 66, 65]] = middle, middle
    for sampler in ("styles", "prototypes"):
        full = (
            sample_displacements(model, "surprise", 600, rng, stray=0)[0]
            if sampler == "styles"
            else prototypes(model, "surprise", 600, rng)
        )
        neutral, truth = 100 * people[..., :2], 100 * (people + full)[..., :2]
        noise = 100 * NOISE * rng.standard_normal((2, *neutral.shape))
        noise[:, :, [67, 66, 65]] = noise[:, :, 61:64]
        start, own = neutral + noise

        def gap(points: Array) -> Array:
            return (points[:, [67, 66, 65], 1] - points[:, 61:64, 1]).mean(1)

        for known in (True, False):
            made = expression.intensify(start, 1.0, "surprise", own if known else None)
            print(
                f"  closed lips, {sampler}, neutral {'known' if known else 'unknown'}: "
                f"gap {gap(made).mean():.1f} % against {gap(truth).mean():.1f} % in truth"
            )


def main(argv: list[str] | None = None) -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", required=True, help=HELP)
    parser.add_argument("--model", help="model file (default: the one that ships)")
    parser.add_argument("--count", type=int, default=3000, help="people per table")
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args(argv)
    try:
        face_model = read_points_model(options.ict)
        model = ExpressionModel.load(options.model)
    except ValueError as problem:
        print(f"expression_truth: {problem}", file=sys.stderr)
        return 2
    rng = np.random.default_rng(options.seed)
    for sampler in ("styles", "prototypes", "random shapes"):
        truth, gold = (Truth(face_model, sampler, options.count, rng) for _ in range(2))
        report(sampler, truth, gold, model)
        drift(truth, model)
    heads(face_model, model, options.count, options.seed)
    closed_lips(face_model, model, rng)
    return 0


if __name__ == "__main__":
    sys.exit(main())
