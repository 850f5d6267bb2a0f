"""The numbers of an evaluation as a table for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from landmarks import scheme
from landmarks.keypoints.report import KEPT, Person, Report
from landmarks.keypoints.scores import EYE_CLOSED, LIPS_CLOSED, TRUSTED
from landmarks.metrics import FAILED

_ROWS = (
    ("NME", "nme"),
    ("  median", "median"),
    (f"  AUC@{FAILED:g}", "auc"),
    ("  failures", "failures"),
)
_POINTS = (("all 68", "all_68"), ("inner 51", "inner_51"))
_TRUST = {
    "rank_correlation_with_error": ("rank correlation with the error (−1 at best)", "{:.3f}"),
    "rank_correlation_of_radius_with_error": (
        "rank correlation of mean radius and error (1 at best)",
        "{:.3f}",
    ),
    "auc_failures": (f"AUC, faces up to {100 * FAILED:g} % against faces above", "{:.4f}"),
    "trusted_faces": (f"found faces trusted ({TRUSTED} and above)", "{:.2%}"),
    "nme_of_most_trusted": (f"NME of the {KEPT:.0%} that are trusted most", "{:.2%}"),
    "no_face_crops": ("crops without a face", "{:,.0f}"),
    "auc_no_faces": ("AUC, found faces against crops without a face", "{:.4f}"),
    "trusted_no_faces": (f"crops without a face trusted ({TRUSTED} and above)", "{:.2%}"),
}
_TITLE = 36
_BEST, _WORST = 3, 5


def report_text(report: Report) -> str:
    """All numbers, of regions too; and the persons with the largest and the smallest errors."""
    parts = [_head(report), _scores(report), _regions(report), _trust(report), _persons(report)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _head(report: Report) -> list[str]:
    faces, lost = len(report.measured), report.lost
    told = f"boxes: {report.told['boxes']}; lost: {lost} of {faces:,} faces"
    if lost:
        told += ", failures that add nothing to the AUC and are not in means and medians"
    again = report.measured.found_by_dlib
    if again is not None and lost:
        told += f"; dlib's detector alone finds {again.sum()} of them"
    return [f"model: {report.told['model']}", str(report.persons), told]


def _scores(report: Report) -> list[str]:
    methods = [("ours", report.ours)] + ([("dlib", report.dlib)] if report.dlib else [])
    lines = []
    removed = f"mean offset of {report.offset_of} removed"
    for title, without in (("as placed", ""), (removed, "_without_offset")):
        # A long title gets a line of its own.
        lines += [title] if len(title) > _TITLE else []
        lines.append(_line("" if len(title) > _TITLE else title, [name for name, _ in methods]))
        for points, field in _POINTS:
            for row, name in _ROWS:
                scores = [getattr(method, field + without) for _, method in methods]
                label = f"  {row}, {points}" if name == "nme" else f"  {row}"
                lines.append(_line(label, [percent(getattr(score, name)) for score in scores]))
    return lines


def _regions(report: Report) -> list[str]:
    heads = ["ours", "no offset"] + (["dlib", "no offset"] if report.dlib else [])
    heads += ["in radius", "no offset"] if report.covered else []
    lines = [_line("NME by region", heads)]
    for name in scheme.REGIONS:
        numbers = [*report.ours.regions[name], *(report.dlib.regions[name] if report.dlib else ())]
        numbers += report.covered[name][:2] if report.covered else ()
        lines.append(_line(f"  {name.replace('_', ' ')}", map(percent, numbers)))
    blank = [""] * (len(heads) - 2)
    for name, covered in report.covered.items():
        if name not in scheme.REGIONS:
            lines.append(
                _line(f"  {_counted(name, covered.of)}", [*blank, *map(percent, covered[:2])])
            )
    if report.covered:
        lines += [
            "  (in radius: truths within the stated radius, meant to be 90 %; closed in truth:",
            f"  inner lips apart by up to {percent(LIPS_CLOSED)} of the inter-ocular distance,"
            f" lids by up to {percent(EYE_CLOSED)})",
        ]
    return lines


def _trust(report: Report) -> list[str]:
    if not report.trust:
        return []
    lines = ["trust"]
    for name, value in report.trust.items():
        label, form = _TRUST[name]
        told = form.format(value) if math.isfinite(value) else "–"
        lines.append(f"  {label:<54}{told:>10}")
    return lines


def _persons(report: Report) -> list[str]:
    met = [person for person in report.by_person if person.faces > person.lost]
    lines = [
        f"{title} persons, mean NME (faces found): {_listed(people)}"
        for title, people in (("worst", met[:_WORST]), ("best", met[::-1][:_BEST]))
    ]
    return [*lines, *report.notes]


def _listed(people: Sequence[Person]) -> str:
    return ", ".join(f"{p.person} {percent(p.nme)} ({p.faces - p.lost})" for p in people)


def percent(value: float) -> str:
    """A fraction in percent; a dash where there is no number."""
    return f"{100 * value:.2f} %" if math.isfinite(value) else "–"


def _counted(name: str, count: int) -> str:
    word = "mouths" if "lips" in name else "eyes" if "eyes" in name else "faces"
    return f"{name} ({count:,} {word})"


def _line(title: str, cells: Iterable[str]) -> str:
    return f"{title:<{_TITLE}}" + "".join(f"{cell:>11}" for cell in cells)
