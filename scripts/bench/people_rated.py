"""Command: python -m scripts.bench.people_rated --ict FOLDER --rated CSV [--rendered SHARDS]

Are the expressions of the synthetic people those of real ones? A support-vector machine learns
the six emotions from landmark displacements of synthetic people alone and names those of real
performers: each face and its person's own neutral are aligned, and their difference at the inner
51 points, without what differs left from right and without what small turns of the head do,
counts by its direction only, that of the mouth less than the rest. A second row learns from the
same displacements after they were given mean and spread of the development half's photographs,
without their labels (CORAL; Sun, Feng, Saenko, "Return of Frustratingly Easy Domain Adaptation",
AAAI 2016). With --rendered, another machine learns from what dlib finds in the
frontal, uncovered pictures of a rendered set, as it found the performers' landmarks.

The performers are divided by person. The expressions were designed with an eye on the development
half, so that only the report half tells what to expect of new people. Beside it stand the same
machine trained on real performers (the other half; and folds of all of them, no person in both
training and test), on synthetic people with shuffled labels, and chance.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import (
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.svm import SVC

from calibration.action_units import EMOTIONS
from calibration.build import read_rated
from calibration.procrustes import align_similarity
from calibration.synthesis import FaceModel, rotations
from data.people.plan import NEUTRAL, Settings, people, plan
from landmarks import detect
from landmarks.errors import InputError
from landmarks.scheme import MIRROR
from landmarks.shards import read_shards
from scripts.bench.ict_points import HELP, read_points_model
from scripts.bench.people_points import is_plain

Array = npt.NDArray[np.float64]
INNER = slice(17, 68)  # dlib's jaw points are unreliable
# A predictor errs toward other people's faces (in standard deviations), and a little at each point
# (in outer eye distances). Set by hand, to scatter about as dlib's points do between photographs of
# one neutral face; no command measures that.
OTHERS, NOISE = 0.5, 0.005
WEAKEST = 0.3  # intensity below which a synthetic expression teaches nothing
MOUTH = 0.6  # weight of the mouth, which moves farther than all else
RIDGE = 1e-3  # of the covariances
# Set by hand: each the best of a few that were tried on the development half.
COST, COST_REAL = 1.0, 3.0
FOLDS = 8


class Displacements(NamedTuple):
    """What the machine sees.

    Attributes
    ----------
    directions : (n, 102) float array
        Unit length.
    label : (n,) int array
        Index into `EMOTIONS`.
    person : (n,) str array
    """

    directions: Array
    label: npt.NDArray[np.intp]
    person: npt.NDArray


def displacements(
    landmarks: Array, emotion: Array, person: Array, face: Array, *, whole: bool = False
) -> Displacements:
    """Directions in which faces (n, 68, 2) differ from the mean neutral face of their person.

    Parameters
    ----------
    landmarks, emotion, person
        (n, 68, 2), (n,) and (n,) arrays.
    face : (68, 3) float array
        A mean face: what to align with, and how turns of the head move its points.
    whole : bool, optional
        Keep the difference of left and right, the turns, and the mouth as it is.
    """
    inner = landmarks[:, INNER]
    aligned = align_similarity(inner, face[INNER, :2]).apply(inner)
    own = np.empty_like(aligned)
    for who in np.unique(person):
        mine = person == who
        own[mine] = aligned[mine & (emotion == NEUTRAL)].mean(axis=0)
    posed = np.isin(emotion, EMOTIONS)
    moved = (aligned - own)[posed]
    if not whole:
        other = np.array(MIRROR[INNER]) - INNER.start
        moved = (moved + moved[:, other] * [-1.0, 1.0]) / 2
    moved = moved.reshape(len(moved), -1)
    if not whole:
        turns = np.linalg.qr(_turns(face).T)[0]
        moved -= moved @ turns @ turns.T
        moved[:, 2 * (48 - INNER.start) :] *= MOUTH
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return Displacements(moved, np.searchsorted(EMOTIONS, emotion[posed]), person[posed])


def _turns(face: Array) -> Array:
    """How the aligned inner points (2, 102) of a face move as the head yaws and pitches."""
    flat = face[INNER, :2]
    turned = face @ rotations(np.deg2rad([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])).swapaxes(1, 2)
    seen = turned[:, INNER, :2]
    return (align_similarity(seen, flat).apply(seen) - flat).reshape(2, -1)


def photograph_people(model: FaceModel, count: int, seed: int) -> tuple[Array, Array, Array]:
    """Landmarks (n, 68, 2), emotion (n,) and person (n,) of plans, as a predictor sees them."""
    settings = Settings.of(model, seed=seed, people=count, frontal=True)
    rng = np.random.default_rng(seed)
    landmarks, emotion, person = [], [], []
    for number in range(count):
        identity = people(seed, number, settings.identities).identity
        neutral = model.neutral + np.tensordot(identity, model.identities, 1)
        for place in range(settings.per_person):
            shown = plan(settings, number * settings.per_person + place)
            clear = shown.emotion in EMOTIONS and shown.second is None
            if shown.emotion == NEUTRAL or (clear and shown.intensity >= WEAKEST):
                face = neutral + np.tensordot(shown.weights, model.expressions, 1)
                error = OTHERS * rng.standard_normal(len(model.identities))
                face += np.tensordot(error, model.identities, 1)
                landmarks.append(_seen(face, (shown.yaw, shown.pitch, shown.roll), rng))
                emotion.append(shown.emotion)
                person.append(f"synthetic {number}")
    return np.array(landmarks), np.array(emotion), np.array(person)


def _seen(face: Array, pose: tuple[float, float, float], rng: np.random.Generator) -> Array:
    """Image (68, 2) of a face under a lens at portrait distance, each point a little off."""
    turned = face @ rotations(np.deg2rad([pose]))[0].T
    depth = turned[:, 2:] - turned[:, 2:].mean()
    distance = rng.uniform(8.0, 20.0)
    return turned[:, :2] * distance / (distance - depth) + rng.normal(0.0, NOISE, (68, 2))


def find_in_rendered(path: str) -> tuple[Array, Array, Array]:
    """Landmarks (n, 68, 2) that dlib finds in a rendered set, emotion (n,) and person (n,)."""
    landmarks, emotion, person = [], [], []
    for sample in read_shards(path):
        record = sample.record
        clear = record["emotion"] in EMOTIONS and record["second_emotion"] is None
        wanted = record["emotion"] == NEUTRAL or (clear and record["intensity"] >= WEAKEST)
        if wanted and is_plain(sample) and (faces := detect(sample.image, faces="largest")):
            landmarks.append(faces[0].points)
            emotion.append(record["emotion"])
            person.append(str(record["person"]))
    at_rest = {who for who, shown in zip(person, emotion, strict=True) if shown == NEUTRAL}
    kept = [k for k, who in enumerate(person) if who in at_rest]
    if len({emotion[k] for k in kept}) < 1 + len(EMOTIONS):
        raise InputError(f"{path}: too few frontal, uncovered faces in which dlib finds landmarks")
    return np.array(landmarks)[kept], np.array(emotion)[kept], np.array(person)[kept]


def spread_as(source: Array, target: Array) -> Array:
    """The source (n, k), moved and stretched to mean and covariance of the target (m, k)."""

    def power(rows: Array, exponent: float) -> Array:
        values, ways = np.linalg.eigh(np.cov(rows.T) + RIDGE * np.eye(rows.shape[1]))
        return (ways * values**exponent) @ ways.T

    centred = source - source.mean(axis=0)
    return centred @ power(source, -0.5) @ power(target, 0.5) + target.mean(axis=0)


def is_development(person: Array) -> npt.NDArray[np.bool_]:
    """Which rows show a performer that the design of the expressions may have looked at."""
    return np.array([hashlib.sha256(str(who).encode()).digest()[0] < 108 for who in person])


def report(title: str, label: npt.NDArray, predicted: npt.NDArray) -> float:
    """Print share recognised and recall of each emotion; return the share."""
    right = float((label == predicted).mean())
    recall = confusion_matrix(label, predicted, labels=range(6), normalize="true").diagonal()
    print(f"{title:72s} {right:5.3f}  " + " ".join(f"{value:5.2f}" for value in recall))
    return right


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", required=True, help=HELP)
    parser.add_argument("--rated", required=True, help="table of rated photographs (csv)")
    parser.add_argument("--people", type=int, default=400, help="synthetic people (default 400)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rendered", help="rendered set of people too: a folder of shards")
    parser.add_argument(
        "--development", action="store_true", help="show the development half alone"
    )
    options = parser.parse_args(argv)
    try:
        model, rated = read_points_model(options.ict), read_rated(options.rated)
        made = photograph_people(model, options.people, options.seed)
        found = find_in_rendered(options.rendered) if options.rendered else None
    except ValueError as problem:
        print(f"people_rated: {problem}", file=sys.stderr)
        return 2
    photographs = (rated.landmarks, rated.emotion, rated.person, model.neutral)
    real, whole = displacements(*photographs), displacements(*photographs, whole=True)
    synthetic = displacements(*made, model.neutral)
    development = is_development(real.person)
    print(
        f"{len(synthetic.label)} expressions of {options.people} synthetic people; "
        f"{len(real.label)} of {len(np.unique(real.person))} performers, "
        f"{len(np.unique(real.person[development]))} of them in the development half"
    )
    rng = np.random.default_rng(options.seed)
    alike = spread_as(synthetic.directions, real.directions[development])
    machines = {
        "synthetic people": SVC(C=COST).fit(synthetic.directions, synthetic.label),
        "  the same, spread as unlabelled photographs": SVC(C=COST).fit(alike, synthetic.label),
    }
    if found is not None:
        seen = displacements(*found, model.neutral)
        alike = spread_as(seen.directions, real.directions[development])
        machines |= {
            "  rendered, dlib's points": SVC(C=COST).fit(seen.directions, seen.label),
            "  rendered, dlib's points, spread so too": SVC(C=COST).fit(alike, seen.label),
        }
        print(f"{len(seen.label)} rendered expressions in which dlib finds the face")
    mixed = rng.permutation(synthetic.label)
    machines["  labels shuffled"] = SVC(C=COST).fit(synthetic.directions, mixed)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=options.seed)
    parts = {"development half": development}
    if not options.development:
        parts |= {"report half": ~development, "all": np.ones(len(development), bool)}
    print(f"{'trained on → tested on':72s} right  " + " ".join(f"{e[:5]:>5s}" for e in EMOTIONS))
    for part, rows in parts.items():
        directions, label = real.directions[rows], real.label[rows]
        named = {name: machine.predict(directions) for name, machine in machines.items()}
        right = [report(f"{name} → {part}", label, given) for name, given in named.items()]
        best = 0.0
        for what, all_rows in (("", real.directions), (", nothing taken out", whole.directions)):
            within = cross_val_predict(
                SVC(C=COST_REAL), all_rows[rows], label, groups=real.person[rows], cv=folds
            )
            title = f"  other performers of it ({FOLDS} folds{what}) → {part}"
            best = max(best, report(title, label, within))
            if part == "report half":
                others = SVC(C=COST_REAL).fit(all_rows[development], real.label[development])
                title = f"  development half{what} → report half"
                best = max(best, report(title, label, others.predict(all_rows[rows])))
        commonest = np.bincount(label).max() / len(label)
        print(
            f"  synthetic ÷ best real {right[0] / best:.2f}, spread as photographs "
            f"{right[1] / best:.2f}; commonest label {commonest:.3f}"
        )
        first = named["synthetic people"]
        table = confusion_matrix(label, first, labels=range(6), normalize="true")
        for emotion, row in zip(EMOTIONS, table, strict=True):
            print(f"    {emotion:10s} named " + " ".join(f"{value:5.2f}" for value in row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
