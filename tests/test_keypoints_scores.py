"""Numbers of an evaluation against numbers by hand, invariances and an independent oracle."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from landmarks import scheme
from landmarks.keypoints import scores
from landmarks.keypoints.report import judge
from landmarks.metrics import inter_ocular_distances
from tests.drawn_faces import drawn_points

FACE = drawn_points()
INTER_OCULAR = float(np.linalg.norm(FACE[36] - FACE[45]))


def test_errors_by_hand():
    truth = np.stack([FACE * 100, FACE * 50])
    placed = truth.copy()
    placed[0] += [3, 4]  # 5 pixels
    placed[1, 17:] += [0, 2]
    found = scores.residuals(placed, truth)
    errors = scores.face_errors(found)
    np.testing.assert_allclose(
        errors, [5 / (100 * INTER_OCULAR), 2 * 51 / 68 / (50 * INTER_OCULAR)]
    )
    inner = scores.face_errors(found, scheme.INNER_51)
    np.testing.assert_allclose(inner, [5 / (100 * INTER_OCULAR), 2 / (50 * INTER_OCULAR)])
    np.testing.assert_allclose(scores.face_errors(found, range(17)), [errors[0], 0])


def test_summary_by_hand():
    score = scores.summarize(np.array([0.02, 0.04, 0.09, np.inf]))
    assert score.nme == pytest.approx(0.05)
    assert score.median == pytest.approx(0.04)
    assert score.auc == pytest.approx((0.75 + 0.5) / 4)
    assert score.failures == 0.5
    assert np.isnan(scores.summarize(np.array([np.inf])).nme)


def test_residuals_follow_the_face():
    rng = np.random.default_rng(0)
    truth, placed = FACE[None], FACE[None] + rng.normal(0, 0.05, (1, 68, 2))
    turn = 0.7
    matrix = 37 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = scores.residuals(placed @ matrix.T + [5, -9], truth @ matrix.T + [5, -9])
    np.testing.assert_allclose(moved, scores.residuals(placed, truth), atol=1e-12)
    # Upright, the axes are those of the picture.
    np.testing.assert_allclose(moved, (placed - truth) / INTER_OCULAR, atol=1e-12)


def test_a_mean_offset_is_removed_exactly():
    rng = np.random.default_rng(1)
    truth, offset = [], rng.normal(0, 0.03, (68, 2))
    placed = []
    for turn, size in ((0.0, 80), (0.5, 40), (-1.2, 130)):
        matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        truth.append(FACE @ matrix.T)
        placed.append((FACE + offset * INTER_OCULAR) @ matrix.T)
    truth, placed = np.array(truth), np.array(placed)
    found = scores.residuals(placed, truth)
    np.testing.assert_allclose(scores.mean_offset(found), offset, atol=1e-12)
    method = judge(placed, truth, scores.mean_offset(found))
    assert method.all_68.nme == pytest.approx(np.linalg.norm(offset, axis=1).mean())
    assert method.all_68_without_offset.nme == pytest.approx(0, abs=1e-12)
    assert method.regions["jaw"].nme == pytest.approx(np.linalg.norm(offset[:17], axis=1).mean())
    assert method.regions["jaw"].without_offset == pytest.approx(0, abs=1e-12)
    # Lost faces neither change the offset nor get an error.
    lost = np.full((1, 68, 2), np.nan)
    more = scores.residuals(np.concatenate([placed, lost]), np.concatenate([truth, truth[:1]]))
    np.testing.assert_allclose(scores.mean_offset(more), offset, atol=1e-12)
    assert np.isinf(scores.face_errors(more)[3])


def test_coverage_by_hand():
    found = np.zeros((3, 68, 2))
    found[0, :, 0] = np.linspace(0, 0.67, 68)  # 0, 0.01, …
    found[2] = np.nan  # lost
    radius = np.full((3, 68), 0.165)
    assert scores.coverage(found, radius) == pytest.approx((17 + 68) / 136)
    jaw = np.zeros((3, 68), bool)
    jaw[0, :34] = True
    jaw[2] = True
    assert scores.coverage(found, radius, jaw) == 0.5
    assert np.isnan(scores.coverage(found[2:], radius[2:]))


def test_closed_lips_and_eyes_are_told_by_their_gaps():
    shut, open_ = FACE.copy(), FACE.copy()
    width = inter_ocular_distances(FACE)
    for face, lips, right, left in ((shut, 0.019, 0.039, 0.041), (open_, 0.021, 0.2, 0.01)):
        for upper, lower in ((61, 67), (62, 66), (63, 65)):
            face[lower] = face[upper] + [0, lips * width]
        for (upper, lower), gap in zip(
            ((37, 41), (38, 40), (43, 47), (44, 46)), (right, right, left, left), strict=True
        ):
            face[lower] = face[upper] + [0, gap * width]
    faces = np.stack([shut, open_])
    np.testing.assert_allclose(scores.lip_gaps(faces), [0.019, 0.021])
    np.testing.assert_allclose(scores.lid_gaps(faces), [[0.039, 0.041], [0.2, 0.01]])
    groups = scores.feature_groups(faces)
    assert {name: count for name, (_, count) in groups.items()} == {
        "closed lips": 1,
        "open lips": 1,
        "closed eyes": 2,
        "open eyes": 2,
    }
    assert np.flatnonzero(groups["closed lips"][0][0]).tolist() == list(range(48, 68))
    assert not groups["closed lips"][0][1].any()
    assert np.flatnonzero(groups["closed eyes"][0][0]).tolist() == list(range(36, 42))
    assert np.flatnonzero(groups["closed eyes"][0][1]).tolist() == list(range(42, 48))
    assert np.flatnonzero(groups["open eyes"][0][0]).tolist() == list(range(42, 48))


def test_ranking_by_other_means():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 9, 50).astype(float)
    second = first + rng.normal(0, 3, 50)
    expected = spearmanr(first, second).statistic
    assert scores.rank_correlation(first, second) == pytest.approx(expected)
    assert np.isnan(scores.rank_correlation(first, np.ones(50)))
    # Of 6 pairs 4 are in order, one is a tie.
    assert scores.separation(np.array([0.9, 0.5, 0.2]), np.array([0.5, 0.1])) == 4.5 / 6
    assert np.isnan(scores.separation(np.array([0.9]), np.array([])))
