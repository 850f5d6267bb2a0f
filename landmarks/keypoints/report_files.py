"""What an evaluation leaves in its folder: report.json, two tables, and pictures."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from landmarks import scheme
from landmarks.errors import InputError
from landmarks.files import replacing
from landmarks.keypoints import plots, sheets
from landmarks.keypoints.report import Report
from landmarks.keypoints.scores import Floats, face_errors, lid_gaps, lip_gaps, residuals
from landmarks.samples import split_of

FILES = (
    "report.json",
    "persons.csv",
    "faces.csv",
    "ced.png",
    "regions.png",
    "worst.png",
    "lost.png",
)


def check_folder(target: str | os.PathLike[str]) -> None:
    """Refuse a folder that cannot be written, before there is work that would be lost.

    Raises
    ------
    InputError
        It is a file; it may not be written or made.
    """
    path = Path(target)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: expected a folder for the report")
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be made: {there} may not be written")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            "matplotlib is not installed, which draws the curves: pip install "
            "'landmark-calibrated-expressions[keypoints]'"
        ) from None


def write_report(target: str | os.PathLike[str], report: Report) -> None:
    """Write all files of a report; those of an earlier one are replaced.

    Parameters
    ----------
    target : path-like
        A folder; made if it is not there.
    report : Report

    Raises
    ------
    OSError
        A file cannot be written.
    """
    measured = report.measured
    made: dict[str, bytes] = {
        "report.json": _json(report.record()),
        "persons.csv": _table(_PERSONS, _person_rows(report)),
        "faces.csv": _table(_FACES, _face_rows(report)),
        "ced.png": plots.png(plots.ced_figure(report)),
        "regions.png": plots.png(plots.regions_figure(report)),
        "worst.png": _png(sheets.worst_sheet(measured)),
    }
    if measured.lost:
        made["lost.png"] = _png(sheets.lost_sheet(measured))
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if name not in made:
            (folder / name).unlink(missing_ok=True)  # of an earlier report
            continue
        with replacing(folder / name, "wb") as handle:
            handle.write(made[name])


def _json(record: dict[str, Any]) -> bytes:
    # A path may hold bytes that are no UTF-8.
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")


_PERSONS = ("person", "split", "faces", "lost", "nme", "failures", "nme_dlib")


def _person_rows(report: Report) -> Iterable[list[Any]]:
    for p in report.by_person:
        yield [p.person, split_of(p.person), p.faces, p.lost, p.nme, p.failures, p.dlib]


_FACES = (
    *("shards", "key", "person", "split", "file", "found", "left", "top", "right", "bottom"),
    *("nme", "nme_inner", "nme_offset_removed", "nme_dlib", "nme_inner_dlib"),
    *("trust", "mean_radius", "in_radius", "lip_gap", "right_lid_gap", "left_lid_gap"),
)
"""Errors, radii and gaps in inter-ocular distances; in_radius is the share of the 68 truths."""


def _face_rows(report: Report) -> Iterable[list[Any]]:
    measured = report.measured
    found = residuals(measured.points, measured.truth)
    columns: list[Floats] = [*measured.boxes.T]
    columns += _errors(found)
    columns.append(face_errors(found - report.offset))
    if measured.dlib is None:
        columns += [np.full(len(measured), np.nan)] * 2
    else:
        columns += _errors(residuals(measured.dlib, measured.truth))
    radius = measured.relative_radius()
    nothing = np.full(len(measured), np.nan)
    columns.append(nothing if measured.trust is None else measured.trust)
    if radius is None:
        columns += [nothing, nothing]
    else:
        inside = (np.linalg.norm(found, axis=2) <= radius).mean(axis=1)
        columns += [radius.mean(axis=1), np.where(measured.found, inside, np.nan)]
    columns += [lip_gaps(measured.truth), *lid_gaps(measured.truth).T]
    numbers = np.stack(columns, axis=1).tolist()
    for row, values in enumerate(numbers):
        person = measured.persons[row]
        whose = [measured.shards[row], measured.keys[row], person, split_of(person)]
        yield [*whose, measured.files[row], int(measured.found[row]), *values]


def _errors(found: Floats) -> list[Floats]:
    return [face_errors(found), face_errors(found, scheme.INNER_51)]


def _table(head: tuple[str, ...], rows: Iterable[list[Any]]) -> bytes:
    handle = io.StringIO(newline="")
    writer = csv.writer(handle, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return handle.getvalue().encode(errors="backslashreplace")


def _cell(value: Any) -> Any:
    """Numbers in five digits; nothing where there is no finite one."""
    if not isinstance(value, float):
        return value
    return f"{value:.5g}" if math.isfinite(value) else ""


def _png(picture: Any) -> bytes:
    handle = io.BytesIO()
    Image.fromarray(picture).save(handle, format="PNG", optimize=True)
    return handle.getvalue()
