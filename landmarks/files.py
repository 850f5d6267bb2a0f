"""Read and write the points of one picture: "x y" text, .pts, .csv, .npz.

In memory points are always 0-based; .pts files are 1-based on disk and are converted here.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landmarks import scheme
from landmarks.errors import PointsError

POINT_SUFFIXES = (".txt", ".pts", ".csv", ".npz")

TEMPORARY = ".tmp-"
"""How the names of files that are not finished begin; a killed process leaves one behind."""


@contextmanager
def replacing(
    path: str | os.PathLike[str], mode: str = "w", *, durable: bool = True
) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that takes its place at the end, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file to write; its folder must exist.
    mode : {'w', 'wb'}, optional
        Text (UTF-8, `\\n`) or bytes.
    durable : bool, optional
        Wait until the disk has the bytes, so that a power cut cannot leave an empty file.

    Yields
    ------
    handle : file object
        Closed and renamed when the block ends; removed when it fails.
    """
    target = Path(path)
    # File names that are not UTF-8 are written as the bytes that they are.
    text: dict[str, Any] = (
        {} if "b" in mode else {"encoding": "utf-8", "newline": "\n", "errors": "surrogateescape"}
    )
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    try:
        with os.fdopen(descriptor, mode, **text) as handle:
            yield handle
            handle.flush()
            if durable:
                os.fsync(handle.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner may read
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_points(
    path: str | os.PathLike[str], *, count: int | None = scheme.COUNT
) -> NDArray[np.float64]:
    """Read the landmarks of one face.

    Parameters
    ----------
    path : path-like
        `.pts` (1-based, with the iBUG header), `.csv` (columns x0, y0, … of one face), `.npz`
        (array `points`), else text with one `x y` per line ('#' begins a comment).
    count : int or None, optional
        How many points are expected; None takes any number.

    Returns
    -------
    points : (count, 2) float array
        (x, y) in pixels, 0-based.

    Raises
    ------
    PointsError
        The file is missing or unreadable, a line is not two finite numbers, or the number of
        points differs.
    """
    name = os.fspath(path)
    reader = _READERS.get(Path(name).suffix.lower(), _read_text)
    try:
        points = reader(name)
    except FileNotFoundError:
        raise PointsError(f"{name} does not exist: expected a file of landmarks") from None
    except UnicodeDecodeError:
        raise PointsError(f"{name} is not a text file: expected one 'x y' per line") from None
    except OSError as error:
        raise PointsError(f"{name} cannot be read: {error.strerror or error}") from None
    return _check(points, name, count)


def _check(points: NDArray[np.float64], name: str, count: int | None) -> NDArray[np.float64]:
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise PointsError(f"{name} holds an array of shape {points.shape}: expected (n, 2)")
    if count is not None and len(points) != count:
        faces = len(points) / count
        hint = f" ({faces:.0f} faces: one is expected)" if faces > 1 and faces.is_integer() else ""
        raise PointsError(f"{name} holds {len(points)} points{hint}: expected {count}")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise PointsError(f"{name}: point {row} is {points[row].tolist()}: expected finite numbers")
    return points


def _rows(lines: list[str], name: str, first: int) -> NDArray[np.float64]:
    rows = []
    for number, line in enumerate(lines, first):
        content = line.split("#")[0].replace(",", " ").split()
        if not content:
            continue
        try:
            x, y = (float(value) for value in content)
        except ValueError:
            shown = line.strip()[:60]
            raise PointsError(f"{name}, line {number}: {shown!r}: expected 'x y'") from None
        rows.append((x, y))
    if not rows:
        raise PointsError(f"{name} holds no points")
    return np.array(rows, dtype=np.float64)


def _read_text(name: str) -> NDArray[np.float64]:
    return _rows(Path(name).read_text(encoding="utf-8-sig").splitlines(), name, 1)


def _read_pts(name: str) -> NDArray[np.float64]:
    lines = Path(name).read_text(encoding="utf-8-sig").splitlines()
    stripped = [line.strip() for line in lines]
    if "{" not in stripped or "}" not in stripped:
        raise PointsError(f"{name} is no .pts file: expected points between '{{' and '}}'")
    start, end = stripped.index("{"), stripped.index("}")
    points = _rows(lines[start + 1 : end], name, start + 2)
    for line in stripped[:start]:
        key, _, value = line.partition(":")
        if key.strip() == "n_points" and value.strip() != str(len(points)):
            raise PointsError(
                f"{name} announces {value.strip()} points and holds {len(points)}: is it truncated?"
            )
    return points - 1


def _read_csv(name: str) -> NDArray[np.float64]:
    from landmarks.tables import read_table

    faces = [row for row in read_table(name) if row.points is not None]
    if len(faces) != 1:
        raise PointsError(f"{name} holds {len(faces)} faces: expected the points of one")
    points = faces[0].points
    assert points is not None
    return points


def _read_npz(name: str) -> NDArray[np.float64]:
    try:
        # Opened here, because numpy leaves the file open when it is damaged.
        with open(name, "rb") as handle, np.load(handle, allow_pickle=False) as archive:
            if "points" not in archive:
                raise PointsError(f"{name} has arrays {archive.files}: expected one named 'points'")
            points = np.asarray(archive["points"], dtype=np.float64)
    except PointsError:
        raise
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, TypeError) as error:
        raise PointsError(f"{name} is a damaged .npz file: {error}") from None
    return points[0] if points.ndim == 3 and len(points) == 1 else points


def write_points(path: str | os.PathLike[str], points: ArrayLike, *, durable: bool = True) -> None:
    """Write the landmarks of one face, whole or not at all.

    Parameters
    ----------
    path : path-like
        Ends in `.txt` ("x y" lines), `.pts` (1-based on disk), `.csv` or `.npz`.
    points : (n, 2) array_like
        (x, y) in pixels, 0-based.
    durable : bool, optional
        Wait until the disk has the bytes; many small files are faster without.

    Raises
    ------
    PointsError
        Another shape, a value that is not finite, or an unknown ending.
    OSError
        The file cannot be written.

    Notes
    -----
    `read_points` gives the same numbers again, to the last bit (to 12 digits for `.pts`, where
    the shift by one pixel rounds).
    """
    name = os.fspath(path)
    array = _check(np.asarray(points, dtype=np.float64), "the array to write", None)
    suffix = Path(name).suffix.lower()
    if suffix not in _WRITERS:
        known = ", ".join(_WRITERS)
        raise PointsError(f"{name} has the unknown ending {suffix!r}: expected one of {known}")
    with replacing(name, "wb", durable=durable) as handle:
        _WRITERS[suffix](handle, array)


def format_points(points: ArrayLike) -> str:
    """Points as text, one `x y` per line; whole numbers without a decimal point.

    Parameters
    ----------
    points : (n, 2) array_like
        (x, y).

    Returns
    -------
    text : str
        n lines, each ended; the shortest digits that give the same float again.
    """
    rows = np.asarray(points, dtype=np.float64).tolist()
    return "".join(f"{_shortest(x)} {_shortest(y)}\n" for x, y in rows)


def _shortest(value: float) -> str:
    return repr(int(value)) if value.is_integer() else repr(value)


def _write_text(handle: IO[bytes], points: NDArray[np.float64]) -> None:
    handle.write(format_points(points).encode())


def _write_pts(handle: IO[bytes], points: NDArray[np.float64]) -> None:
    rows = format_points(np.round(points + 1, 12))
    handle.write(f"version: 1\nn_points: {len(points)}\n{{\n{rows}}}\n".encode())


def _write_csv(handle: IO[bytes], points: NDArray[np.float64]) -> None:
    names = [f"{axis}{i}" for i in range(len(points)) for axis in "xy"]
    values = [_shortest(value) for value in points.ravel().tolist()]
    handle.write(f"{','.join(names)}\n{','.join(values)}\n".encode())


def _write_npz(handle: IO[bytes], points: NDArray[np.float64]) -> None:
    np.savez(handle, points=points)


_READERS: dict[str, Callable[[str], NDArray[np.float64]]] = {
    ".pts": _read_pts,
    ".csv": _read_csv,
    ".npz": _read_npz,
}
_WRITERS: dict[str, Callable[[IO[bytes], NDArray[np.float64]], None]] = {
    ".txt": _write_text,
    ".pts": _write_pts,
    ".csv": _write_csv,
    ".npz": _write_npz,
}
