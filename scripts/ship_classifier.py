"""Make the two files of the classifier that ships out of a finished run.

python -m scripts.ship_classifier MODELDIR --command "python -m classifier.train …"

`classifier/small.safetensors` gets the weights that were best on validation persons, with the
settings, the command, the data and their terms and the validation figures in its metadata;
`small.onnx` beside it is made of that file and compared with torch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.export import export
from classifier.model import SHIPPED, SMALL
from classifier.model_file import place_of, read_config
from landmarks.errors import InputError
from landmarks.runs.tensor_file import read_tensors, write_tensors
from scripts import shipping

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
        "validation": shipping.best_figures(modeldir, "validation_loss"),
    }

    def make(weights: Path, runtime: Path) -> None:
        write_tensors(weights, tensors, json.dumps(told, sort_keys=True))
        export(weights, runtime)

    return shipping.put((folder / f"{SMALL}.safetensors", folder / SHIPPED.name), make, LIMIT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0, or 2 with one sentence on stderr."""
    return shipping.run("python -m scripts.ship_classifier", __doc__, ship, SHIPPED.parent, argv)


if __name__ == "__main__":
    sys.exit(main())
