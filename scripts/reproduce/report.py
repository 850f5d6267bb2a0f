"""One page that holds the whole experiment, and the same numbers as JSON."""

from __future__ import annotations

import json
import math
import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from landmarks.files import replacing
from scripts.reproduce import figures
from scripts.reproduce.arms import TARGET

PAGE, RESULTS = "index.html", "results.json"

_PACKAGES = (
    "landmark-calibrated-expressions",
    *("numpy", "scipy", "scikit-learn", "opencv-python", "pillow", "dlib-bin", "onnxruntime"),
    *("torch", "accelerate", "safetensors", "matplotlib"),
)
_DRAWN = ("raw", "published", TARGET, "ceiling", "carried", "synthetic", "real")
_COMPARED = ("raw", "published", TARGET, "ceiling_own")


def write_report(folder: Path, results: dict[str, Any], command: str) -> None:
    """Write ``results.json`` and ``index.html``.

    Parameters
    ----------
    folder : Path
    results : dict
        ``settings``, ``data``, ``landmarks`` (tables), ``pictures`` (dict or None), ``notes``,
        ``stages``.
    command : str
        That was given.
    """
    with replacing(folder / RESULTS) as handle:
        tables = [{**t, "examples": None} for t in results["landmarks"]]
        told = {"command": command, "versions": versions(), **results, "landmarks": tables}
        json.dump(told, handle, indent=1, allow_nan=False)
    page = _environment().get_template("report.html.j2").render(
        title="What calibration is worth to an emotion classifier",
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        target=TARGET,
        settings=results["settings"],
        data=results["data"],
        landmarks=[_drawn(table) for table in results["landmarks"]],
        pictures=results["pictures"] and _drawn_pictures(results["pictures"], folder),
        notes=results["notes"],
        failures=_failures(results),
        stages=results["stages"],
        command=command,
        versions=versions(),
    )  # fmt: skip
    with replacing(folder / PAGE) as handle:
        handle.write(page)


def versions() -> dict[str, str]:
    """Of Python and of what computes the numbers."""
    found = {"Python": platform.python_version(), "machine": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}"
    environment.filters["points"] = lambda share: f"{100 * share:+.1f}".replace("-", "−")
    environment.filters["pvalue"] = _p
    return environment


def _p(value: float) -> str:
    if value >= 0.001:
        return f"{value:.3f}"
    power = -math.ceil(math.log10(max(value, 1e-300)))
    return "< 10⁻" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))


def _drawn(table: dict[str, Any]) -> dict[str, Any]:
    """A table of landmarks with its pictures."""
    emotions = table["emotions"]
    confusion = np.asarray(table["arms"]["raw"]["read"]["confusion"])
    commonest = confusion.sum(axis=1).max() / confusion.sum()
    compared = {
        figures.caption(table["arms"][arm]): table["arms"][arm]["read"]["confusion"]
        for arm in _COMPARED
    }
    return {
        **table,
        # Columns that an arm lacks; the template asks for them.
        "arms": {
            name: {"alike": None, "taught": None, **row, "read": {"over_raw": None, **row["read"]}}
            for name, row in table["arms"].items()
        },
        "commonest": float(commonest),
        "bars": figures.bars(table["arms"], chance=float(commonest)),
        "confusions": figures.confusions(compared, emotions),
        "faces": figures.drawn_faces(table["examples"]),
    }


def _drawn_pictures(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The half on pictures with its pictures."""
    drawings = []
    for drawing in found["drawings"]:
        tables = []
        for table in drawing["tables"]:
            arms = {
                name: {"learnt": None, **row, "read": {"difference": None, **row["read"]}}
                for name, row in table["arms"].items()
            }
            chosen = [arms[name] for name in _DRAWN if name in arms]
            shown = {figures.caption(row): row["read"]["confusion"] for row in chosen}
            bars, confusions = figures.bars(arms), figures.confusions(shown, found["emotions"])
            tables.append({**table, "arms": arms, "bars": bars, "confusions": confusions})
        faces = figures.file_uri(folder / drawing["faces"])
        drawings.append({**drawing, "tables": tables, "faces": faces})
    return {**found, "drawings": drawings}


def _failures(results: dict[str, Any]) -> list[dict[str, str]]:
    rows = [
        (f"landmarks, {table['protocol']}", table["arms"][TARGET]["read"], table["emotions"])
        for table in results["landmarks"]
    ]
    pictures = results["pictures"] or {"drawings": []}
    for drawing in pictures["drawings"]:
        for table in drawing["tables"]:
            numbers = table["arms"][table["target"]]["read"]
            rows.append((f"{drawing['name']}, {table['title']}", numbers, pictures["emotions"]))
    return [_failure(*row) for row in rows]


def _failure(where: str, numbers: dict[str, Any], emotions: list[str]) -> dict[str, str]:
    counts = np.asarray(numbers["confusion"])
    wrong = counts - np.diag(np.diag(counts))
    shown, said = np.unravel_index(wrong.argmax(), wrong.shape)
    worst, share = numbers["worst_class"]
    person = numbers["worst_person"]
    return {
        "where": where,
        "emotion": f"{emotions[worst]}: {100 * share:.1f} % recognised",
        "person": "–" if person is None else f"{person[0]}: {100 * person[1]:.1f} % of {person[2]}",
        "mistake": f"{emotions[shown]} taken for {emotions[said]}: "
        f"{wrong[shown, said]} of {counts[shown].sum()}",
    }
