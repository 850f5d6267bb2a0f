"""Command: pairs of a landmark image and a face image, as `gan.train` reads them.

python -m data.make_pairs FACES OUT

FACES is a folder of photographs, the shards of synthetic people (a .tar file, or a folder of them),
or a .zip file like that of `data.youtube_faces`. OUT gets, for picture k of person n,
PIDn_CLEAN0_IIDk.jpg (landmarks) and PIDn_CLEAN1_IIDk.jpg (the same picture's face); pairs.csv (who,
where from, emotion and intensity where known, the landmarks in the pair's pixels), pairs.json (the
frame) and, where a photograph gave no pair, errors.csv with the reason.

Persons are split by the first byte h of the SHA-256 of their names: h < 51 test, h < 77 validation,
else train.
"""

from __future__ import annotations

import argparse
import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from data.pair_set import PairSet, Summary, make_pairs
from data.persons import RULES
from data.photos import Photos, folder_photos
from data.synthetic import shard_photos
from data.youtube_faces import youtube_photos
from gan.frame import Frame
from landmarks.batch import cores
from landmarks.draw import STYLES
from landmarks.errors import InputError

SPLITS = ("all", "train", "validation", "test")
_WORTH_A_PROCESS = 200


def _parser() -> argparse.ArgumentParser:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m data.make_pairs",
        description=about.partition(": ")[2],
        epilog=more.partition("\n\n")[2],
    )
    parser.add_argument("faces", metavar="FACES", help="a folder, shards, or a .zip file")
    parser.add_argument("out", metavar="OUT", help="the folder for the pairs")
    parser.add_argument(
        "--landmarks",
        metavar="FILE",
        help="landmarks of the photographs, a table or a folder as landmarks.extract writes them;"
        " or the word 'detect'. Left out: those that FACES brings, else they are found",
    )
    parser.add_argument("--size", type=int, default=Frame.size, help="pixels (%(default)s)")
    parser.add_argument(
        "--margin",
        type=float,
        default=Frame.margin,
        help="around the landmarks, as a share of the longer side of their box (%(default)s)",
    )
    parser.add_argument(
        "--border",
        type=float,
        default=PairSet.border,
        metavar="SHARE",
        help="leave out faces of whose picture more would lie beyond the photograph, where its"
        " border is repeated (0.1 is a tenth; %(default)s takes all)",
    )
    parser.add_argument("--style", choices=STYLES, default=Frame.style, help="(%(default)s)")
    parser.add_argument(
        "--thickness", type=int, default=Frame.thickness, help="of contours, pixels (%(default)s)"
    )
    parser.add_argument(
        "--persons",
        choices=RULES,
        default="auto",
        help="who a photograph shows: by its name (Name_NN.jpg), its folder, or every picture"
        " another person; auto: by name if nearly all have that form, else by folder",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="a .csv table with a column 'file' (below FACES) and any of 'person', 'emotion',"
        " 'intensity'",
    )
    parser.add_argument("--split", choices=SPLITS, default="all", help="whose pairs (%(default)s)")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (all cores for many)")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    return parser


def _photos(args: argparse.Namespace) -> Photos:
    faces = args.faces
    if not os.path.exists(faces):
        raise InputError(f"{faces} does not exist: expected a folder, a .tar or a .zip file")
    shards = Path(faces).suffix.lower() == ".tar" or (
        os.path.isdir(faces) and glob.glob(os.path.join(glob.escape(faces), "*.tar"))
    )
    zipped = Path(faces).suffix.lower() == ".zip" and not os.path.isdir(faces)
    if shards or zipped:
        for name in ("labels", "persons"):
            if getattr(args, name) not in (None, "auto"):
                raise InputError(f"--{name} is for a folder of photographs: {faces} tells persons")
        if args.landmarks not in (None, "detect"):
            raise InputError(
                f"--landmarks {args.landmarks}: {faces} brings its own; give 'detect' or nothing"
            )
        read = shard_photos if shards else youtube_photos
        return read(faces, points=args.landmarks is None)
    if not os.path.isdir(faces):
        raise InputError(f"{faces} is a file: expected a folder, a .tar or a .zip file")
    if args.landmarks is not None and args.landmarks != "detect":
        if not os.path.exists(args.landmarks):
            raise InputError(f"{args.landmarks} does not exist: expected a table or a folder")
        own = args.landmarks
    else:
        own = None
    return folder_photos(faces, persons=args.persons, labels=args.labels, landmarks=own)


def _run(args: argparse.Namespace) -> Summary:
    frame = Frame(args.size, args.margin, args.style, args.thickness)
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}: expected at least 1")
    if os.path.isdir(args.faces) and Path(args.faces).resolve() in Path(args.out).resolve().parents:
        raise InputError(f"{args.out} lies in {args.faces}: its pictures would become photographs")
    photos = _photos(args)
    few = photos.total is not None and photos.total < _WORTH_A_PROCESS
    jobs = args.jobs or (1 if few else cores())
    target = PairSet(
        args.out,
        frame,
        photos,
        split=args.split,
        source=os.path.basename(os.path.normpath(args.faces)),
        border=args.border,
    )
    return make_pairs(target, jobs=jobs, resume=args.resume, progress=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0 if there are pairs; else 2, with one sentence on stderr.
    """
    args = _parser().parse_args(argv)
    try:
        summary = _run(args)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or args.out}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what is done is kept, --resume goes on with it", file=sys.stderr)
        return 2
    print(summary, file=sys.stderr)
    return 0 if summary.pairs else 2


if __name__ == "__main__":
    sys.exit(main())
