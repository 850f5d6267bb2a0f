"""Benchmark: does an edit bring a weak expression nearer to the same person's true full one?

python -m scripts.bench.editor_truth FILMS

FILMS are shards of synthetic people with films from neutral to apex
(`python -m data.people FILMS --per-person 9 --sequences 1 …`). Of each film of a held-out person
(`landmarks.split_of`; nobody of whom the editor was trained on) the picture nearest to a quarter of
the expression is edited to the full one, and compared with the picture nearest to that. Both are
laid over each other by nose and eyes, since heads drift. Told is the landmark error as a share of
doing nothing: of the wanted landmarks by the exact points of both pictures, the wanted motion added
to those of the first; of the wanted landmarks by what the predictor finds in the true picture; of
what it finds in the edited one; and SSIM of the face.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan.editor import Editor
from gan.editor.measuring import face_similarity
from gan.editor.square import after, into, laid_over, square_of
from landmarks.errors import InputError
from landmarks.metrics import inter_ocular_distance
from landmarks.samples import Sample, split_of
from landmarks.shards import read_shards

_WEAK, _FULL = 0.25, 1.0
_NEAR = 0.15
_TURNED = 30.0

Array = NDArray[Any]


class Film(NamedTuple):
    """Pictures of one person in one light: neutral, weak and full."""

    neutral: Sample
    weak: Sample
    full: Sample


def films(path: str, split: str) -> Iterator[Film]:
    """Films of the persons of one split that have a weak and a full picture, head not turned."""
    found: dict[tuple[Any, Any], list[Sample]] = {}
    for sample in read_shards(path):
        if sample.record.get("sequence") is not None and split_of(sample.record["person"]) == split:
            key = (sample.record["person"], sample.record["sequence"])
            found.setdefault(key, []).append(sample)
    for samples in found.values():
        if abs(samples[0].record["pose"]["yaw"]) > _TURNED:
            continue
        near = [
            min(samples, key=lambda s, at=at: abs(s.record["intensity"] - at))  # type: ignore[misc]
            for at in (0.0, _WEAK, _FULL)
        ]
        off = [
            abs(s.record["intensity"] - at) for s, at in zip(near, (0, _WEAK, _FULL), strict=True)
        ]
        if max(off) <= _NEAR:
            yield Film(*near)


def error(points: Array, truth: Array) -> float:
    """Mean distance of the inner 51 points, in inter-ocular distances, laid over each other."""
    laid = into(laid_over(points, truth), points)
    off = np.linalg.norm(laid[17:] - truth[17:], axis=1)
    return float(off.mean() / inter_ocular_distance(truth))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.editor_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("films", help="shards of data.people with films")
    parser.add_argument("--model", help="of gan.editor.train (default: the editor that ships)")
    parser.add_argument("--split", default="test")
    parser.add_argument("--warp-only", action="store_true")
    parser.add_argument("--once", action="store_true", help="do not correct what is read")
    args = parser.parse_args(argv)
    try:
        _run(args)
    except (InputError, OSError) as problem:
        print(f"{parser.prog}: {problem}", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> None:
    editor = Editor.load(args.model, warp_only=args.warp_only)
    shown = list(films(args.films, args.split))
    if not shown:
        raise InputError(f"{args.films} has no films of {args.split} persons")
    for told, known in (("neutral unknown", False), ("own neutral known", True)):
        rows, lost = [], 0
        for film in shown:
            try:
                rows.append(_measure(editor, film, known, not args.once))
            except ValueError:
                lost += 1
        if not rows:
            raise InputError(f"none of the {len(shown)} films can be edited ({told})")
        table = np.array(rows)
        before, wanted, found, was, now, still, moved = table.mean(axis=0)
        print(
            f"{told}, emotion known: {len(rows)} films of {args.split} persons ({lost} could not "
            f"be edited); landmark error of doing nothing by the exact points {still:.2%}, share "
            f"of it: wanted {moved / still:.2f}; by the predictor {before:.2%}, share of it: "
            f"wanted {wanted / before:.2f}, found again {found / before:.2f}; SSIM of the face to "
            f"the true full picture {was:.3f} before, {now:.3f} edited, nearer in "
            f"{(table[:, 4] > table[:, 3]).mean():.0%}",
            flush=True,
        )


def _measure(editor: Editor, film: Film, known: bool, exact: bool) -> tuple[float, ...]:
    weak, full = film.weak, film.full
    neutral = film.neutral.image if known else None
    edited = editor.edit_faces(
        weak.image,
        emotion=weak.record["emotion"],
        intensity=1.0,
        neutral=neutral,
        faces="largest",
        exact=exact,
        check=True,
    )
    [face] = edited.faces
    places = editor.finder.points(full.image, "the true full picture")
    assert places is not None
    assert face.found is not None
    square = square_of(places)
    across = square._replace(matrix=after(square.matrix, laid_over(face.source, places)))
    truth, shown = square.cut(full.image), into(square.matrix, places)
    was, now = (
        face_similarity(across.cut(image), truth, shown) for image in (weak.image, edited.image)
    )
    return (
        error(face.source, places),
        error(face.wanted, places),
        error(face.found, places),
        was,
        now,
        error(weak.points, full.points),
        # The predictor may have its own idea of where a landmark is: the motion alone is compared.
        error(weak.points + face.wanted - face.source, full.points),
    )


if __name__ == "__main__":
    sys.exit(main())
