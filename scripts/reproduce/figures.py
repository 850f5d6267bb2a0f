"""Pictures of the report, as text that stands in the page itself."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landmarks.scheme import CLOSED_REGIONS, REGIONS
from scripts.reproduce.arms import CEILINGS, TARGET

_INK, _OURS, _OTHER, _CEILING = "#28304a", "#0b6e4f", "#8a93ab", "#b0561b"
_SHOWN = {
    "raw": "weak",
    "published": "published,\nbest gold",
    "ours": "ours, neutral\nunknown",
    "ours_own": "ours, neutral\nknown",
    "ceiling_own": "true full",
}


def data_uri(figure: Figure) -> str:
    """A figure as the value of an <img>'s src; equal figures give equal text."""
    handle = io.BytesIO()
    figure.savefig(handle, format="png", dpi=130, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(handle.getvalue()).decode()


def bars(rows: dict[str, Any], column: str = "read", chance: float | None = None) -> str:
    """Accuracy of each arm with its 95 % interval."""
    shown = [(name, row) for name, row in rows.items() if column in row]
    figure = Figure(figsize=(7.2, 0.36 * len(shown) + 0.9), layout="constrained")
    axes: Axes = figure.add_subplot()
    for place, (name, row) in enumerate(reversed(shown)):
        value, low, high = (100 * v for v in row[column]["accuracy"])
        color = _OURS if name == TARGET else _CEILING if name in CEILINGS else _OTHER
        axes.barh(place, value, color=color, height=0.66)
        axes.plot([low, high], [place, place], color=_INK, linewidth=1.6)
        axes.text(max(value, high) + 1, place, f"{value:.1f}", va="center", color=_INK, size=9)
    axes.set_yticks(range(len(shown)), [caption(row) for _, row in reversed(shown)], size=9)
    if chance is not None:
        axes.axvline(100 * chance, color=_INK, linestyle=":", linewidth=1)
    axes.set_xlim(0, 108)
    axes.set_xlabel("recognised, %", size=9)
    axes.spines[["top", "right"]].set_visible(False)
    return data_uri(figure)


def caption(row: dict[str, Any]) -> str:
    """An arm's title with what it is told."""
    told = [f"label {row['label']}"] if row.get("label", "–") != "–" else []
    told += [f"neutral {row['neutral']}"] if row.get("neutral") else []
    return f"{row['title']} [{', '.join(told)}]" if told else str(row["title"])


def confusions(named: dict[str, list[list[int]]], classes: list[str]) -> str:
    """Confusion matrices side by side; rows are true classes, in percent."""
    figure = Figure(figsize=(2.5 * len(named) + 0.7, 3.3), layout="constrained")
    every = np.atleast_1d(figure.subplots(1, len(named), sharey=True))
    short = [name[:4] for name in classes]
    for axes, (title, counts) in zip(every, named.items(), strict=True):
        table = np.asarray(counts, dtype=float)
        share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Greens", vmin=0, vmax=100)
        for row, column in np.ndindex(*share.shape):
            value = share[row, column]
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", size=7,
                color="white" if value > 60 else _INK,
            )  # fmt: skip
        axes.set_xticks(range(len(short)), short, rotation=90, size=8)
        axes.set_yticks(range(len(short)), short, size=8)
        axes.set_title(fill(title, 24), size=8, color=_INK)
    return data_uri(figure)


def drawn_faces(examples: list[dict[str, Any]]) -> str:
    """The same people at each stage, as landmark drawings; green where the answer was right.

    Parameters
    ----------
    examples : list of dict
        As `landmark_tables` makes them.
    """
    arms = [arm for arm in _SHOWN if arm in examples[0]["made"]]
    heads = ["own neutral", *(_SHOWN[arm] for arm in arms)]
    figure = Figure(figsize=(1.35 * len(heads), 1.5 * len(examples) + 0.5), layout="constrained")
    every = figure.subplots(len(examples), len(heads), squeeze=False)
    for row, example in zip(every, examples, strict=True):
        faces = [example["neutral"], *(example["made"][arm] for arm in arms)]
        said = [None, *(example["said"].get(arm) for arm in arms)]
        for axes, face, word in zip(row, faces, said, strict=True):
            right = word is None or word == example["emotion"]
            _draw(axes, np.reshape(face, (68, 2)), _OURS if right else _CEILING)
            axes.set_xlabel(word or "", size=8, color=_OURS if right else _CEILING)
        row[0].set_ylabel(f"{example['person']}\n{example['emotion']}", size=8, color=_INK)
    for axes, head in zip(every[0], heads, strict=True):
        axes.set_title(head, size=8, color=_INK)
    return data_uri(figure)


def _draw(axes: Axes, points: NDArray[np.float64], color: str) -> None:
    for name, indices in REGIONS.items():
        line = [*indices, indices[0]] if name in CLOSED_REGIONS else list(indices)
        axes.plot(*points[line].T, color=color, linewidth=1)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def file_uri(path: Path) -> str:
    """A PNG file as the value of an <img>'s src."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
