"""Command: measure the expression editor on people that it never saw.

python -m gan.editor.evaluate SHARDS -o report/
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gan.editor.batches import PARTED, Pair, matched, opening
from gan.editor.editor import Editor
from gan.editor.frames import Frames, read_frames
from gan.editor.measuring import (
    Finding,
    Method,
    Scores,
    as_edited,
    copied,
    dialled,
    flicker,
    plain,
    rank_correlations,
    repaired,
    score,
    warped,
)
from gan.editor.square import SIDE
from gan.identity import descriptors, identity_distances
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.placing import make_placer

PROGRAM = "python -m gan.editor.evaluate"

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.2)
_FULL = INTENSITIES.index(1.0)
_SHEET = 50
_ENDS = 10
_TITLE = 20

Image8 = NDArray[np.uint8]


def drawn(frames: Frames, most: int) -> NDArray[np.int64]:
    """Rows of `frames.pairs`, so many or all: drawn once and for all."""
    return np.random.default_rng(0).permutation(len(frames.pairs))[:most]


def persons_of(frames: Frames, rows: NDArray[np.int64]) -> int:
    """Different persons of some pairs."""
    return len({frames.persons[place] for place in frames.pairs[rows, 0]})


def reconstruction(
    pairs: Sequence[Pair], methods: Mapping[str, Method], say: Callable[[str], None]
) -> tuple[dict[str, Scores], dict[str, float]]:
    """Second pictures of held-out people from first ones.

    Parameters
    ----------
    pairs : sequence of Pair
    methods : mapping
        Name → method.
    say : callable
        Is told how far it is.

    Returns
    -------
    scores : dict
        Name → Scores.
    told : dict
        Distances of the identities of two true pictures of one person, and of neighbours in the
        list, who mostly are two persons.
    """
    placers = {"wanted": make_placer("small"), "dlib": make_placer(None)}
    scores = {}
    for name, method in methods.items():
        say(f"{len(pairs)} pairs: {name}")
        scores[name] = score(pairs, method, placers)
    first = descriptors([p.source for p in pairs], [p.before for p in pairs])
    second = descriptors([p.target for p in pairs], [p.after for p in pairs])
    told = {
        "identity_same": float(identity_distances(first, second).mean()),
        "identity_others": float(identity_distances(first[1:], second[:-1]).mean()),
    }
    return scores, told


def editing(
    editor: Editor,
    images: Sequence[Image8],
    finders: Mapping[str, Finding],
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Dials of six emotions, read again.

    Parameters
    ----------
    editor : Editor
    images : sequence of (H, W, 3) uint8 arrays
    finders : mapping
        Name → what finds the landmarks of the results.
    say : callable
        Is told how far it is.

    Returns
    -------
    told : dict
        Finder → emotion → numbers; NaN where no face is found.
    """
    told: dict[str, dict[str, Any]] = {name: {} for name in finders}
    for emotion in editor.model.emotions:
        say(f"{len(images)} faces: {emotion}")
        for name, shown in dialled(editor, images, emotion, INTENSITIES, finders).items():
            ranks = rank_correlations(shown.read, INTENSITIES)
            off = shown.read - np.array(INTENSITIES)
            rising = np.isfinite(ranks)
            told[name][emotion] = {
                "faces": int(rising.sum()),
                "lost": int((~rising).sum()),
                "spearman_mean": _mean(ranks),
                "spearman_at_least_098": _mean(ranks[rising] >= 0.98),
                "mean_absolute_error": _mean(np.abs(off)),
                "within_015": _mean(np.abs(off) <= 0.15),
                "read": [_mean(column) for column in shown.read.T],
                "identity_at_1": _mean(shown.identity[:, _FULL]),
            }
    return told


def _mean(values: NDArray[Any]) -> float:
    """Of the finite ones; NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def as_json(value: Any) -> Any:
    """The same as JSON can hold it: null instead of NaN."""
    if isinstance(value, Mapping):
        return {name: as_json(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [as_json(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def editable(frames: Frames, editor: Editor, most: int) -> Iterator[Image8]:
    """Pictures of different persons in which the editor finds a face that it can edit."""
    seen: set[str] = set()
    for image, person in zip(frames.images, frames.persons, strict=True):
        if len(seen) == most:
            return
        if person in seen:
            continue
        try:
            editor.finder.subjects(image, None, "largest")
        except ValueError:
            continue
        seen.add(person)
        yield image


def draw_sheet(pairs: Sequence[Pair], methods: Mapping[str, Method], errors: Any) -> Image8:
    """The ten best and the ten worst of the first fifty pairs, side by side.

    Parameters
    ----------
    pairs : sequence of Pair
    methods : mapping
        Name → method; each is a column.
    errors : (n,) array_like
        By which they are ordered.
    """
    order = np.argsort(np.asarray(errors)[:_SHEET], kind="stable")
    names = ["source", *methods, "true"]
    blocks = [("best", order[:_ENDS]), ("worst", order[::-1][:_ENDS])]
    width, height = len(names) * SIDE, _TITLE + _ENDS * SIDE
    sheet = Image.new("RGB", (2 * width + 12, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for block, (title, rows) in enumerate(blocks):
        left = block * (width + 12)
        for column, name in enumerate(names):
            pen.text((left + column * SIDE + 4, 2), f"{title}: {name}", fill="black", font=font)
        for place, row in enumerate(rows):
            pair = pairs[int(row)]
            cells = [pair.source, *(m(pair) for m in methods.values()), pair.target]
            for column, cell in enumerate(cells):
                corner = (left + column * SIDE, _TITLE + place * SIDE)
                sheet.paste(Image.fromarray(cell), corner)
    return np.asarray(sheet)


def table(scores: Mapping[str, Scores], told: Mapping[str, float]) -> str:
    """Reconstruction in words and numbers."""
    lines = [
        f"{'':12} {'SSIM':>6} {'PSNR':>6} {'mouth, eyes':>12} {'landmarks':>10} {'(dlib)':>8} "
        f"{'identity':>9}"
    ]
    for name, found in scores.items():
        lines.append(
            f"{name:12} {found.similarity.mean():6.3f} {found.psnr.mean():6.2f} "
            f"{found.features.mean():12.4f} {found.found['wanted'].mean():10.2%} "
            f"{found.found['dlib'].mean():8.2%} {found.identity.mean():9.3f}"
        )
    lines.append(
        f"identity of two true pictures of a person {told['identity_same']:.3f}, of two persons "
        f"{told['identity_others']:.3f}"
    )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except (InputError, OSError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted, nothing was written", file=sys.stderr)
        return 2
    return 0


def _run(args: argparse.Namespace) -> None:
    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
    editor = Editor.load(args.model, device=args.device)
    frames = read_frames(args.shards, args.split)
    rows = drawn(frames, args.pairs)
    if not len(rows) and not (args.faces and frames.images):
        raise InputError(f"{args.shards} has no two pictures of one {args.split} person")
    numbers: dict[str, Any] = {"split": args.split, "pairs": len(rows)}
    if len(rows):
        pairs = [matched(frames, int(row)) for row in rows]
        numbers["persons"] = persons_of(frames, rows)
        methods = _methods(editor, args.translator)
        scores, told = reconstruction(pairs, methods, say)
        numbers |= _print_reconstruction(scores, told, numbers)
        parting = np.array([opening(p.after) - opening(p.before) > PARTED for p in pairs])
        numbers |= _print_parting(scores, parting)
    else:
        say("no pairs are reconstructed: dials alone are read")
    if args.faces:
        images = list(editable(frames, editor, args.faces))
        numbers["editing"] = editing(
            editor, images, {"the editor's points": as_edited(editor), "detect": plain}, say
        )
        jitter = [flicker(editor, image, "happiness", 25) for image in images[:5]]
        numbers["flicker"] = _mean(np.array(jitter))
        _print_editing(numbers)
    if args.output is not None:
        with replacing(args.output / "editor.json") as handle:
            handle.write(json.dumps(as_json(numbers), indent=2, allow_nan=False) + "\n")
        written = ["editor.json"]
        if len(rows):
            columns = {name: method for name, method in methods.items() if name != "nothing"}
            sheet = draw_sheet(pairs, columns, -scores["editor"].similarity)
            with replacing(args.output / "pairs.png", "wb") as file:
                Image.fromarray(sheet).save(file, "png")
            written.append("pairs.png")
        print(f"{args.output}: {', '.join(written)}")


def _methods(editor: Editor, translator: str | None) -> dict[str, Method]:
    methods: dict[str, Method] = {
        "nothing": copied,
        "warp": warped,
        "editor": repaired(editor.repairer),
    }
    if translator is not None:
        from gan.editor.translated import translated

        methods["translator"] = translated(translator)
    return methods


def _print_reconstruction(
    scores: Mapping[str, Scores], told: Mapping[str, float], numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """The same for editor.json."""
    print(
        f"{numbers['pairs']} pairs of {numbers['persons']} {numbers['split']} persons; nobody of "
        "them was trained on if the editor was trained by landmarks.split_of"
    )
    print(table(scores, told), flush=True)
    return {
        "reconstruction": {
            name: {
                "similarity": float(s.similarity.mean()),
                "psnr": float(s.psnr.mean()),
                "features": float(s.features.mean()),
                "landmarks": {k: float(v.mean()) for k, v in s.found.items()},
                "identity": float(s.identity.mean()),
            }
            for name, s in scores.items()
        },
        **told,
    }


def _print_parting(scores: Mapping[str, Scores], parting: NDArray[np.bool_]) -> dict[str, Any]:
    """What is made of mouths that open, and the same for editor.json."""
    found = {
        name: {"similarity": _mean(s.similarity[parting]), "features": _mean(s.features[parting])}
        for name, s in scores.items()
    }
    told = "; ".join(
        f"{name} {n['similarity']:.3f}, {n['features']:.4f}" for name, n in found.items()
    )
    print(f"{parting.sum()} of these in which the mouth opens, SSIM and mouth, eyes: {told}")
    return {"opening": {"pairs": int(parting.sum()), **found}}


def _print_editing(numbers: Mapping[str, Any]) -> None:
    for name, emotions in numbers["editing"].items():
        print(f"dial at {', '.join(f'{i:g}' for i in INTENSITIES)}, read with {name}:")
        for emotion, n in emotions.items():
            read = " ".join(f"{value:.2f}" for value in n["read"])
            print(
                f"{emotion:10} reads {read}; Spearman {n['spearman_mean']:.3f}, >= .98 for "
                f"{n['spearman_at_least_098']:.0%} of {n['faces']}; off by "
                f"{n['mean_absolute_error']:.3f}, within 0.15 {n['within_015']:.0%}; identity at 1 "
                f"{n['identity_at_1']:.3f}; faces lost {n['lost']}"
            )
    print(f"jitter of films: {numbers['flicker']:.3%} of the inter-ocular distance")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    add = parser.add_argument
    add("shards", help="a shard or folder of them, with two or more pictures of each person")
    add("-o", "--output", type=Path, metavar="FOLDER", help="for editor.json and pairs.png")
    add("-m", "--model", help="modeldir, .safetensors or .onnx file (default: the one that ships)")
    add("--device", help="of the network (default: the processor)")
    add("--translator", metavar="MODELDIR", help="of gan.train, to compare with")
    add("--split", default="test", choices=("train", "validation", "test"), help="of persons")
    add("--pairs", type=int, default=400, help="pairs that are reconstructed (default: 400)")
    add("--faces", type=int, default=40, help="persons whose dials are read (default: 40)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
