"""Make the two files of the classifier that ships out of a finished run.

python -m scripts.ship_classifier MODELDIR --command "python -m classifier.train …"

`classifier/small.safetensors` gets the weights that were best on validation persons, with the
settings, the command, the data and their terms and the validation figures in its metadata;
`small.onnx` beside it is made of that file and compared with torch.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from classifier.export import export
from classifier.model import SHIPPED, SMALL
from classifier.model_file import place_of, read_config
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.runs.tensor_file import read_tensors, write_tensors

LIMIT = 5_000_000
"""Bytes that neither file may exceed."""

DATA = (
    "labelled_expressions, training persons (github muxspace/facial_expressions, Apache-2.0; "
    "photographs of LFW and IMFDB); synthetic people of python -m data.people (ICT-FaceKit, "
    "Copyright (c) 2020 USC Institute for Creative Technologies, MIT); begun with the landmark "
    "network that ships"
)


def ship(modeldir: Path, command: str, folder: Path) -> tuple[Path, Path]:
    """Write both files into a folder, whole and checked, or none of them.

    Parameters
    ----------
    modeldir : Path
        Of a run that trained `small`.
    command : str
        What trained it, for the metadata.
    folder : Path

    Returns
    -------
    weights, runtime : Path

    Raises
    ------
    InputError
        It is no such run, a file is too large, or the files compute something else than torch.
    """
    config = read_config(modeldir)
    if config.network != "small":
        raise InputError(f"{modeldir} holds {config.network}: expected small")
    tensors, _ = read_tensors(place_of(modeldir))
    told = {
        "command": command,
        "config": config.to_json(),
        "data": DATA,
        "validation": json.dumps(best_figures(modeldir / "metrics.jsonl")),
    }
    targets = folder / f"{SMALL}.safetensors", folder / SHIPPED.name
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = [Path(scratch) / target.name for target in targets]
        write_tensors(made[0], tensors, json.dumps(told, sort_keys=True))
        export(made[0], made[1])
        for path in made:
            if path.stat().st_size > LIMIT:
                raise InputError(
                    f"{path.name} would have {path.stat().st_size:,} bytes: expected at most "
                    f"{LIMIT:,}"
                )
        for path, target in zip(made, targets, strict=True):
            with replacing(target, "wb") as handle:
                handle.write(path.read_bytes())
    return targets


def best_figures(metrics: Path) -> dict[str, float]:
    """The line of a run's metrics with the smallest loss on validation persons."""
    try:
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{metrics} cannot be read: {error}") from None
    judged = [line for line in lines if "validation_loss" in line]
    if not judged:
        raise InputError(f"{metrics} tells nothing of validation persons")
    best: dict[str, float] = min(judged, key=lambda line: line["validation_loss"])
    return best


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ship_classifier", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("modeldir", metavar="MODELDIR", type=Path)
    parser.add_argument("--command", required=True, help="what trained it, for the metadata")
    parser.add_argument("--folder", type=Path, default=SHIPPED.parent, help="where to write")
    args = parser.parse_args(argv)
    try:
        for path in ship(args.modeldir, args.command, args.folder):
            print(f"{path}: {os.path.getsize(path):,} bytes")
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
