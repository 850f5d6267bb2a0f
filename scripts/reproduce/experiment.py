"""What the command does: both halves of the experiment, stage by stage, and the page."""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from calibration.action_units import EMOTIONS
from calibration.estimate import FarFaceWarning
from landmarks.errors import InputError
from scripts.reproduce import fingerprints, landmark_road
from scripts.reproduce.arms import face_model
from scripts.reproduce.landmark_tables import tabulate
from scripts.reproduce.photographs import (
    Photographs,
    UnfitSet,
    frontal_enough,
    read_photographs,
    readable,
)
from scripts.reproduce.protocols import protocols_of
from scripts.reproduce.stages import Stages, measured

_RENDERED = (
    "Of synthetic people (persons called synthetic …) a “photograph” is a rendered picture, and "
    "“true” means that no method treated here has made it."
)


class _Sets(NamedTuple):
    """What was read; `rendered` are synthetic people, who alone teach a further classifier.

    `pictures` are digests of the picture files of both.
    """

    found: Photographs
    rendered: Photographs | None
    pictures: tuple[str, ...]


def run(args: argparse.Namespace, command: str) -> None:
    """Do the experiment.

    Parameters
    ----------
    args : argparse.Namespace
        As the command's parser gives them.
    command : str
        What was typed, for the page.

    Raises
    ------
    InputError
        The set or a setting cannot be used, or the set serves for neither half; a report that was
        there before is left alone.
    OSError
        The folder cannot be written.
    """
    if missing := _missing("jinja2", "matplotlib"):
        raise InputError(f"the report needs {missing}: pip install -e '.[dev]'")
    from scripts.reproduce.report import PAGE, write_report

    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    sets, cost = measured(lambda: _read(args, folder))
    found = sets.found
    settings = _settings(args, sets)
    stages = Stages(
        folder / "work", settings, resume=args.resume is not None, anew=args.resume == "anew"
    )
    stages.tell("reading the set", cost)
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FarFaceWarning)
        frontal = frontal_enough(found, face_model())
        tables = _on_landmarks(frontal, stages, args, notes)
        pictures = _on_pictures(sets, frontal, stages, args, notes)
    if not tables and pictures is None:
        raise InputError(" ".join(notes) or f"{found.name} serves for neither half")
    if found.rendered:
        notes.append(_RENDERED)
    for note in notes:
        _tell(note)
    results = {
        "settings": settings,
        "data": {
            "name": found.name,
            "photographs": len(frontal),
            "persons": len(set(frontal.person.tolist())),
            "left_out": frontal.left_out,
            "emotions": dict(sorted(Counter(frontal.emotion.tolist()).items())),
        },
        "landmarks": tables,
        "pictures": pictures,
        "notes": notes,
        "stages": list(stages.done.values()),
    }
    write_report(folder, results, command)
    _tell(f"report       {folder / PAGE}")


def _read(args: argparse.Namespace, folder: Path) -> _Sets:
    found = read_photographs(
        args.data,
        EMOTIONS,
        scheme=args.scheme,
        persons="name" if args.persons_by_name else "auto",
        most=args.persons,
        cache=folder / "landmarks.npz",
    )
    if args.landmarks_only:
        return _Sets(found, None, ())
    found, digest = readable(found)
    if not args.synthetic:
        return _Sets(found, None, (fingerprints.short(digest),))
    rendered, other = readable(read_photographs(args.synthetic, EMOTIONS))
    if rendered.entries is None:
        raise InputError(f"{args.synthetic} has no pictures")
    return _Sets(found, rendered, (fingerprints.short(digest), fingerprints.short(other)))


def _settings(args: argparse.Namespace, sets: _Sets) -> dict[str, Any]:
    """All that the outcomes depend on."""
    both = (sets.found, sets.rendered)
    weights = fingerprints.of_weights(pictures=not args.landmarks_only)
    return {
        "data": str(Path(args.data).resolve()),
        "scheme": args.scheme,
        "persons_by_name": args.persons_by_name,
        "photographs": len(sets.found),
        "folds": args.folds,
        "seed": args.seed,
        "persons": args.persons,
        "cost": landmark_road.COST,
        "landmarks_only": args.landmarks_only,
        "drawn_by": args.drawn_by,
        "synthetic": args.synthetic and str(Path(args.synthetic).resolve()),
        "lessons": args.lessons,
        "generator_epochs": args.generator_epochs,
        "filters": args.filters,
        "network": args.network,
        "classifier_steps": args.classifier_steps,
        "SHA-256 of landmarks and labels": [
            fingerprints.of_faces(one) for one in both if one is not None
        ],
        "SHA-256 of pictures": list(sets.pictures),
        **{f"SHA-256 of {name}": digest for name, digest in weights.items()},
    }


def _on_landmarks(
    frontal: Photographs, stages: Stages, args: argparse.Namespace, notes: list[str]
) -> list[dict[str, Any]]:
    """A table for each protocol that the set has the photographs for."""
    tables = []
    # Small matrices: more threads only wait for one another, and add in another order.
    with threadpool_limits(1):
        for protocol in protocols_of(frontal):
            try:
                work = _protocol(frontal, protocol, args)
                tables.append(stages.run(f"landmarks, {protocol}", work))
            except UnfitSet as error:
                notes.append(f"No experiment on landmarks, {protocol}: {error}.")
    return tables


def _protocol(
    frontal: Photographs, protocol: str, args: argparse.Namespace
) -> Callable[[], dict[str, Any]]:
    def work() -> dict[str, Any]:
        answers = landmark_road.run(
            frontal, protocol, EMOTIONS, count=args.folds, seed=args.seed, tell=_tell
        )
        table = tabulate(answers, protocol, EMOTIONS)
        aim = table["aim"]
        below = aim["below_ceiling"][0]
        _tell(
            f"{protocol}: {100 * aim['accuracy'][0]:.1f} % recognised, "
            f"{100 * aim['gain']['raw'][0]:+.1f} points over raw, "
            f"{100 * abs(below):.1f} {'below' if below > 0 else 'above'} the ceiling "
            f"({table['weak']} weak faces)"
        )
        return table

    return work


def _on_pictures(
    sets: _Sets, frontal: Photographs, stages: Stages, args: argparse.Namespace, notes: list[str]
) -> dict[str, Any] | None:
    """The half on pictures, where it can be done; else a note."""
    if sets.found.entries is None:
        notes.append("The set has no pictures that can be read: no half on pictures.")
        return None
    if args.landmarks_only:
        return None
    if missing := _missing("torch", "accelerate", "safetensors", "tensorboard"):
        notes.append(f"No half on pictures: {missing} is not installed.")
        return None
    from scripts.reproduce.drawings import draw_all
    from scripts.reproduce.picture_road import FEW, Pupils, Road
    from scripts.reproduce.pictures import Painter, divide

    rendered = sets.rendered and frontal_enough(sets.rendered, face_model())
    painter = Painter(
        stages.room("generator"), args.generator_epochs, args.filters, args.seed, _tell
    )
    pupils = Pupils(args.network, args.classifier_steps, args.seed, args.lessons)
    try:
        division = divide(sets.found, args.seed)
        road = Road(frontal, division, EMOTIONS, stages, pupils, rendered, _tell)
        pictures = draw_all(road, sets.found, painter, args.drawn_by)
    except UnfitSet as error:
        notes.append(f"No half on pictures: {error}.")
        return None
    if len(pictures["persons"]["train"]) < FEW:
        notes.append(
            "The half on pictures shows that the road works, and no more: "
            f"{len(pictures['persons']['train'])} persons are too few to learn faces from."
        )
    return pictures


def _missing(*packages: str) -> str:
    """Names of those that are not installed."""
    return ", ".join(name for name in packages if importlib.util.find_spec(name) is None)


def _tell(line: str) -> None:
    print(line, flush=True)
