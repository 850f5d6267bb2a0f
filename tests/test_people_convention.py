"""Landmarks lie where annotators put them: moved over the surface, never across a gap."""

import numpy as np
import pytest

from data.people.convention import OFFSETS, annotated_places
from landmarks.scheme import MIRROR
from tests import made_up_head


@pytest.fixture(scope="module")
def model():
    return made_up_head.head()


@pytest.fixture(scope="module")
def places(model):
    return annotated_places(model)


def test_each_landmark_is_moved_by_its_offset_seen_from_the_front(model, places):
    before = model.neutral[model.landmark_vertices]
    after = places.of(model.neutral)
    unit = np.linalg.norm(before[45] - before[36])
    expected = before[:, :2].copy()
    for landmark, (x, y) in OFFSETS.items():
        for one, sign in {landmark: 1, int(MIRROR[landmark]): -1}.items():
            sign = 1 if landmark == one else sign
            expected[one] = before[one, :2] + unit * np.array([sign * x, -y])
    gap = np.linalg.norm(after[:, :2] - expected, axis=1) / unit
    # Beyond the edge of a lid or of the chin the nearest place of the surface is taken.
    assert (gap < 0.005).sum() >= 50
    assert gap.max() < 0.035


def test_landmarks_without_an_offset_are_vertices_of_the_model(model, places):
    moved = set(OFFSETS) | {int(MIRROR[landmark]) for landmark in OFFSETS}
    rest = [landmark for landmark in range(68) if landmark not in moved]
    assert 30 in rest
    after = places.of(model.neutral)[rest]
    np.testing.assert_array_equal(after, model.neutral[model.landmark_vertices[rest]])


def test_places_are_symmetric_and_weights_are_shares(model, places):
    after = places.of(model.neutral)
    np.testing.assert_allclose(after[MIRROR] * [-1, 1, 1], after, atol=0.12)
    np.testing.assert_allclose(places.weights.sum(axis=1), 1, atol=1e-9)
    assert places.weights.min() >= 0


def test_lips_that_touch_are_told_apart(model, places):
    weights = np.zeros(53)
    weights[model.names.index("jawOpen")] = 1
    fell = places.of(model.neutral) - places.of(model.face(np.zeros(5), weights))
    assert fell[[61, 62, 63], 1].max() < 0.3
    assert fell[[65, 66, 67], 1].min() > 1
