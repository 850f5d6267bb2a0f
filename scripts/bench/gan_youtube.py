"""Benchmark: do generated faces of unseen persons have the landmarks that were asked for?

python -m scripts.bench.gan_youtube ZIP MODELDIR --pairs FOLDER --epochs 100

ZIP has frames of YouTube Faces in the layout of `data.youtube_faces`. Pairs of 128 pixels are made
in FOLDER, and a generator is trained on the persons of the training split alone (without --epochs
it is only measured). Persons are split by the first byte h of the SHA-256 of their names, over both
tables of ZIP together: h < 51 test, h < 77 validation, else training. Nobody is in two of them.

Told is the share of held-out faces whose landmarks, found again in the generated picture by dlib,
lie within 5 % of the inter-ocular distance of those asked for, beside the same share for the true
pictures (the most that this ruler can give) and for copies of the training face with the nearest
landmarks. The landmarks asked for are dlib's own in the original frame; a frame in which it finds
none is in no set and is counted. With --points told they are those of ZIP, which follow another
convention than dlib's: there even true pictures mostly miss 5 %.

Further options are handed to gan.train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.pair_set import PairSet, Summary, make_pairs
from data.youtube_faces import youtube_photos
from gan.config import RECIPES, Config
from gan.evaluate import Report, evaluate
from gan.frame import Frame
from gan.train import main as train_command
from landmarks.batch import cores
from landmarks.errors import InputError
from landmarks.ledger import cannot_write

_WANTED = 0.9


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 with one sentence on stderr after bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.gan_youtube",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("zip", help="frames of YouTube Faces")
    parser.add_argument("model", help="the folder of the training run")
    parser.add_argument("--pairs", metavar="FOLDER", required=True, help="for the pairs")
    parser.add_argument("--epochs", type=int, help="left out: only measure")
    parser.add_argument("--recipe", choices=RECIPES, default=Config.recipe,
        help="of the training (%(default)s)")  # fmt: skip
    parser.add_argument("--split", choices=["validation", "test"], default="test")
    parser.add_argument("--points", choices=["detect", "told"], default="detect")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--margin", type=float, default=Frame.margin)
    parser.add_argument("--thickness", type=int, default=Frame.thickness)
    parser.add_argument("--limit", type=int, default=0, help="faces to measure; 0: all")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes that make pairs")
    parser.add_argument("--device")
    args, others = parser.parse_known_args(argv)
    try:
        made = {split: _pairs(args, split) for split in ("train", args.split)}
        if args.epochs is not None:
            code = _train(args, made["train"].folder, others)
            if code:
                return code
        report = evaluate(
            args.model,
            made[args.split].folder,
            train=made["train"].folder,
            limit=args.limit,
            device=args.device,
            progress=True,
        )
        _tell(args, made[args.split], report)
        _draw(report, Path(args.pairs, f"worst_{args.split}_{args.points}.png"))
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _pairs(args: argparse.Namespace, split: str) -> Summary:
    photos = youtube_photos(args.zip, points=args.points == "told")
    frame = Frame(args.size, args.margin, thickness=args.thickness)
    folder = Path(args.pairs, f"{split}_{args.points}_{args.size}")
    target = PairSet(str(folder), frame, photos, split, Path(args.zip).name)
    summary = make_pairs(target, jobs=args.jobs, resume=True, progress=True)
    print(summary, flush=True)
    return summary


def _train(args: argparse.Namespace, folder: str, others: list[str]) -> int:
    given = [folder, str(args.epochs), args.model, "--recipe", args.recipe]
    given += ["--size", str(args.size)]
    if args.device is not None:
        given += ["--device", args.device]
    if "--held-out" not in others:
        given += ["--held-out", "0.02"]  # for the sample grids; the test persons are not here
    return train_command([*given, *others])


def _tell(args: argparse.Namespace, made: Summary, report: Report) -> None:
    scores = report.scores
    held = scores["generated"]
    asked = "dlib's in the original frame" if args.points == "detect" else "those of the zip file"
    print(f"\n{args.split} persons, never trained on; landmarks asked for: {asked}")
    if made.without_face:
        print(f"{made.without_face} more frames are in no set: dlib finds no face in them")
    if made.unusable:
        print(f"{made.unusable} more frames could not be used")
    print(f"{held.pairs} faces of {held.persons} persons at {args.size} pixels")
    print(report.table())
    for note in report.notes:
        print(note)
    floor = scores["true"].within
    print(
        f"landmark error up to 5 %: generated {100 * held.within:.1f} %, true pictures"
        f" {100 * floor:.1f} %, nearest copies {100 * scores['nearest copy'].within:.1f} %;"
        f" generated / true {held.within / floor if floor else float('nan'):.3f};"
        f" wanted {100 * _WANTED:.0f} %: {'reached' if held.within >= _WANTED else 'not reached'}"
    )
    print(report.verdict, flush=True)


def _draw(report: Report, sheet: Path) -> None:
    try:
        report.write_worst(sheet)
    except OSError as error:
        raise cannot_write(sheet, error) from None
    print(f"{sheet}: the worst faces")


if __name__ == "__main__":
    sys.exit(main())
