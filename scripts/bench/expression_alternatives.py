"""Command: python -m scripts.bench.expression_alternatives --ict FOLDER

Other ways to make an expression stronger, against the same exact truth as
`scripts.bench.expression_truth`: each method predicts what is missing to the full expression, in
the frontal frame of the shipped model, from the displacement (neutral known) or from the face
(neutral unknown). Trained on people and expressions of their own; some minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from calibration.action_units import EMOTIONS
from calibration.expression import ExpressionModel
from calibration.fitting import learn_surface
from calibration.gaussian import Array, DialPosterior, observation
from calibration.learning import Lesson, pooled
from scripts.bench.expression_truth import Truth, error
from scripts.bench.ict_points import HELP, read_points_model

Predictor = Callable[[Array, Array], Array]
STRENGTHS = np.arange(0.05, 1.55, 0.1)


class Task:
    """Frontal inputs, labels and missing displacements of some people."""

    def __init__(self, truth: Truth, model: ExpressionModel) -> None:
        frame = model.frame
        self.truth, self.frame = truth, frame
        self.face, self.pose = frame.frontal(truth.low)
        self.own = frame.frontal(truth.neutral)[0]
        self.shown = self.face - self.own
        self.label = np.eye(len(EMOTIONS))[truth.label]
        full = frame.frontal(truth.full)[0] - frame.frontal(truth.clean_neutral)[0]
        self.full = full
        self.missing = (1.0 - truth.intensity)[:, None] * full

    def share(self, missing: Array) -> float:
        """Error after adding what a method found missing, over that of adding nothing."""
        made = self.truth.low + self.frame.in_image(missing, self.pose)
        return error(made, self.truth.full) / error(self.truth.low, self.truth.full)


def regression(kind: str, train: Task, inputs: Array, labels: bool, seed: int) -> Predictor:
    """A predictor of what is missing; with `labels` one per emotion, or one with labels given."""
    scale = inputs.std()
    if kind == "network":
        basis = np.linalg.svd(train.missing[:4000], full_matrices=False)[2][:40]
        unit = (train.missing @ basis.T).std()
        given = np.hstack([inputs / scale, train.label]) if labels else inputs / scale
        network = MLPRegressor(
            hidden_layer_sizes=(128, 128),
            alpha=1e-3,
            max_iter=40,
            early_stopping=True,
            random_state=seed,
        )
        network.fit(given, train.missing @ basis.T / unit)
        return lambda x, label: (
            network.predict(np.hstack([x / scale, label]) if labels else x / scale) * unit @ basis
        )
    groups = [train.label[:, e] > 0 for e in range(len(EMOTIONS))] if labels else [slice(None)]
    fitted = []
    for group in groups:
        method = PLSRegression(20) if kind == "pls" else Ridge(1e-3 * len(inputs) * scale**2)
        fitted.append(method.fit(inputs[group], train.missing[group]))
    if not labels:
        return lambda x, label: fitted[0].predict(x)
    return lambda x, label: sum(label[:, [e]] * fitted[e].predict(x) for e in range(len(groups)))


def gaussians(model: ExpressionModel, lesson: Lesson, one_each: bool, own: bool) -> Predictor:
    """Posterior of strength and displacement under the lesson's mixture, label known."""
    parts = model.populations[0].parts
    noise = lesson.repeats if own else lesson.identity
    observe, remaining = observation(noise + 1e-6 * np.eye(136), parts.basis)
    engines = []
    for e in range(len(EMOTIONS)):
        mine = [c for c in lesson.components if c.emotion == e]
        pairs = (
            [pooled(lesson.components, e)] if one_each else [(c.mean, c.covariance) for c in mine]
        )
        engines.append(
            (
                DialPosterior(
                    np.full(len(pairs), 1 / len(pairs)),
                    np.stack([m @ parts.basis for m, _ in pairs]),
                    np.stack(
                        [
                            parts.basis.T @ c @ parts.basis + 1e-7 * np.eye(parts.basis.shape[1])
                            for _, c in pairs
                        ]
                    ),
                    observe,
                    remaining,
                    STRENGTHS,
                    np.full(len(STRENGTHS), 1 / len(STRENGTHS)),
                ),
                len(pairs),
            )
        )

    def predict(x: Array, label: Array) -> Array:
        out = np.zeros_like(x)
        for e, (engine, count) in enumerate(engines):
            mine, pool = label[:, e] > 0, np.arange(count)
            log, white, share = engine.evidence(x[mine], pool)
            mixing = np.exp(log - log.max(0))
            mixing /= mixing.sum(0)
            strength = (mixing[..., None] * share).sum(0) @ STRENGTHS
            full = engine.expected(white, share, mixing, pool) @ parts.basis.T
            out[mine] = (1 - strength)[:, None] * full
        return out

    return predict


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", required=True, help=HELP)
    parser.add_argument("--count", type=int, default=18000, help="people to train on")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        face_model = read_points_model(options.ict)
    except ValueError as problem:
        print(f"expression_alternatives: {problem}", file=sys.stderr)
        return 2
    model = ExpressionModel.load()
    rng = np.random.default_rng(options.seed)
    train = Task(Truth(face_model, "styles", options.count, rng), model)
    tests = [
        Task(Truth(face_model, s, 3000, np.random.default_rng(1000)), model)
        for s in ("styles", "prototypes")
    ]
    lesson = learn_surface(face_model, options.seed)[1]
    mean = model.populations[0].mean

    def show(name: str, predict: Callable[[Task], Array]) -> None:
        print(f"{name:64s} " + " ".join(f"{t.share(predict(t)):.3f}" for t in tests), flush=True)

    def nothing(t: Task) -> Array:
        return 0 * t.missing

    def truth(t: Task) -> Array:
        return t.missing

    def stretched(t: Task, basis: Array) -> Array:
        return (1 / t.truth.intensity - 1)[:, None] * (t.shown @ basis.T @ basis)

    groups = train.truth.label
    bilinear = [
        Ridge(1.0).fit(train.own[groups == e] - mean, train.full[groups == e])
        for e in range(len(EMOTIONS))
    ]

    def by_identity(t: Task) -> Array:
        full = [
            label[:, None] * method.predict(t.own - mean)
            for label, method in zip(t.label.T, bilinear, strict=True)
        ]
        return (1 - t.truth.intensity)[:, None] * np.sum(full, 0)

    def given(t: Task, own: bool) -> Array:
        return t.shown if own else t.face - mean

    def predicted(t: Task, predict: Predictor, own: bool) -> Array:
        return predict(given(t, own), t.label)

    print(f"{'':64s} styles prototypes")
    show("nothing", nothing)
    show("true displacement and intensity (what noise leaves)", truth)
    for size in (10, 20, 40):
        basis = np.linalg.svd(train.full[:6000], full_matrices=False)[2][:size]
        show(
            f"stretch in {size} principal components, neutral, intensity known",
            partial(stretched, basis=basis),
        )
    show("bilinear, identity by emotion: neutral, label, intensity known", by_identity)
    for own in (True, False):
        what = f"neutral {'known' if own else 'unknown'}"
        for title, one in (("one Gaussian per emotion", True), ("Gaussian per style", False)):
            predict = gaussians(model, lesson, one, own)
            show(
                f"{title}, posterior: {what}, label known",
                partial(predicted, predict=predict, own=own),
            )
        for kind in ("ridge", "pls", "network"):
            for labels in (True, False):
                predict = regression(kind, train, given(train, own), labels, options.seed)
                show(
                    f"{kind}: {what}, label {'known' if labels else 'unknown'}",
                    partial(predicted, predict=predict, own=own),
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
