"""What an evaluation found: numbers, and their record as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from landmarks import scheme
from landmarks.keypoints.held_faces import Persons
from landmarks.keypoints.measuring import Measured
from landmarks.keypoints.no_faces import NoFaces
from landmarks.keypoints.scores import (
    EYE_CLOSED,
    FAILED,
    LIPS_CLOSED,
    TRUSTED,
    Floats,
    Score,
    coverage,
    face_errors,
    feature_groups,
    mean_offset,
    rank_correlation,
    residuals,
    separation,
    summarize,
)

_DIGITS = 6  # of a number in report.json

KEPT = 0.9
"""Share of the faces that are left when those of least trust are put aside."""


class Region(NamedTuple):
    """Mean error over the points of a region, in found faces; and without the mean offset."""

    nme: float
    without_offset: float


class Covered(NamedTuple):
    """Share of truths inside of the stated radius; and without the mean offset.

    `of` is the number of faces, mouths or eyes, lost ones among them.
    """

    share: float
    without_offset: float
    of: int


class Person(NamedTuple):
    """The faces of one person; errors of those that were found, NaN where none was."""

    person: str
    faces: int
    lost: int
    nme: float
    failures: float
    dlib: float


@dataclass(frozen=True)
class Method:
    """Scores of one predictor.

    Attributes
    ----------
    all_68, inner_51 : Score
    all_68_without_offset, inner_51_without_offset : Score
        With the mean offset of each point taken off.
    regions : dict
        Name → `Region`.
    """

    all_68: Score
    inner_51: Score
    all_68_without_offset: Score
    inner_51_without_offset: Score
    regions: dict[str, Region]


@dataclass(frozen=True, eq=False)
class Report:
    """An evaluation.

    Attributes
    ----------
    told : dict
        Model, shards, boxes, …: what was asked for, as JSON holds it.
    persons : Persons
    measured : Measured
    offset_of : str
        Whose mean offset is taken off.
    ours, dlib : Method; dlib's may be None
    offset : (68, 2) float array
        Ours, in inter-ocular distances along the eyes' line and downwards.
    covered : dict
        Name → `Covered`; empty where the network tells no radius.
    trust : dict
        Name → number; empty where the network tells none.
    by_person : tuple of Person
        The largest error first, then those of whom every face was lost.
    notes : tuple of str
        Sentences.
    """

    told: dict[str, Any]
    persons: Persons
    measured: Measured
    offset_of: str
    ours: Method
    dlib: Method | None
    offset: Floats
    covered: dict[str, Covered]
    trust: dict[str, float]
    by_person: tuple[Person, ...]
    notes: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Faces without a box."""
        return int((~self.measured.found).sum())

    def record(self) -> dict[str, Any]:
        """The report as JSON holds it; null where there is no finite number."""
        again = self.measured.found_by_dlib
        return _finite(
            {
                **self.told,
                "split": self.persons.split,
                "leaks": self.persons.leaks,
                "persons_disjoint": not self.persons.leaks,
                "unseen_says_the_user": self.persons.unseen,
                "trained_on_test_persons": self.persons.trained_on_all,
                "persons": self.persons.persons,
                "faces_by_persons": self.persons.faces,
                "faces": len(self.measured),
                "lost": self.lost,
                "lost_but_found_by_hog": None if again is None else int(again.sum()),
                "normalizer": "inter_ocular (outer eye corners)",
                "mean_offset_of": self.offset_of,
                "mean_offset": self.offset.tolist(),
                "ours": asdict(self.ours),
                "dlib": None if self.dlib is None else asdict(self.dlib),
                "radius_coverage": {name: c._asdict() for name, c in self.covered.items()},
                "closed_lips_up_to": LIPS_CLOSED,
                "closed_eyes_up_to": EYE_CLOSED,
                "trust": self.trust,
                "notes": list(self.notes),
            }
        )


def judge(points: Floats, truth: Floats, offset: Floats) -> Method:
    """Scores of predicted points.

    Parameters
    ----------
    points, truth : (n, 68, 2) float arrays
        Pixels; predictions are NaN where a face was lost.
    offset : (68, 2) float array
        Inter-ocular distances in the face's frame, as `mean_offset` gives them: taken off.
    """
    found = residuals(points, truth)
    without = found - offset
    inner = scheme.INNER_51
    regions = {
        name: Region(*(summarize(face_errors(values, region)).nme for values in (found, without)))
        for name, region in scheme.REGIONS.items()
    }
    return Method(
        summarize(face_errors(found)),
        summarize(face_errors(found, inner)),
        summarize(face_errors(without)),
        summarize(face_errors(without, inner)),
        regions,
    )


def build_report(
    measured: Measured,
    persons: Persons,
    told: dict[str, Any],
    *,
    offsets: tuple[str, Measured] | None = None,
    no_faces: NoFaces | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """All numbers.

    Parameters
    ----------
    measured : Measured
        At least one face was found.
    persons : Persons
    told : dict
        As `Report`.
    offsets : (str, Measured), optional
        Name and predictions of other faces, on which the mean offsets are measured.
    no_faces : NoFaces, optional
    notes : sequence of str, optional
    """
    offset_of, source = offsets or ("this set", measured)
    offset = mean_offset(residuals(source.points, source.truth))
    theirs = None
    if measured.dlib is not None and source.dlib is not None:
        their_offset = mean_offset(residuals(source.dlib, source.truth))
        theirs = judge(measured.dlib, measured.truth, their_offset)
    return Report(
        told,
        persons,
        measured,
        offset_of,
        judge(measured.points, measured.truth, offset),
        theirs,
        offset,
        _covered(measured, offset),
        _trust(measured, no_faces),
        _by_person(measured),
        tuple(notes),
    )


def _covered(measured: Measured, offset: Floats) -> dict[str, Covered]:
    radius = measured.relative_radius()
    if radius is None:
        return {}
    found = residuals(measured.points, measured.truth)
    faces = len(measured)
    chosen: dict[str, tuple[Any, int]] = {}
    for name, region in {**scheme.REGIONS, "all 68": range(68), "inner 51": range(17, 68)}.items():
        mask = np.zeros((faces, scheme.COUNT), dtype=bool)
        mask[:, list(region)] = True
        chosen[name] = mask, faces
    chosen |= feature_groups(measured.truth)
    return {
        name: Covered(coverage(found, radius, mask), coverage(found - offset, radius, mask), count)
        for name, (mask, count) in chosen.items()
    }


def _trust(measured: Measured, no_faces: NoFaces | None) -> dict[str, float]:
    if measured.trust is None:
        return {}
    found = measured.found
    trust = measured.trust[found]
    errors = face_errors(residuals(measured.points, measured.truth))[found]
    radius = measured.relative_radius()
    numbers = {"rank_correlation_with_error": rank_correlation(trust, errors)}
    if radius is not None:
        mean = radius[found].mean(axis=1)
        numbers["rank_correlation_of_radius_with_error"] = rank_correlation(mean, errors)
    most = np.argsort(-trust, kind="stable")[: max(1, round(KEPT * len(trust)))]
    numbers |= {
        "auc_failures": separation(trust[errors <= FAILED], trust[errors > FAILED]),
        "trusted_faces": float((trust >= TRUSTED).mean()),
        "nme_of_most_trusted": float(errors[most].mean()),
    }
    if no_faces is not None:
        numbers |= {
            "no_face_crops": float(len(no_faces.trust)),
            "auc_no_faces": separation(trust, no_faces.trust),
            "trusted_no_faces": float((no_faces.trust >= TRUSTED).mean()),
        }
    return numbers


def _by_person(measured: Measured) -> tuple[Person, ...]:
    errors = face_errors(residuals(measured.points, measured.truth))
    theirs = np.full(len(measured), np.nan)
    if measured.dlib is not None:
        theirs = face_errors(residuals(measured.dlib, measured.truth))
    rows: dict[str, list[int]] = {}
    for row, person in enumerate(measured.persons):
        rows.setdefault(person, []).append(row)
    people = []
    for person, own in rows.items():
        score = summarize(errors[own])
        lost = int((~measured.found[own]).sum())
        met = theirs[own][np.isfinite(theirs[own])]
        beside = float(met.mean()) if met.size else float("nan")
        people.append(Person(person, len(own), lost, score.nme, score.failures, beside))
    people.sort(key=lambda p: (math.isnan(p.nme), -p.nme if p.nme == p.nme else 0, p.person))
    return tuple(people)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
