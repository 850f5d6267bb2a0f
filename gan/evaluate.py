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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landmarks.errors import InputError

if TYPE_CHECKING:
    from gan.config import Config
    from gan.pairs import Pair
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
    fid, kid : float or None
        None where Inception's weights are not at hand.
    """

    scores: dict[str, Scores]
    verdict: Verdict
    notes: tuple[str, ...]
    fid: float | None = None
    kid: float | None = None

    def table(self) -> str:
        """The numbers, one line each."""
        heads = list(self.scores)
        lines = [" " * 32 + "".join(f"{head:>15}" for head in heads)]
        for title, name, factor, form in _ROWS:
            values = [getattr(self.scores[head], name) * factor for head in heads]
            told = [form.format(value) if math.isfinite(value) else "–" for value in values]
            lines.append(f"{title:<32}" + "".join(f"{text:>15}" for text in told))
        if self.fid is not None and self.kid is not None:
            lines.append(f"{'FID':<32}{self.fid:>15.2f}\n{'KID':<32}{self.kid:>15.5f}")
        return "\n".join(lines)

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
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=about.partition(": ")[2],
        epilog=more.partition("\n\n")[2],
    )
    parser.add_argument("model", help="the folder of a training run, or a .safetensors file of it")
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
    parser.add_argument("--device", help="cpu, cuda, … (the GPU where there is one)")
    parser.add_argument(
        "--last", action="store_true", help="the weights of the last step, not their moving average"
    )
    return parser


def divide(data: str, train: str | None, config: Config) -> tuple[list[Pair], list[Pair]]:
    """Training pairs, and pairs of persons that training never saw.

    Parameters
    ----------
    data : str
        A folder of pairs.
    train : str or None
        The folder that was trained on, if it is another.
    config : Config

    Returns
    -------
    train_pairs, held_out : list of Pair

    Raises
    ------
    InputError
        Nobody is held out; a person of `data` was trained on, as both folders' pairs.csv tell.
    """
    from gan.evaluation import read_pairs
    from gan.pair_table import read_pair_table
    from gan.pairs import split_persons

    own = read_pairs(train or data, config.pairing)
    known, held = split_persons(own, config.held_out, config.seed)
    if train is None:
        if not held:
            raise InputError(
                f"{data} holds nobody out ({len(own.persons)} persons, a share of"
                f" {config.held_out:g}): give other persons' pairs, and this folder with --train"
            )
        return list(known), list(held)
    persons = {pair.person for pair in known}
    learnt = {r.name for r in read_pair_table(train).values() if str(r.person) in persons}
    if seen := sorted(learnt & {record.name for record in read_pair_table(data).values()}):
        raise InputError(
            f"{len(seen)} persons of {data} were trained on ({seen[0]} is one): expected new ones"
        )
    return list(known), list(read_pairs(data, config.pairing).pairs)


def evaluate(
    model: str,
    data: str,
    *,
    train: str | None = None,
    limit: int = _LIMIT,
    device: str = "cpu",
    ema: bool = True,
    sheet: str | os.PathLike[str] | None = None,
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
    device : str, optional
    ema : bool, optional
        As `load_generator`.
    sheet : path-like, optional
        A .png file for the worst faces.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal.

    Returns
    -------
    report : Report

    Raises
    ------
    InputError
        The model or the data cannot be used.
    """
    from tqdm import tqdm

    from gan import evaluation as ev
    from gan.faces import make_faces
    from gan.identity import descriptors, mean_pairwise_distance
    from gan.inception import inception_distances, missing_inception
    from gan.marked_png import write_marked_png
    from gan.model_file import load_generator
    from gan.verdict import judge
    from gan.worst import draw_worst

    generator, config = load_generator(model, device=device, ema=ema)
    train_pairs, held_pairs = divide(data, train, config)
    train_folder = train or data
    wanted = limit or len(held_pairs)
    known = ev.load_faces(train_folder, ev.choose(train_pairs, wanted, config.seed), config.size)
    held = ev.load_faces(data, ev.choose(held_pairs, wanted, config.seed), config.size)
    for name, faces in ((train_folder, known), (data, held)):
        if not faces:
            raise InputError(f"no pair in {name} could be used ({faces.skipped[0]})")
    generated = make_faces(generator, held.drawings)
    copied = ev.nearest_copies(train_folder, train_pairs, known, held)
    true = descriptors(held.images, held.points)
    quiet = None if progress else True
    with tqdm(total=3 * len(held) + len(known), disable=quiet, leave=False, unit="img") as bar:
        results = {
            name: ev.measure(drawn, held, true_descriptors=true, on_face=bar.update)
            for name, drawn in (
                ("generated", generated),
                ("nearest copy", copied),
                ("true", held.images),
            )
        }
        results["training"] = ev.measure(
            make_faces(generator, known.drawings), known, on_face=bar.update
        )
    if sheet is not None:
        errors = results["generated"].errors
        picture = draw_worst(held.drawings, generated, held.images, copied, errors)
        write_marked_png(sheet, picture)
    scores = {name: result.scores for name, result in results.items()}
    notes = [*held.skipped, *known.skipped]
    within, between = mean_pairwise_distance(true, held.persons)
    notes.append(
        f"identity distance between true held-out pictures: {within:.3f} of one person,"
        f" {between:.3f} of two"
    )
    reason = missing_inception()
    fid, kid = (None, None) if reason else inception_distances(generated, held.images)
    verdict = judge(scores["generated"], scores["training"], scores["nearest copy"], scores["true"])
    return Report(scores, verdict, tuple(notes + ([reason] if reason else [])), fid, kid)


def _run(args: argparse.Namespace) -> None:
    from gan.generate import usable_device
    from landmarks.files import replacing

    if args.limit < 0:
        raise InputError(f"--limit is {args.limit}: expected 0 or more")
    sheet = None
    if args.output is not None:
        target = Path(args.output)
        if target.suffix.lower() != ".json":
            raise InputError(f"{target}: expected a name that ends in .json")
        if not target.parent.is_dir():
            raise InputError(f"the folder {target.parent} does not exist")
        sheet = target.with_suffix(".png")
    report = evaluate(
        args.model,
        args.data,
        train=args.train,
        limit=args.limit,
        device=usable_device(args.device),
        ema=not args.last,
        sheet=sheet,
        progress=True,
    )
    if args.output is not None:
        told = {
            "model": args.model,
            "data": args.data,
            "train": args.train,
            "limit": args.limit,
            **report.record(),
        }
        with replacing(args.output) as handle:
            handle.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    held, known = report.scores["generated"], report.scores["training"]
    print(
        f"{held.pairs} faces of {held.persons} held-out persons, {known.pairs} of"
        f" {known.persons} training persons"
    )
    print(report.table())
    for note in report.notes:
        print(note)
    print(report.verdict)


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
    try:
        _run(args)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        told = f"{error.name} is not installed: pip install 'landmark-calibrated-expressions[gan]'"
        print(f"{PROGRAM}: {told}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{PROGRAM}: {error.filename or args.output}: {error.strerror or error}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
