"""Pictures of the report, as text that stands in the page itself."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landmarks.scheme import CLOSED_REGIONS, REGIONS
from scripts.reproduce.arms import CEILINGS, TARGET

_INK, _OURS, _OTHER, _CEILING = "#28304a", "#0b6e4f", "#8a93ab", "#3b5ba5"
_LEAK = _WRONG = "#b0561b"
_CELL = 2.4, 2.9
"""Of a drawn face, in distances between the outer eye corners."""
_SHOWN = {
    "raw": "weak",
    "published": "published,\nbest gold",
    "ours": "ours, neutral\nunknown",
    "ours_own": "ours, neutral\nknown",
    "ceiling_own": "true full",
}


def data_uri(figure: Figure) -> str:
    """A figure as the value of an <img>'s src; equal figures give equal text."""
    return "data:image/png;base64," + base64.b64encode(_png(figure)).decode()


def _png(figure: Figure) -> bytes:
    handle = io.BytesIO()
    figure.savefig(handle, format="png", dpi=130, metadata={"Software": None})
    return handle.getvalue()


def bars(rows: dict[str, Any], column: str = "read", chance: float | None = None) -> str:
    """Accuracy of each arm with its 95 % interval."""
    shown = [(name, row) for name, row in rows.items() if column in row]
    # Captions stand above bars, so that the figure is narrow enough for a phone.
    figure = Figure(figsize=(5.2, 0.46 * len(shown) + 0.7), layout="constrained")
    axes: Axes = figure.add_subplot()
    for place, (name, row) in enumerate(reversed(shown)):
        value, low, high = (100 * v for v in row[column]["accuracy"])
        color = _OURS if name == TARGET else _CEILING if name in CEILINGS else _OTHER
        if row.get("label") == "known":
            color = _LEAK
        axes.barh(place, value, color=color, height=0.4)
        axes.plot([low, high], [place, place], color=_INK, linewidth=1.4)
        axes.text(max(value, high) + 1, place, f"{value:.1f}", va="center", color=_INK, size=8)
        axes.text(
            0.7, place + 0.24, caption(row), va="bottom", color=_INK, size=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(-0.4, len(shown) - 0.3)
    if chance is not None:
        axes.axvline(100 * chance, color=_INK, linestyle=":", linewidth=1)
    axes.set_xlim(0, 108)
    axes.set_xlabel("recognised, %", size=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return data_uri(figure)


def caption(row: dict[str, Any]) -> str:
    """An arm's title with what it is told."""
    told = [f"{name} {row[name]}" for name in ("label", "neutral") if row.get(name, "–") != "–"]
    return f"{row['title']} [{', '.join(told)}]" if told else str(row["title"])


def confusions(named: dict[str, list[list[int]]], classes: list[str]) -> str:
    """Confusion matrices, two or three in a row; rows are true classes, in percent.

    A class that no face shows has dashes.
    """
    columns = min(len(named), 2 if len(named) in (2, 4) else 3)
    rows = math.ceil(len(named) / columns)
    figure = Figure(figsize=(2.6 * columns + 0.5, 3.3 * rows), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12)  # type: ignore[union-attr, call-arg]
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    every = list(grid.flat)
    for empty in every[len(named) :]:
        empty.remove()
    short = [name[:4] for name in classes]
    for axes, (title, counts) in zip(every, named.items(), strict=False):
        table = np.asarray(counts, dtype=float)
        share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Greens", vmin=0, vmax=100)
        for row, column in np.ndindex(*share.shape):
            value, faces = share[row, column], table[row].sum()
            axes.text(
                column, row, f"{value:.0f}" if faces else "–", ha="center", va="center", size=7,
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
    wide, high = _CELL
    figure = Figure(figsize=(1.25 * len(heads) + 0.8, 1.45 * len(examples) + 0.5))
    # One pair of axes for all faces: many are slow to lay out.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-1.1 * wide, (len(heads) - 0.4) * wide)
    axes.set_ylim((len(examples) - 0.4) * high, -0.85 * high)
    for column, head in enumerate(heads):
        axes.text(column * wide, -0.6 * high, head, ha="center", va="center", size=8, color=_INK)
    for row, example in enumerate(examples):
        faces = [example["neutral"], *(example["made"][arm] for arm in arms)]
        said = [None, *(example["said"].get(arm) for arm in arms)]
        told = f"{example['person']}\n{example['emotion']}"
        _name(axes, -0.8 * wide, row * high, told)
        for column, (face, word) in enumerate(zip(faces, said, strict=True)):
            right = word == example["emotion"]
            color = _INK if word is None else _OURS if right else _WRONG
            points = np.reshape(face, (68, 2))
            points = points - (points.min(axis=0) + points.max(axis=0)) / 2
            for name, indices in REGIONS.items():
                line = [*indices, indices[0]] if name in CLOSED_REGIONS else list(indices)
                x, y = points[line].T
                axes.plot(x + column * wide, y + row * high, color=color, linewidth=1)
            place = column * wide, (row + 0.47) * high
            axes.text(*place, word or "", ha="center", va="center", size=8, color=color)
    return data_uri(figure)


def _name(axes: Axes, x: float, y: float, text: str) -> None:
    """Who is shown; a name may hold signs that stand for formulas elsewhere."""
    axes.text(x, y, text, ha="center", va="center", size=8, color=_INK, parse_math=False)


def painted_faces(
    heads: list[str],
    people: list[str],
    faces: NDArray[np.uint8],
    said: list[list[str]],
    truth: list[str],
) -> bytes:
    """The same people at each stage, as pictures; a PNG file.

    Parameters
    ----------
    heads : list of m str
        Stages.
    people : list of n str
    faces : (n, m, side, side, 3) uint8 array
    said : n lists of m str
        What the classifier said; green where it is the person's of `truth`.
    truth : list of n str
    """
    rows, columns, side = faces.shape[:3]
    high = round(1.25 * side)
    sheet = np.full((rows * high, columns * side, 3), 255, np.uint8)
    for row, column in np.ndindex(rows, columns):
        top, left = row * high, column * side
        sheet[top : top + side, left : left + side] = faces[row, column]
    figure = Figure(figsize=(1.2 * columns + 1, 1.5 * rows + 0.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, extent=(0, columns, rows, 0), aspect="auto")
    axes.set_axis_off()
    axes.set_xlim(-0.85, columns)
    axes.set_ylim(rows, -0.4)
    for column, head in enumerate(heads):
        axes.text(column + 0.5, -0.2, head, ha="center", va="center", size=8, color=_INK)
    for row, (person, words) in enumerate(zip(people, said, strict=True)):
        _name(axes, -0.42, row + 0.4, person)
        for column, word in enumerate(words):
            color = _OURS if word == truth[row] else _WRONG
            axes.text(column + 0.5, row + 0.9, word, ha="center", va="center", size=8, color=color)
    return _png(figure)


def file_uri(path: Path) -> str:
    """A PNG file as the value of an <img>'s src."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
