"""Curves and bars of an evaluation, drawn by matplotlib without a screen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from landmarks import metrics, scheme
from landmarks.keypoints.report import Report
from landmarks.keypoints.report_text import percent
from landmarks.keypoints.scores import FAILED, face_errors, residuals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_END = 0.16  # of the curve's axis
_OURS, _DLIB, _GREY = "#1f6fb2", "#d9730d", "#6b6b6b"


def ced_figure(report: Report) -> Figure:
    """Shares of faces up to each error, all 68 points and the inner 51, ours and dlib's."""
    from matplotlib.figure import Figure

    measured = report.measured
    figure = Figure(figsize=(7.2, 5.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    grid = np.linspace(0, _END, 641)
    methods: list[tuple[str, str, Any, Any]] = [("ours", _OURS, measured.points, report.ours)]
    if report.dlib is not None:
        methods.append(("dlib", _DLIB, measured.dlib, report.dlib))
    for name, color, points, method in methods:
        found = residuals(points, measured.truth)
        lines = (("all 68", None, "-", method.all_68), ("inner 51", scheme.INNER_51, "--",
                                                         method.inner_51))  # fmt: skip
        for title, chosen, style, score in lines:
            share = metrics.cumulative_error_distribution(face_errors(found, chosen), grid)
            label = f"{name}, {title}: NME {percent(score.nme)}, AUC {score.auc:.3f}"
            axes.plot(100 * grid, 100 * share, style, color=color, lw=1.8, label=label)
    axes.axvline(100 * FAILED, color=_GREY, lw=0.8, ls=":")
    axes.set(
        xlim=(0, 100 * _END),
        ylim=(0, 100.5),
        xlabel="mean error of a face, % of the inter-ocular distance",
        ylabel="% of the faces",
    )
    people = report.persons
    leak = "leaks" if people.leaks else "persons disjoint"
    lost = f", {report.lost} lost" if report.lost else ""
    axes.set_title(
        f"{len(measured):,} faces of {sum(people.persons.values()):,} persons{lost} · split "
        f"{people.split}: {leak} · boxes: {report.told['boxes']}",
        fontsize=9,
        color="#b00020" if people.leaks else "black",
    )
    axes.grid(color="#e4e4e4", lw=0.6)
    axes.legend(loc="lower right", fontsize=8, framealpha=1)
    return figure


def regions_figure(report: Report) -> Figure:
    """Mean error of each region, ours and dlib's; and how much the stated radii hold."""
    from matplotlib.figure import Figure

    names = list(scheme.REGIONS)
    count = 2 if report.covered else 1
    figure = Figure(figsize=(5.2 * count, 4.4), dpi=150, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, count))
    methods = [("ours", _OURS, report.ours)]
    if report.dlib is not None:
        methods.append(("dlib", _DLIB, report.dlib))
    height = 0.8 / len(methods)
    places = np.arange(len(names))
    for number, (name, color, method) in enumerate(methods):
        at = places + (number - (len(methods) - 1) / 2) * height
        values = [100 * method.regions[region].nme for region in names]
        rest = [100 * method.regions[region].without_offset for region in names]
        panels[0].barh(at, values, height * 0.9, color=color, alpha=0.4, label=f"{name}, as placed")
        panels[0].barh(at, rest, height * 0.5, color=color, label=f"{name}, mean offset removed")
    _rows(panels[0], [name.replace("_", " ") for name in names])
    panels[0].set_xlabel("NME, % of the inter-ocular distance")
    panels[0].legend(fontsize=7, framealpha=1)
    if report.covered:
        shown = [*names, "closed lips", "closed eyes", "all 68"]
        values = [100 * report.covered[name].share for name in shown]
        panels[1].axvspan(88, 92, color="#dfeede")
        panels[1].axvline(90, color="#3c8d40", lw=0.8)
        panels[1].plot(values, np.arange(len(shown)), "o", color=_OURS)
        least = min((value for value in values if np.isfinite(value)), default=90)
        panels[1].set_xlim(min(75, least - 3), 100)
        _rows(panels[1], [name.replace("_", " ") for name in shown])
        panels[1].set_xlabel("truths within the stated radius, % (meant: 90)")
    return figure


def _rows(axes: Any, names: list[str]) -> None:
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)


def png(figure: Figure) -> bytes:
    """The bytes of a figure; equal figures give equal bytes."""
    handle = io.BytesIO()
    figure.savefig(handle, format="png", metadata={"Software": None})
    return handle.getvalue()
