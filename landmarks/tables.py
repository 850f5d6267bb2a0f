"""Faces of many pictures in one file: .csv, .npz, .parquet, row by row."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landmarks import scheme
from landmarks.errors import PointsError
from landmarks.files import replacing

TABLE_SUFFIXES = (".csv", ".npz", ".parquet")

_BOX = ("left", "top", "right", "bottom")
_POINTS = tuple(f"{axis}{i}" for i in range(scheme.COUNT) for axis in "xy")
_RADII = tuple(f"r{i}" for i in range(scheme.COUNT))
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, eq=False)
class Row:
    """One face in one picture.

    Attributes
    ----------
    file : str
        The picture or film.
    face : int
        0 for the first face of the picture.
    box : (left, top, right, bottom) or None
        The detector's box in pixels, edges inclusive.
    score : float or None
        The detector's.
    points : (n, 2) float array or None
        Landmarks (x, y) in pixels.
    frame : int or None
        0-based number of a film's frame.
    seconds : float or None
        Its time.
    radius : (68,) float array or None
        Pixels in which the truth lies around its point, in 90 % of all cases.
    trust : float or None
        0…1: how sure the predictor is of this face and its points.
    """

    file: str
    face: int
    box: tuple[float, float, float, float] | None
    score: float | None
    points: NDArray[np.float64] | None
    frame: int | None = None
    seconds: float | None = None
    radius: NDArray[np.float64] | None = None
    trust: float | None = None


class Kept(NamedTuple):
    """Which columns a table has besides those that all have.

    Attributes
    ----------
    film : bool
        `frame` and `seconds`.
    trust : bool
        `trust`.
    radii : bool
        `r0` … `r67`.
    """

    film: bool = False
    trust: bool = False
    radii: bool = False


def columns(kept: Kept) -> list[str]:
    """Names of the columns of .csv and .parquet, in order: what networks tell comes last."""
    time = ["frame", "seconds"] if kept.film else []
    told = [*(["trust"] if kept.trust else []), *(_RADII if kept.radii else [])]
    return ["file", *time, "face", *_BOX, "score", *_POINTS, *told]


def _values(row: Row, kept: Kept) -> list[Any]:
    box = row.box or (None,) * 4
    points = [None] * len(_POINTS) if row.points is None else row.points.ravel().tolist()
    time = [row.frame, row.seconds] if kept.film else []
    told: list[Any] = [row.trust] if kept.trust else []
    if kept.radii:
        told += [None] * len(_RADII) if row.radius is None else row.radius.tolist()
    return [row.file, *time, row.face, *box, row.score, *points, *told]


class _CsvWriter:
    def __init__(self, handle: IO[bytes], kept: Kept) -> None:
        import io

        self._text = io.TextIOWrapper(
            handle, encoding="utf-8", errors="surrogateescape", newline="", write_through=True
        )
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._kept = kept
        self._writer.writerow(columns(kept))

    def write(self, row: Row) -> None:
        self._writer.writerow([_plain(value) for value in _values(row, self._kept)])

    def close(self) -> None:
        self._text.detach()


def _plain(value: Any) -> Any:
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


class _ParquetWriter:
    def __init__(self, handle: IO[bytes], kept: Kept) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {"file": pa.string(), "frame": pa.int64(), "face": pa.int32()}
        names = columns(kept)
        self._schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in names])
        self._writer = pq.ParquetWriter(handle, self._schema)
        self._kept = kept
        self._rows: list[list[Any]] = []

    def write(self, row: Row) -> None:
        values = _values(row, self._kept)
        values[0] = row.file.encode("utf-8", "backslashreplace").decode()  # all that parquet holds
        self._rows.append(values)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        arrays = [
            pa.array(column, field.type)
            for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()


class _NpzWriter:
    def __init__(self, handle: IO[bytes], kept: Kept) -> None:
        self._handle = handle
        self._kept = kept
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        self._rows.append(row)

    def close(self) -> None:
        rows = self._rows
        arrays: dict[str, Any] = {
            "files": np.array([row.file for row in rows], dtype=np.str_),
            "face": np.array([row.face for row in rows], dtype=np.int32),
            "box": np.array([row.box or (np.nan,) * 4 for row in rows]).reshape(-1, 4),
            "score": np.array([np.nan if row.score is None else row.score for row in rows]),
            "points": np.array([row.points for row in rows]).reshape(-1, scheme.COUNT, 2),
        }
        if self._kept.film:
            frames = [-1 if row.frame is None else row.frame for row in rows]
            times = [np.nan if row.seconds is None else row.seconds for row in rows]
            arrays |= {"frame": np.array(frames, np.int64), "seconds": np.array(times)}
        if self._kept.trust:
            arrays["trust"] = np.array([np.nan if r.trust is None else r.trust for r in rows])
        if self._kept.radii:
            none = np.full(scheme.COUNT, np.nan)
            radii = np.array([none if row.radius is None else row.radius for row in rows])
            arrays["radius"] = radii.reshape(-1, scheme.COUNT)
        np.savez_compressed(self._handle, allow_pickle=False, **arrays)


_WRITERS: dict[str, Callable[[IO[bytes], Kept], Any]] = {
    ".csv": _CsvWriter,
    ".npz": _NpzWriter,
    ".parquet": _ParquetWriter,
}


@contextmanager
def write_table(
    path: str | os.PathLike[str], *, film: bool = False, trust: bool = False, radii: bool = False
) -> Iterator[Callable[[Row], None]]:
    """Write faces one after another; the file appears whole at the end, or not at all.

    Parameters
    ----------
    path : path-like
        Ends in `.csv`, `.npz` or `.parquet`.
    film, trust, radii : bool, optional
        Keep `frame` and `seconds`; `trust`; `radius`.

    Yields
    ------
    write : callable
        Takes one `Row` with 68 points.

    Raises
    ------
    PointsError
        Another ending.
    OSError
        The file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        known = ", ".join(TABLE_SUFFIXES)
        raise PointsError(f"{path} has the unknown ending {suffix!r}: expected one of {known}")
    with replacing(path, "wb") as handle:
        writer = _WRITERS[suffix](handle, Kept(film, trust, radii))
        yield writer.write
        writer.close()


def read_table(
    path: str | os.PathLike[str], *, on_damage: Callable[[PointsError], None] | None = None
) -> Iterator[Row]:
    """Read what `write_table` wrote, row by row.

    Parameters
    ----------
    path : path-like
        Ends in `.csv`, `.npz` or `.parquet`.
    on_damage : callable, optional
        Is given the error of a damaged row, which is then left out; without it the first one is
        raised. What makes the whole file unreadable is raised either way.

    Yields
    ------
    row : Row

    Raises
    ------
    PointsError
        The file is missing, damaged, or not such a table.
    """
    name = os.fspath(path)
    readers: dict[str, Callable[[str], Iterator[Row | PointsError]]] = {
        ".csv": _read_csv,
        ".npz": _read_npz,
        ".parquet": _read_parquet,
    }
    suffix = Path(name).suffix.lower()
    if suffix not in readers:
        known = ", ".join(readers)
        raise PointsError(f"{name} has the unknown ending {suffix!r}: expected one of {known}")
    try:
        for found in readers[suffix](name):
            if isinstance(found, Row):
                yield found
            elif on_damage is None:
                raise found
            else:
                on_damage(found)
    except FileNotFoundError:
        raise PointsError(f"{name} does not exist: expected a table of landmarks") from None
    except OSError as error:
        raise PointsError(f"{name} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PointsError(f"{name} is no csv file: {error}") from None


def _row(record: dict[str, Any], name: str, number: int) -> Row | PointsError:
    def given(key: str) -> bool:
        return record.get(key) not in (None, "")

    try:
        names = [(f"x{i}", f"y{i}") for i in range(sum(key[:1] == "x" for key in record if key))]
        filled = [given(x) and given(y) for x, y in names]
        if any(filled) and not all(filled):
            raise ValueError(f"point {filled.index(False)} is missing")
        values = [[float(record[x]), float(record[y])] for x, y in names] if any(filled) else []
        if not np.isfinite(values).all():
            raise ValueError("a coordinate is not finite")
        radius = [float(record[name]) for name in _RADII] if given("r0") else None
        box = tuple(float(record[key]) for key in _BOX) if given("left") else None
        return Row(
            file=str(record.get("file") or ""),
            face=int(record["face"]) if given("face") else 0,
            box=box,  # type: ignore[arg-type]
            score=float(record["score"]) if given("score") else None,
            points=np.array(values) if values else None,
            frame=int(record["frame"]) if given("frame") else None,
            seconds=float(record["seconds"]) if given("seconds") else None,
            radius=None if radius is None else np.array(radius),
            trust=float(record["trust"]) if given("trust") else None,
        )
    except (ValueError, TypeError, KeyError) as error:
        return PointsError(f"{name}, row {number}: {error}")


def _read_csv(name: str) -> Iterator[Row | PointsError]:
    with open(name, encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        reader = csv.DictReader(handle)
        if "x0" not in (reader.fieldnames or ()):
            raise PointsError(f"{name} has no column x0: expected a header with x0, y0, x1, y1, …")
        for number, record in enumerate(reader, 2):
            yield _row(record, name, number)


def _read_parquet(name: str) -> Iterator[Row | PointsError]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with ExitStack() as stack:
            table: AbstractContextManager[Any] = pq.ParquetFile(name)
            file = stack.enter_context(table)
            number = 0
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for record in batch.to_pylist():
                    number += 1
                    yield _row(record, name, number)
    except pa.ArrowException as error:
        raise PointsError(f"{name} is a damaged parquet file: {error}") from None


def _read_npz(name: str) -> Iterator[Row]:
    try:
        # Opened here, because numpy leaves the file open when it is damaged.
        with open(name, "rb") as handle, np.load(handle, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        for i in range(len(arrays["points"])):
            frame = int(arrays["frame"][i]) if "frame" in arrays else -1
            seconds = float(arrays["seconds"][i]) if "seconds" in arrays else np.nan
            left, top, right, bottom = (float(value) for value in arrays["box"][i])
            score = float(arrays["score"][i])
            trust = float(arrays["trust"][i]) if "trust" in arrays else np.nan
            radius = arrays["radius"][i] if "radius" in arrays else np.array([np.nan])
            yield Row(
                file=str(arrays["files"][i]),
                face=int(arrays["face"][i]),
                box=None if np.isnan(left) else (left, top, right, bottom),
                score=None if np.isnan(score) else score,
                points=arrays["points"][i],
                frame=None if frame < 0 else frame,
                seconds=None if np.isnan(seconds) else seconds,
                radius=None if np.isnan(radius).any() else radius,
                trust=None if np.isnan(trust) else trust,
            )
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, IndexError) as error:
        raise PointsError(f"{name} is a damaged table of landmarks: {error}") from None
