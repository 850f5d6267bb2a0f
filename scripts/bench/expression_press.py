"""Command: python -m scripts.bench.expression_press --ict FOLDER --rated CSV --people ZIP

The expression model on press photographs: unposed, turned heads, labels by a crowd, neutral
unknown. Half of the persons (by a hash of the name) may lend neutral faces to the model, the others
are tested. Reported with and without that help: how a stranger's neutral face reads, how well the
intensity tells an emotion's faces from neutral ones (area under the curve), and how often the
labelled emotion is the most probable of the six.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import sys
import zipfile

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

from calibration.action_units import EMOTIONS
from calibration.build import person_in, read_rated
from calibration.expression import ExpressionModel
from calibration.fitting import build_model, learn_surface
from calibration.gaussian import Array
from landmarks import detect
from scripts.bench.ict_points import HELP, read_points_model


def read_faces(path: str) -> tuple[Array, Array, Array]:
    """Landmarks, emotion and person of every face that is found."""
    points, labels, people = [], [], []
    with zipfile.ZipFile(path) as archive:
        table = io.TextIOWrapper(archive.open("labels.csv"), encoding="utf-8")
        for row in csv.DictReader(table):
            with Image.open(io.BytesIO(archive.read(row["file"]))) as image:
                faces = detect(np.asarray(image.convert("RGB")), faces="largest")
            if faces:
                points.append(faces[0].points)
                labels.append(row["emotion"])
                people.append(person_in(row))
    return np.array(points), np.array(labels), np.array(people)


def report(title: str, model: ExpressionModel, points: Array, label: Array, person: Array) -> None:
    """One table."""
    estimate = model.estimate(points)
    neutral = label == "neutral"
    print(f"\n{title}")
    for k, emotion in enumerate(EMOTIONS):
        mine = label == emotion
        if mine.sum() < 30:
            continue
        read = estimate.intensities[:, k]
        area = roc_auc_score(mine[mine | neutral], read[mine | neutral])
        right = (estimate.probability[mine].argmax(1) == k).mean()
        print(
            f"  {emotion:9s} {mine.sum():4d} faces of {len(np.unique(person[mine])):3d} persons, "
            f"neutral read {read[neutral].mean():.2f}, "
            f"its own {read[mine].mean():.2f}, area {area:.3f}, named {right:.2f}"
        )


def main(argv: list[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", required=True, help=HELP)
    parser.add_argument("--rated", required=True, help="table of rated photographs (csv)")
    parser.add_argument("--people", required=True, help="photographs with labels.csv (zip)")
    options = parser.parse_args(argv)
    try:
        face_model, rated = read_points_model(options.ict), read_rated(options.rated)
        points, label, person = read_faces(options.people)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as problem:
        print(f"expression_press: {problem}", file=sys.stderr)
        return 2
    frame, surface = learn_surface(face_model, 0)
    lent = np.array([hashlib.sha256(name.encode()).digest()[0] < 128 for name in person])
    helpers = np.flatnonzero(lent & (label == "neutral"))
    helpers = helpers[np.unique(person[helpers], return_index=True)[1]]
    print(
        f"{len(points)} faces of {len(np.unique(person))} persons; {len(helpers)} lend a neutral "
        f"face, {len(np.unique(person[~lent]))} are tested"
    )
    photographs = (rated.landmarks, rated.emotion, rated.person, rated.intensity)
    for title, further in (
        ("rated photographs alone", None),
        ("with neutral faces of other persons", points[helpers]),
    ):
        model = build_model(frame, surface, *photographs, {}, further)
        report(title, model, points[~lent], label[~lent], person[~lent])
    return 0


if __name__ == "__main__":
    sys.exit(main())
