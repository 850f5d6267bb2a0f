"""Rendered heads are told from photographs, and asked for as much as they truly show."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from calibration import ExpressionModel
from gan.editor import Editor
from gan.editor.rendered import features
from gan.editor.subject import Subject
from gan.editor.wish import Target, Wish
from landmarks.placing import Fit
from landmarks.shards import read_shards

PEOPLE = Path(__file__).parents[1] / "data" / "people_small.tar"


@pytest.fixture(scope="module")
def finder():
    return Editor.load(warp_only=True).finder


def test_rendered_heads_are_told_from_a_photograph(finder, portrait):
    told = []
    for sample in islice(read_shards(PEOPLE), 0, 120, 6):
        try:
            [subject], _ = finder.subjects(sample.image, None, "largest")
        except ValueError:
            continue
        told.append(subject.rendered)
    assert len(told) >= 10
    assert np.mean(told) > 0.8
    [subject], _ = finder.subjects(portrait, None, "largest")
    assert not subject.rendered
    assert not subject.within(portrait, np.eye(2, 3)).rendered


def test_points_that_are_given_are_not_judged(finder, portrait):
    [subject], _ = finder.subjects(portrait, None, "largest")
    [given], _ = finder.subjects(portrait, subject.source, None)
    assert not given.rendered


def test_the_radius_counts_in_inter_ocular_distances(finder, portrait):
    """The same face at twice the size is judged alike."""
    [subject], _ = finder.subjects(portrait, None, "largest")
    other = Fit(subject.source + 1.0, np.full(68, 2.0), 1.0)
    large = Subject(portrait, subject.source * 2)
    twice = Fit(other.points * 2, np.full(68, 4.0), 1.0)
    assert features(subject, other)[:153] == pytest.approx(features(large, twice)[:153])


def test_edges_are_those_of_the_mirror_image_too(finder, portrait):
    [subject], _ = finder.subjects(portrait, None, "largest")
    here = features(subject, Fit(subject.source, np.full(68, 2.0), 1.0))
    subject.square = np.ascontiguousarray(subject.square[:, ::-1])
    there = features(subject, Fit(subject.source, np.full(68, 2.0), 1.0))
    assert len(here) == 5171
    assert here[167 + 1764 :] == pytest.approx(there[167 + 1764 :], abs=1e-5)


def test_rendered_heads_are_made_once(finder, portrait):
    points = finder.points(portrait, "portrait")
    model = ExpressionModel.load()
    photographed = Target(Wish("happiness"), model, points)
    rendered = Target(Wish("happiness"), model, points, rendered=True)
    assert photographed.tells
    assert not rendered.tells
    assert rendered.points([rendered.still])[0] == pytest.approx(points)
    wanted = rendered.points([0.0, rendered.still + 0.3, rendered.still + 0.6])
    assert wanted[2] - points == pytest.approx(2 * (wanted[1] - points))
    assert np.abs(wanted[1] - points).max() > 0.005 * np.ptp(points)
    assert wanted[0] == pytest.approx(photographed.points([0.0])[0])
    assert "seems rendered" in rendered.note
