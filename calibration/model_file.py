"""The file of an expression model: arrays and a description, told when damaged or too new."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.gaussian import Array
from landmarks.files import replacing

VERSION = 1
_HEADER = "header"
_HALF = ("read", "write", "typical")
#: What numpy and zipfile raise on files that are cut, altered or of another kind.
_DAMAGE = (
    ValueError, TypeError, KeyError, OSError, EOFError, RuntimeError, MemoryError, OverflowError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_TRIANGLE = ("covariances", "own_noise", "noise")


def write_model(path: str | Path, arrays: dict[str, Array], header: dict[str, Any]) -> None:
    """Write arrays and header; the file appears whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.npz``.
    arrays : dict
        Name → float array. Symmetric matrices keep one triangle; modes keep half precision.
    header : dict
        Anything JSON knows.
    """
    packed = {name: _pack(name, np.asarray(value)) for name, value in arrays.items()}
    shapes = {name: list(np.shape(value)) for name, value in arrays.items()}
    text = json.dumps(
        {**header, "version": VERSION, "shapes": shapes, "checksum": _checksum(packed)},
        sort_keys=True,
    )
    with replacing(path, "wb") as file:
        _write_npz(file, {**packed, _HEADER: np.frombuffer(text.encode(), np.uint8)})


def read_arrays(path: str | os.PathLike[str], what: str) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file.

    Parameters
    ----------
    path : str or Path
    what : str
        What the file should hold, for errors.

    Raises
    ------
    ValueError
        There is no such file, or it is damaged or something else.
    OSError
        The file may not be opened.
    """
    if not Path(path).is_file():
        raise ValueError(f"no {what} at {path}: expected an .npz file")
    # numpy leaves a file open that it cannot read.
    with open(path, "rb") as opened:
        try:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it is one array, not an .npz file")
            with file:
                return {name: np.asarray(file[name]) for name in file.files}
        except _DAMAGE as error:
            raise ValueError(f"{path} is damaged or no {what}: {error}") from None


def read_model(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and header of a model file.

    Raises
    ------
    ValueError
        There is no such file, it is damaged, or a newer version of the software wrote it.
    """
    path = Path(path)
    packed = read_arrays(path, "expression model")
    try:
        header = json.loads(packed.pop(_HEADER).tobytes())
        version = int(header["version"])
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged or no expression model: {error}") from None
    if version > VERSION:
        raise ValueError(
            f"{path} is an expression model of version {version}, newer than the {VERSION} that "
            "this software reads: update the software"
        )
    if header.get("checksum") != _checksum(packed):
        raise ValueError(f"{path} is damaged: its contents do not match their checksum")
    arrays = {
        name: _unpack(name, packed[name], tuple(shape)) for name, shape in header["shapes"].items()
    }
    return arrays, header


def _leaf(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _pack(name: str, value: Array) -> Array:
    if _leaf(name) in _TRIANGLE:
        rows, columns = np.triu_indices(value.shape[-1])
        return value[..., rows, columns].astype(np.float32)
    if value.dtype.kind in "iu":
        return value.astype(np.int16)
    return value.astype(np.float16 if _leaf(name) in _HALF else np.float32)


def _unpack(name: str, packed: Array, shape: tuple[int, ...]) -> Array:
    if _leaf(name) not in _TRIANGLE:
        values = packed if packed.dtype.kind == "i" else packed.astype(np.float64)
        return values.reshape(shape)
    value = np.empty(shape)
    rows, columns = np.triu_indices(shape[-1])
    value[..., rows, columns] = value[..., columns, rows] = packed
    return value


def _checksum(packed: dict[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(packed):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(packed[name]).tobytes())
    return digest.hexdigest()


def _write_npz(file: Any, arrays: dict[str, Array]) -> None:
    """An .npz whose bytes depend on the arrays alone, not on the time of day."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            entry = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as member:
                np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)
