import numpy as np
import pytest

from landmarks import metrics


def face() -> np.ndarray:
    """Outer eye corners 100 apart, eye centres 60 apart, bounding box 100 × 64."""
    points = np.full((68, 2), [50.0, 32.0])
    points[36], points[45] = [0, 0], [100, 0]
    points[37:42] = [24.0, 0]  # with the corner at 0 their mean is 20
    points[[42, 43, 44, 46, 47]] = [76.0, 0]  # mean 80
    points[8] = [50, 64]
    return points


def test_lengths_by_hand():
    assert metrics.inter_ocular_distance(face()) == 100
    many = metrics.inter_ocular_distances([face(), face() * 0.3, face() * np.nan])
    np.testing.assert_allclose(many, [100, 30, np.nan])
    assert metrics.inter_pupil_distance(face()) == pytest.approx(60)
    assert metrics.box_size(face()) == pytest.approx(80)


@pytest.mark.parametrize(
    ("normalizer", "expected"), [("inter_ocular", 0.05), ("inter_pupil", 5 / 60), ("box", 5 / 80)]
)
def test_nme_by_hand(normalizer, expected):
    moved = face() + [3, 4]  # each point by 5 pixels
    assert metrics.normalized_mean_error(moved, face(), normalizer=normalizer) == pytest.approx(
        expected
    )


def test_nme_is_invariant_to_a_common_similarity():
    rng = np.random.default_rng(0)
    truth, noise = face(), rng.normal(size=(68, 2))
    turn = 3 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    before = metrics.normalized_mean_error(truth + noise, truth)
    after = metrics.normalized_mean_error((truth + noise) @ turn.T + 7, truth @ turn.T + 7)
    assert after == pytest.approx(before)


@pytest.mark.parametrize(
    ("predicted", "truth", "reason"),
    [
        (np.zeros((67, 2)), face(), r"predicted has shape \(67, 2\)"),
        (face(), np.zeros((68, 3)), r"truth has shape \(68, 3\)"),
        (np.where(np.arange(68)[:, None] == 7, np.nan, face()), face(), "not finite at point 7"),
        (face(), np.zeros((68, 2)), "length zero"),
    ],
)
def test_bad_input_is_told(predicted, truth, reason):
    with pytest.raises(ValueError, match=reason):
        metrics.normalized_mean_error(predicted, truth)


def test_unknown_normalizer_names_the_known_ones():
    with pytest.raises(ValueError, match="inter_ocular"):
        metrics.normalized_mean_error(face(), face(), normalizer="nose")


def test_curve_area_and_failures_by_hand():
    errors = [0.02, 0.04, 0.12, np.inf]
    np.testing.assert_array_equal(
        metrics.cumulative_error_distribution(errors, [0, 0.02, 0.05, 1]), [0, 0.25, 0.5, 0.75]
    )
    # The steps at 0.02 and 0.04 leave 0.06/0.08 and 0.04/0.08 of the width, each a quarter high.
    assert metrics.area_under_curve(errors) == pytest.approx((0.75 + 0.5) / 4)
    assert metrics.failure_rate(errors) == 0.5
    assert metrics.failure_rate([0.08, 0.09]) == 0.5  # up to the threshold is no failure


def test_area_is_the_integral_of_the_curve():
    errors = np.random.default_rng(1).gamma(2, 0.02, 500)
    grid = np.linspace(0, 0.08, 200_001)
    curve = metrics.cumulative_error_distribution(errors, grid)
    integral = np.sum((curve[1:] + curve[:-1]) / 2) * (grid[1] - grid[0]) / 0.08
    assert metrics.area_under_curve(errors) == pytest.approx(integral, abs=1e-4)


@pytest.mark.parametrize("errors", [[], [np.nan], [-0.1], [[0.1]]])
def test_errors_that_are_no_errors(errors):
    with pytest.raises(ValueError):
        metrics.failure_rate(errors)
