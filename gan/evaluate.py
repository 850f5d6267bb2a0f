"""Command: how good the faces of a trained generator are.

python -m gan.evaluate modeldir datadir

Measured are the persons of datadir that training kept out, or, with --train, all its persons. Each
number stands beside that of the true pictures, of a copy of the training face with the nearest
landmarks, and of training pairs. Landmark errors are those of the points that dlib finds again in
the picture, as shares of the inter-ocular distance; a face that is not found is a failure. The last
line is a verdict: untrained, memorising, learning or good (`gan.verdict` has the thresholds).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gan.console import generator_parser, run
from landmarks.errors import InputError

if TYPE_CHECKING:
    from gan.verdict import Scores, Verdict

PROGRAM = "python -m gan.evaluate"

_LIMIT = 500
_ROWS = (
    ("landmarks within 5 %", "within", 100, "{:.1f} %"),
    ("  error of the found, mean", "landmark_mean", 100, "{:.2f} %"),
    ("  error of the found, median", "landmark_median", 100, "{:.2f} %"),
    ("  faces found", "found", 100, "{:.1f} %"),
    ("SSIM", "ssim", 1, "{:.3f}"),
    ("PSNR", "psnr", 1, "{:.2f} dB"),
    ("identity distance", "identity", 1, "{:.3f}"),
    ("  same person (below 0.6)", "same_person", 100, "{:.1f} %"),
    ("Fréchet distance of identities", "frechet", 1, "{:.4f}"),
)


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Attributes
    ----------
    scores : dict
        'generated', 'nearest copy', 'true' (all of held-out faces) and 'training' → Scores.
    verdict : Verdict
    notes : tuple of str
        Sentences: what was left out, and what distance to compare identities with.
    worst : (H, W, 3) uint8 array
        The twenty worst faces, each with its landmarks, true picture and nearest copy.
    fid, kid : dict
        'generated' and 'nearest copy' → distance to the true pictures; empty where Inception's
        weights are not at hand.
    """

    scores: dict[str, Scores]
    verdict: Verdict
    notes: tuple[str, ...]
    worst: NDArray[np.uint8] = field(compare=False, repr=False)
    fid: dict[str, float] = field(default_factory=dict)
    kid: dict[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """The numbers, one line each."""
        heads = list(self.scores)
        lines = [" " * 32 + "".join(f"{head:>15}" for head in heads)]
        for title, name, factor, form in _ROWS:
            values = [getattr(self.scores[head], name) * factor for head in heads]
            told = [form.format(value) if math.isfinite(value) else "–" for value in values]
            lines.append(f"{title:<32}" + "".join(f"{text:>15}" for text in told))
        for title, form, distances in (("FID", ".2f", self.fid), ("KID", ".5f", self.kid)):
            if distances:
                told = [f"{distances[h]:{form}}" if h in distances else "–" for h in heads]
                lines.append(f"{title:<32}" + "".join(f"{text:>15}" for text in told))
        return "\n".join(lines)

    def write_worst(self, path: str | os.PathLike[str]) -> None:
        """Write the worst faces as a .png file.

        Raises
        ------
        OSError
            It cannot be written.
        """
        from gan.marked_png import COMPARISON, write_marked_png

        write_marked_png(path, self.worst, notice=COMPARISON)

    def record(self) -> dict[str, Any]:
        """The report as JSON holds it; null where there is no finite number."""
        scores = {head: _finite(asdict(value)) for head, value in self.scores.items()}
        return {
            "verdict": self.verdict.word,
            "reason": self.verdict.reason,
            "scores": scores,
            "fid": self.fid,
            "kid": self.kid,
            "notes": list(self.notes),
        }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if not isinstance(value, float) or math.isfinite(value) else None
        for name, value in values.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = generator_parser(PROGRAM, __doc__ or "")
    parser.add_argument("data", help="a folder of pairs")
    parser.add_argument(
        "--train",
        metavar="DIR",
        help="the folder that was trained on, if it is another; all persons of DATA must then be"
        " new to the generator",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="report.json; report.png shows the worst twenty"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=_LIMIT,
        help="faces to measure, of held-out and of training persons each; 0 for all held-out ones,"
        " and as many training ones (%(default)s)",
    )
    return parser


def evaluate(
    model: str,
    data: str,
    *,
    train: str | None = None,
    limit: int = _LIMIT,
    device: str | None = "cpu",
    ema: bool = True,
    progress: bool = False,
) -> Report:
    """Measure a generator.

    Parameters
    ----------
    model : str
        A folder of a training run, or a file of weights.
    data : str
        A folder of pairs.
    train : str, optional
        The folder that was trained on, if it is another.
    limit : int, optional
        Faces to measure, of held-out and of training persons each; 0 for all held-out ones, and as
        many training ones.
    device : str or None, optional
        None takes the GPU where there is one.
    ema : bool, optional
        As `load_generator`.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.

    Returns
    -------
    report : Report

    Raises
    ------
    InputError
        The model or the data cannot be used; a person was trained on; dlib finds no face in the
        true pictures.
    """
    from tqdm import tqdm

    from gan import evaluation as ev
    from gan.faces import make_faces
    from gan.held_out import divide
    from gan.identity import descriptors, mean_pairwise_distance
    from gan.inception import inception_distances, missing_inception
    from gan.model_file import load_generator, read_config
    from gan.verdict import judge, require_found
    from gan.worst import draw_worst
    from landmarks.runs.devices import usable_device

    config = read_config(model, ema=ema)  # what can be told without torch is told first
    train_pairs, held_pairs, unsure = divide(data, train, config)
    generator, _ = load_generator(model, device=usable_device(device), ema=ema)
    train_folder = train or data
    wanted = limit or len(held_pairs)
    known = ev.load_faces(train_folder, ev.choose(train_pairs, wanted, config.seed), config.size)
    held = ev.load_faces(data, ev.choose(held_pairs, wanted, config.seed), config.size)
    for name, faces in ((train_folder, known), (data, held)):
        if not faces:
            raise InputError(f"no pair in {name} could be used ({faces.skipped[0]})")
    copied, unread = ev.nearest_copies(train_folder, train_pairs, known, held)
    true = descriptors(held.images, held.points)
    quiet = None if progress else True
    with tqdm(total=3 * len(held) + len(known), disable=quiet, leave=False, unit="img") as bar:

        def measure(drawn: ev.Images) -> ev.Measured:
            return ev.measure(drawn, held, true_descriptors=true, on_face=bar.update)

        best = measure(held.images)
        require_found(best.scores)  # before the others, which take longer
        generated = make_faces(generator, held.drawings)
        results = {
            "generated": measure(generated),
            "nearest copy": measure(copied),
            "true": best,
            "training": ev.measure(
                make_faces(generator, known.drawings), known, on_face=bar.update
            ),
        }
    scores = {name: result.scores for name, result in results.items()}
    verdict = judge(scores["generated"], scores["training"], scores["nearest copy"], scores["true"])
    notes = [] if unsure is None else [unsure]
    notes += [*held.skipped, *known.skipped, *unread]
    within, between = mean_pairwise_distance(true, held.persons)
    notes.append(
        f"identity distance between true held-out pictures: {within:.3f} of one person,"
        f" {between:.3f} of two"
    )
    reason = missing_inception(len(held))
    notes += [reason] if reason else []
    drawn = {"generated": generated, "nearest copy": copied}
    told = {} if reason else {h: inception_distances(x, held.images) for h, x in drawn.items()}
    return Report(
        scores,
        verdict,
        tuple(dict.fromkeys(notes)),
        draw_worst(held.drawings, generated, held.images, copied, results["generated"].errors),
        fid={head: fid for head, (fid, _) in told.items()},
        kid={head: kid for head, (_, kid) in told.items()},
    )


def _run(args: argparse.Namespace) -> None:
    if args.limit < 0:
        raise InputError(f"--limit is {args.limit}: expected 0 or more")
    target = None if args.output is None else Path(args.output)
    if target is not None:
        if target.suffix.lower() != ".json":
            raise InputError(f"{target}: expected a name that ends in .json")
        if not target.parent.is_dir():
            raise InputError(f"the folder {target.parent} does not exist")
    report = evaluate(
        args.model,
        args.data,
        train=args.train,
        limit=args.limit,
        device=args.device,
        ema=not args.last,
        progress=True,
    )
    held, known = report.scores["generated"], report.scores["training"]
    print(
        f"{held.pairs} faces of {held.persons} held-out persons, {known.pairs} of"
        f" {known.persons} training persons"
    )
    print(report.table())
    for note in report.notes:
        print(note)
    print(report.verdict, flush=True)
    if target is not None:  # last: what was measured for minutes is told whatever the disk says
        _write(target, report, args)


def _write(target: Path, report: Report, args: argparse.Namespace) -> None:
    from landmarks.files import replacing
    from landmarks.ledger import cannot_write

    asked = {name: getattr(args, name) for name in ("model", "data", "train", "limit")}
    sheet = target.with_suffix(".png")
    try:
        with replacing(target) as handle:
            told = {**asked, **report.record()}
            handle.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise cannot_write(target, error) from None
    try:
        report.write_worst(sheet)
    except OSError as error:
        raise cannot_write(sheet, error) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    args = _parser().parse_args(argv)
    return run(PROGRAM, lambda: _run(args))


if __name__ == "__main__":
    sys.exit(main())
