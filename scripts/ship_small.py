"""Make the two files of the network that ships out of a finished run.

python -m scripts.ship_small MODELDIR --command "python -m scripts.build_small …"

`landmarks/keypoints/small.safetensors` gets the weights that were best on validation persons, and
in its metadata the settings, the command and the validation figures; `small.onnx` beside it is made
of that file and compared with torch, by ONNX Runtime and by OpenCV. Both are under a megabyte.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from landmarks.errors import InputError
from landmarks.keypoints.export import export
from landmarks.keypoints.model_file import load_model, shipped
from landmarks.keypoints.predictor import SHIPPED, SMALL
from scripts import shipping

LIMIT = 999_999
"""Bytes that neither file may exceed."""


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
        "validation": shipping.best_figures(modeldir, "validation_nme"),
    }
    data = _ordered(save(shipped(network.state_dict()), told))

    def make(weights: Path, runtime: Path) -> None:
        weights.write_bytes(data)
        export(weights, runtime, everywhere=True)

    return shipping.put((folder / f"{SMALL}.safetensors", folder / SHIPPED.name), make, LIMIT)


def _ordered(data: bytes) -> bytes:
    """The same file with its metadata in order: equal contents give equal bytes."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at whole words
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    return shipping.run("python -m scripts.ship_small", __doc__, ship, SHIPPED.parent, argv)


if __name__ == "__main__":
    sys.exit(main())
