"""Command: python -m scripts.bench.classifier_folds DATADIR OUT

The classifier's recipe beside landmarks + SVM and the majority class, each face tested once: the
persons are dealt into folds, and the persons of one fold are tested by what learnt from the others
(a seventh of which, again whole persons, chooses the best weights and the temperature). This is the
figure to compare recipes by where a class has twenty pictures: one split tests four of them.

The landmark network that `small` begins with has learnt points, never emotions, of photographs of
training persons (`landmarks.split_of`); some of those are tested here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from classifier.config import SVM, Config
from classifier.dataset import Faces, landmarks_file, load_faces
from classifier.landmark_svm import LandmarkSvm
from classifier.model import load_classifier
from classifier.preparation import Reading, for_classes
from classifier.report import compared, majority, measured, table
from classifier.splits import folds
from classifier.temperature import fit_temperature, softmax
from classifier.train import add_reading
from classifier.training import train_on
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.runs.options import Options


def main(argv: list[str] | None = None) -> int:
    """Print the table, and write OUT/folds.json."""
    args = _parser().parse_args(argv)
    reading = Reading(
        args.scheme, args.persons, args.contempt, tuple(args.without), args.least_intensity
    )
    settings = dict(text.split("=") for text in args.set)
    numbers = {name: float(value) for name, value in settings.items()}
    config = Config(
        epochs=args.epochs, side=args.side, least=args.least_intensity, settings=numbers
    )
    try:
        entries = reading.entries(args.datadir)
        config = for_classes(config, [entry.emotion for entry in entries])
        look: dict[str, Any] = {"side": config.side, "channels": config.channels}
        faces = load_faces(entries, cache=args.cache or landmarks_file(args.out), **look)
        further = [load_faces(reading.entries(source), **look) for source in args.also]
        results = judge(faces, further, config, args.folds, Path(args.out))
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    with replacing(Path(args.out) / "folds.json") as handle:
        handle.write(json.dumps(results, indent=1) + "\n")
    return 0


def judge(
    faces: Faces, further: list[Faces], config: Config, count: int, out: Path
) -> dict[str, Any]:
    """Train and test fold by fold; a fold that is finished is not trained again."""
    classes = config.emotions
    labels = faces.labels(classes)
    shares = {name: np.zeros((len(faces), len(classes))) for name in ("small", "landmarks + SVM")}
    tested = np.zeros(len(faces), bool)
    for number, (train, test) in enumerate(folds(faces.emotions, faces.persons, count)):
        taught = faces.take(train)
        learn, choose = next(folds(taught.emotions, taught.persons, 7, seed=1))
        model = out / f"fold{number}"
        options = Options(device="cpu", log_every=50)
        train_on([taught.take(learn), *further], taught.take(choose), model, config, options)
        tested[test] = True
        shares["small"][test] = load_classifier(model, device="cpu").judge(faces.take(test))
        svm = Config(network=SVM).settings
        machine, whole = (
            LandmarkSvm.fit(faces.points[rows], labels[rows], len(classes), **svm)
            for rows in (train[learn], train)
        )
        rows = train[choose]
        chosen = machine.scores(faces.points[rows])
        temperature = fit_temperature(chosen, labels[rows], faces.take(rows).persons)
        said = whole.scores(faces.points[test])
        shares["landmarks + SVM"][test] = softmax(said, temperature)
    judged = faces.take(tested)
    shares = {name: values[tested] for name, values in shares.items()}
    shares["majority class"] = majority(list(faces.emotions), classes, len(judged))
    results = {name: measured(values, judged, classes) for name, values in shares.items()}
    for line in table(results, judged):
        print(line)
    print("recalls:", results["small"]["recall"])
    print("recalls of landmarks + SVM:", results["landmarks + SVM"]["recall"])
    against = compared(shares["small"], shares["landmarks + SVM"], judged, classes)
    print("against landmarks + SVM:", against)
    answers = {
        "person": judged.persons,
        "emotion": judged.emotions,
        **{name: values.round(4).tolist() for name, values in shares.items()},
    }
    return {
        "folds": count,
        "results": results,
        "against landmarks + SVM": against,
        "classes": classes,
        "answers": answers,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("datadir", help="labelled faces, as for classifier.train")
    add("out", help="folder of the runs")
    add("--also", nargs="+", default=[], metavar="DATADIR", help="further sets, which only teach")
    add("--epochs", type=int, default=14)
    add("--folds", type=int, default=5)
    add("--side", type=int)
    add("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="numbers of the recipe")
    add_reading(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
