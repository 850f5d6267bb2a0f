"""Make the two files of the network that ships out of a finished run.

python -m scripts.ship_small MODELDIR --command "python -m scripts.build_small …"

`landmarks/keypoints/small.safetensors` gets the weights that were best on validation persons, and
in its metadata the settings, the command and the validation figures; `small.onnx` beside it is made
of that file and compared with torch, by ONNX Runtime and by OpenCV. Both are under a megabyte.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.keypoints.export import export
from landmarks.keypoints.model_file import load_model, shipped
from landmarks.keypoints.predictor import SHIPPED, SMALL

LIMIT = 1_000_000
"""Bytes that neither file may reach."""


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
    network, config = load_model(modeldir)
    if config.network != "small":
        raise InputError(f"{modeldir} holds {config.network}: expected small")
    told = {
        "command": command,
        "config": config.to_json(),
        "validation": json.dumps(best_figures(modeldir / "metrics.jsonl")),
    }
    weights = _ordered(save(shipped(network.state_dict()), told))
    targets = folder / f"{SMALL}.safetensors", folder / SHIPPED.name
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = [Path(scratch) / target.name for target in targets]
        made[0].write_bytes(weights)
        export(made[0], made[1], everywhere=True)
        for path in made:
            if path.stat().st_size >= LIMIT:
                raise InputError(
                    f"{path.name} would have {path.stat().st_size:,} bytes: expected fewer than "
                    f"{LIMIT:,}"
                )
        for path, target in zip(made, targets, strict=True):
            with replacing(target, "wb") as handle:
                handle.write(path.read_bytes())
    return targets


def _ordered(data: bytes) -> bytes:
    """The same file with its metadata in order: equal contents give equal bytes."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at whole words
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def best_figures(metrics: Path) -> dict[str, float]:
    """The line of a run's metrics with the smallest error on validation persons."""
    try:
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{metrics} cannot be read: {error}") from None
    judged = [line for line in lines if "validation_nme" in line]
    if not judged:
        raise InputError(f"{metrics} tells nothing of validation persons")
    best: dict[str, float] = min(judged, key=lambda line: line["validation_nme"])
    return best


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ship_small", description=(__doc__ or "").partition("\n")[0]
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
