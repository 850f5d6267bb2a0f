"""Learn where landmarks most likely go as an expression grows (`gan.editor.likely`).

python -m scripts.build_likely FILMS --rated CSV [-o FILE.safetensors]

FILMS are shards of synthetic people with films from neutral to apex (`python -m data.people FILMS
--sequences 1 …`), CSV is the table of rated photographs of `calibration.build`. Learnt is from the
films of training persons (`landmarks.split_of`), whose points the editor finds in the pictures and
whose motion is known exactly, and from performers, whose expressions are scaled to none, a
quarter, a half and the whole; the neutral face that is given is of other photographs than the one
that is scaled. Both count alike. Told is the landmark error from a weak face to the full one as a
share of doing nothing, as in `scripts.bench.editor_truth`: of validation persons' films and of the
performers of which nothing was learnt (half of them, then the other half). What is written is
learnt from all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.build import read_rated
from calibration.expression import ExpressionModel
from calibration.procrustes import generalized_procrustes
from gan.editor.fine import FinePlacer
from gan.editor.likely import SHIPPED, Numbers, displacement, fit, fit_mean, own_way, rendered_way
from gan.editor.square import into, laid_over
from gan.editor.wish import Target, Wish, as_found
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.metrics import inter_ocular_distance
from landmarks.placing import make_placer
from landmarks.samples import split_of
from landmarks.search import Search
from landmarks.shards import read_shards
from landmarks.views import Views
from scripts.bench.editor_truth import error

Array = NDArray[np.float64]

_LEAST, _TURNED, _NEAR = 0.08, 30.0, 0.15
_PARTS = (0.0, 0.25, 0.5, 1.0)
_NEUTRALS = 0.5
# Weight of neutral faces where what a rendered head shows is learnt: most that are edited are.


class Row(NamedTuple):
    """A face on its way to the full expression: points found, and exact ones."""

    world: str
    film: Any
    person: str
    emotion: int
    part: float
    found: Array
    neutral: Array
    exact: Array
    begin: Array
    full: Array

    @property
    def motion(self) -> Array:
        """From neutral to full, (136,)."""
        return displacement(self.full, self.begin, whole=True)


def film_rows(path: str, split: str, model: ExpressionModel) -> list[Row]:
    """Pictures of the films of one split."""
    films: dict[Any, list[Any]] = {}
    for sample in read_shards(path):
        record = sample.record
        if record.get("sequence") is None or split_of(record["person"]) != split:
            continue
        films.setdefault((record["person"], record["sequence"]), []).append(sample)
    search, fine = Search(), FinePlacer(make_placer(None))
    rows = []
    for key, samples in films.items():
        part = [float(s.record["intensity"]) for s in samples]
        full = min(range(len(part)), key=lambda k: abs(part[k] - 1))
        none = int(np.argmin(part))
        if abs(part[full] - 1) > _NEAR or part[none] > _NEAR:
            continue
        emotion = samples[full].record["emotion"]
        if abs(samples[0].record["pose"]["yaw"]) > _TURNED or emotion not in model.emotions:
            continue
        found = []
        for sample in samples:
            views = Views(sample.image)
            boxes = search(views)
            largest = sorted(boxes, key=lambda box: -box.width * box.height)[:1]
            found += [fine(views, largest)[0].points if boxes else None]
        if found[none] is None:
            continue
        bare = found[none]
        rows += [
            Row(
                "films",
                key,
                str(key[0]),
                model.emotions.index(emotion),
                part[k],
                points,
                model.intensify(points, 0.0, "neutral", bare),
                samples[k].points,
                samples[none].points,
                samples[full].points,
            )
            for k, points in enumerate(found)
            if points is not None
        ]
    return rows


def rated_rows(path: str, model: ExpressionModel) -> list[Row]:
    """Photographs of performers with two neutral photographs or more, scaled."""
    rated = read_rated(path)
    rows = []
    for k in np.flatnonzero(rated.emotion != "neutral"):
        own = np.flatnonzero((rated.emotion == "neutral") & (rated.person == rated.person[k]))
        if len(own) < 2:
            continue
        one = own[k % len(own)]
        others = rated.landmarks[own[own != one]]
        mean = generalized_procrustes(others, tangent=True)[0] if len(others) > 1 else others[0]
        neutral = mean * (100 / inter_ocular_distance(mean))
        full = rated.landmarks[k]
        begin = into(laid_over(rated.landmarks[one], full), rated.landmarks[one])
        for part in _PARTS:
            points = begin + part * (full - begin)
            rows.append(
                Row(
                    "performers",
                    k,
                    str(rated.person[k]),
                    model.emotions.index(str(rated.emotion[k])),
                    part,
                    points,
                    model.intensify(points, 0.0, "neutral", neutral),
                    points,
                    begin,
                    full,
                )
            )
    return rows


def learn(rows: Sequence[Row], model: ExpressionModel) -> Numbers:
    """Numbers of rows of both worlds, which count alike."""
    films = [row for row in rows if row.world == "films"]
    frames = Counter((row.world, row.film) for row in rows)
    each = np.array([1 / frames[row.world, row.film] for row in rows])
    on_film = np.array([row.world == "films" for row in rows])
    weights = each.copy()
    weights[~on_film] *= each[on_film].sum() / each[~on_film].sum()
    triples = [(row.emotion, displacement(row.found, row.neutral), row.motion) for row in rows]
    count = len(model.emotions)
    own = fit(triples, weights, count)
    rendered = fit_mean(
        np.array([row.emotion for row, yes in zip(rows, on_film, strict=True) if yes]),
        np.array([row.motion for row, yes in zip(rows, on_film, strict=True) if yes]),
        each[on_film],
        count,
    )
    read = np.array([_read(row, model) for row in films])
    part = np.array([row.part for row in films])
    still = part <= _LEAST
    root = np.sqrt(np.where(still, _NEUTRALS / still.mean(), (1 - _NEUTRALS) / (~still).mean()))
    given = np.stack([np.ones(len(read)), read], axis=1)
    shown = np.linalg.lstsq(given * root[:, None], part * root, rcond=None)[0]
    return Numbers(own, rendered, shown)


def _read(row: Row, model: ExpressionModel) -> float:
    still = Target(Wish(model.emotions[row.emotion]), model, row.found).still
    assert still is not None
    return still


def share(rows: Sequence[Row], numbers: Numbers, low: float, high: float, read: Any = None) -> str:
    """Landmark error from parts between two of the expression to all of it, as a sentence's end."""
    before, after = [], []
    for row in rows:
        if not low <= row.part <= high:
            continue
        if read is None:
            way = own_way(row.found, row.neutral, row.emotion, numbers=numbers)
        else:
            way = rendered_way(row.found, row.emotion, read(row), _stays, numbers=numbers)
        moved = way(np.ones(1))[0] - row.found
        before.append(error(row.exact, row.full))
        after.append(error(row.exact + moved, row.full))
    return f"{np.mean(after) / np.mean(before):.3f} ({len(before)})" if before else "none"


def _stays(part: Array) -> Array:
    raise AssertionError(f"asked for {part} of what is shown: expected more than it")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.build_likely",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("films", help="shards of data.people with films")
    parser.add_argument("--rated", required=True, help="table of rated photographs")
    parser.add_argument("-o", "--output", default=os.fspath(SHIPPED))
    args = parser.parse_args(argv)
    model = as_found(ExpressionModel.load())
    try:
        taught, judged = (film_rows(args.films, split, model) for split in ("train", "validation"))
        rated = rated_rows(args.rated, model)
        if not taught or not judged:
            raise InputError(f"{args.films} has no films of training and validation persons")
    except (ValueError, OSError) as problem:
        print(f"{parser.prog}: {problem}", file=sys.stderr)
        return 2
    _tell(taught, judged, rated, model)
    _write(learn([*taught, *rated], model), args.output, model)
    return 0


def _tell(
    taught: Sequence[Row], judged: Sequence[Row], rated: Sequence[Row], model: ExpressionModel
) -> None:
    persons = sorted({row.person for row in rated})
    half = set(np.random.default_rng(0).permutation(persons)[: len(persons) // 2])
    for name, asked in (("one half", half), ("the other", set(persons) - half)):
        numbers = learn([*taught, *(row for row in rated if row.person not in asked)], model)
        others = [row for row in rated if row.person in asked]
        print(
            f"performers, {name}, from a quarter {share(others, numbers, 0.2, 0.3)}, "
            f"from a half {share(others, numbers, 0.4, 0.6)}; films of validation persons, "
            f"from 0.1 to 0.4 {share(judged, numbers, 0.1, 0.4)}, "
            f"from 0.4 to 0.7 {share(judged, numbers, 0.4, 0.7)}",
            flush=True,
        )
    told = [
        share(judged, numbers, low, low + 0.3, lambda row: _read(row, model)) for low in (0.1, 0.4)
    ]
    print(f"films of validation persons, neutral unknown: from 0.1 to 0.4 {told[0]}, on {told[1]}")


def _write(numbers: Numbers, path: str, model: ExpressionModel) -> None:
    from safetensors.numpy import save

    told = {
        "emotions": ", ".join(model.emotions),
        "learnt from": "films of synthetic training persons (ICT-FaceKit, USC ICT, MIT) and "
        "landmarks of rated photographs of performers (Taiwan Corpora of Chinese Emotions; "
        "landmarks alone)",
        "command": "python -m scripts.build_likely FILMS --rated CSV",
    }
    stored = {name: np.float32(value) for name, value in numbers._asdict().items()}
    with replacing(Path(path), "wb") as file:
        file.write(save(stored, told))


if __name__ == "__main__":
    sys.exit(main())
