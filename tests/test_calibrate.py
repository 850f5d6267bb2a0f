"""The published quadratic calibration."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from calibration import apply_calibration, calibrate
from landmarks.files import write_points

# A standing ellipse with a mouth and a nose: any points that lie on no common conic.
ANGLES = np.linspace(0, np.pi, 17)
FACE = np.concatenate(
    [
        np.stack([128 + 70 * np.cos(ANGLES), 110 + 90 * np.sin(ANGLES)], -1),
        np.stack([128 + 25 * np.cos(2 * ANGLES), 170 + 9 * np.sin(2 * ANGLES)], -1),
        np.stack([np.linspace(80, 176, 17), 85 + 9 * np.cos(5 * ANGLES)], -1),
        np.stack([128 + 4 * np.sin(3 * ANGLES), np.linspace(85, 140, 17)], -1),
    ]
)


def random_faces(seed):
    rng = np.random.default_rng(seed)
    target = FACE + rng.normal(size=FACE.shape) * 6
    gold = FACE * rng.uniform(0.8, 1.2, 2) + rng.normal(size=FACE.shape) * 6
    return gold, target


def exact_least_squares(target, gold):
    """Normal equations solved in rational arithmetic: no rounding until the end."""
    x, y = ([Fraction(v) for v in column] for column in target.T.tolist())
    rows = [[b * b, a * a, a * b, b, a, Fraction(1)] for a, b in zip(x, y, strict=True)]
    found = []
    for column in gold.T.tolist():
        wanted = [Fraction(v) for v in column]
        system = [
            [sum(r[i] * r[j] for r in rows) for j in range(6)]
            + [sum(r[i] * w for r, w in zip(rows, wanted, strict=True))]
            for i in range(6)
        ]
        for i in range(6):
            pivot = next(r for r in range(i, 6) if system[r][i] != 0)
            system[i], system[pivot] = system[pivot], system[i]
            system[i] = [value / system[i][i] for value in system[i]]
            for r in range(6):
                if r != i:
                    factor = system[r][i]
                    system[r] = [a - factor * b for a, b in zip(system[r], system[i], strict=True)]
        found.append([float(system[i][6]) for i in range(6)])
    return np.array(found)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("corner", [(0, 0), (3700, 2800), (-900, 20_000)])
def test_equals_exact_rational_least_squares(seed, corner):
    gold, target = random_faces(seed)
    gold, target = gold + np.array([17, -3]), target + corner
    found = calibrate(None, gold, None, target)
    np.testing.assert_allclose(found, exact_least_squares(target, gold), rtol=1e-9)


def test_a_known_quadratic_is_recovered():
    par_x = [1e-4, -2e-4, 3e-4, 0.05, 0.9, 12.0]
    par_y = [-3e-4, 1e-4, -1e-4, 1.1, -0.04, -7.0]
    x, y = FACE.T
    gold = np.stack(
        [
            1e-4 * y**2 - 2e-4 * x**2 + 3e-4 * x * y + 0.05 * y + 0.9 * x + 12,
            -3e-4 * y**2 + 1e-4 * x**2 - 1e-4 * x * y + 1.1 * y - 0.04 * x - 7,
        ],
        -1,
    )
    found = calibrate(None, gold, None, FACE)
    np.testing.assert_allclose(found, [par_x, par_y], rtol=1e-9)
    np.testing.assert_allclose(apply_calibration(*found, FACE), gold)


def test_six_points_are_met_exactly():
    rng = np.random.default_rng(0)
    gold, target = rng.uniform(0, 256, (2, 6, 2))
    pars = calibrate(None, gold, None, target)
    np.testing.assert_allclose(apply_calibration(*pars, target), gold)


def test_the_order_of_the_terms():
    points = [[2.0, 3.0]]
    for place, value in enumerate([9, 4, 6, 3, 2, 1]):  # y^2, x^2, xy, y, x, 1
        unit = np.eye(6)[place]
        np.testing.assert_array_equal(
            apply_calibration(unit, 10 * unit, points), [[value, 10 * value]]
        )


def test_affine_maps_of_either_face_are_followed():
    gold, target = random_faces(9)
    calibrated = apply_calibration(*calibrate(None, gold, None, target), target)
    matrix, shift = np.array([[1.3, 0.4], [-0.7, 0.9]]), [40, 900]
    moved = target @ matrix + shift
    np.testing.assert_allclose(
        apply_calibration(*calibrate(None, gold, None, moved), moved), calibrated
    )
    np.testing.assert_allclose(
        apply_calibration(*calibrate(None, gold @ matrix + shift, None, target), target),
        calibrated @ matrix + shift,
    )


def test_the_order_of_the_points_does_not_matter():
    gold, target = random_faces(10)
    order = np.random.default_rng(0).permutation(68)
    np.testing.assert_allclose(
        calibrate(None, gold[order], None, target[order]), calibrate(None, gold, None, target)
    )


def test_calibrating_a_face_to_itself_is_the_identity():
    par_x, par_y = calibrate(None, FACE, None, FACE)
    np.testing.assert_allclose(par_x, [0, 0, 0, 0, 1, 0], atol=1e-11)
    np.testing.assert_allclose(par_y, [0, 0, 0, 1, 0, 0], atol=1e-11)


def test_points_that_coincide_stay_together():
    # Why the method cannot open closed lips, however open the gold mouth is.
    gold, target = random_faces(11)
    target[20] = target[30]
    gold[20] += [0, 40]
    calibrated = apply_calibration(*calibrate(None, gold, None, target), target)
    np.testing.assert_array_equal(calibrated[20], calibrated[30])


def test_very_flat_and_very_narrow_faces_are_no_degenerate_ones():
    gold, target = random_faces(12)
    for stretch in ([1, 1e-6], [1e5, 1e-3]):
        calibrated = apply_calibration(
            *calibrate(None, gold, None, target * stretch), target * stretch
        )
        expected = apply_calibration(*calibrate(None, gold, None, target), target)
        np.testing.assert_allclose(calibrated, expected)


def test_batches_of_points_and_float32_and_integers():
    gold, target = random_faces(13)
    pars = calibrate(None, gold, None, target)
    batch = apply_calibration(*pars, np.stack([target, gold]))
    np.testing.assert_array_equal(batch[1], apply_calibration(*pars, gold))
    whole = np.round(target).astype(np.int32)
    np.testing.assert_array_equal(
        calibrate(None, gold, None, whole), calibrate(None, gold, None, whole.astype(np.float32))
    )


def test_files_and_arrays_give_the_same_and_photographs_are_not_opened(tmp_path):
    gold, target = random_faces(14)
    write_points(tmp_path / "gold.txt", gold)
    write_points(tmp_path / "target.txt", target)
    found = calibrate(
        "no/such/gold.jpg", tmp_path / "gold.txt", "no/such/face.jpg", str(tmp_path / "target.txt")
    )
    np.testing.assert_array_equal(found, calibrate(None, gold, None, target))
    np.testing.assert_array_equal(
        apply_calibration(*found, tmp_path / "target.txt"), apply_calibration(*found, target)
    )


def test_any_scheme_will_do():
    gold, target = random_faces(15)
    for count in (6, 51, 68, 68 * 3):
        inner = np.tile(gold, (3, 1))[:count] + np.arange(count)[:, None] % 7
        assert np.shape(calibrate(None, inner, None, np.tile(target, (3, 1))[-count:])) == (2, 6)


LINE = np.stack([np.arange(20.0) / 3 + 0.1, 2 * np.arange(20.0) / 3 + 7], -1)
TURN = np.linspace(0, 5, 20)
CIRCLE = np.stack([300 + 90 * np.cos(TURN), 200 + 90 * np.sin(TURN)], -1)


@pytest.mark.parametrize(
    ("target", "rank"),
    [
        (np.full((20, 2), 1 / 3), 1),
        (np.repeat([[1.0, 2.0], [5.1, 3.3]], 10, 0), 2),
        (LINE, 3),
        (LINE + 1e5, 3),
        (LINE * [1, 0] + [0, 1 / 3], 3),  # horizontal
        (LINE * [0, 1] + [1 / 3, 0], 3),  # vertical
        # Horizontal but for rounding.
        (np.stack([LINE[:, 0], np.where(LINE[:, 0] > 3, 0.3, 0.1 + 0.2)], -1), 3),
        (np.tile(FACE[10:14], (5, 1)), 4),
        (np.tile(FACE[10:15], (4, 1)), 5),
        (CIRCLE, 5),
        (CIRCLE @ [[1.5, 0.2], [0.1, 0.4]], 5),  # an ellipse, tilted
        (np.concatenate([LINE[:10], LINE[:10] * [-1, 1]]), 5),  # two lines are a conic
        (CIRCLE.astype(np.float32), 5),
    ],
)  # fmt: skip
def test_points_that_do_not_determine_the_map_are_told_with_the_rank(target, rank):
    gold = np.random.default_rng(0).uniform(0, 256, (20, 2))
    with pytest.raises(ValueError, match=f"rank {rank} of 6"):
        calibrate(None, gold, None, target)


def test_a_degenerate_gold_face_is_fitted_all_the_same():
    # Only the sample's points make up the design matrix.
    pars = calibrate(None, np.tile([3.0, 4.0], (68, 1)), None, FACE)
    np.testing.assert_allclose(pars, [[0, 0, 0, 0, 0, 3], [0, 0, 0, 0, 0, 4]], atol=1e-12)


@pytest.mark.parametrize(
    ("gold", "target", "told"),
    [
        (FACE, FACE[17:], "goldland has 68 points and targetland 51: expected the same landmarks"),
        (FACE[:5], FACE[:5], "at least 6 points, got 5"),
        (np.where(np.arange(136).reshape(68, 2) == 35, np.nan, FACE), FACE, "goldland: row 17 is"),
        (FACE, np.where(np.arange(136).reshape(68, 2) == 8, np.inf, FACE), "targetland: row 4 is"),
        (FACE, FACE.ravel(), r"targetland: expected \(N, 2\) points, got shape \(136,\)"),
        (FACE, FACE[None], r"targetland: expected \(N, 2\) points"),
        (FACE, FACE * 1j, "real numbers, got type complex128"),
        (FACE, [[1, 2], [3]], "rows of unequal length"),
        (FACE, None, "real numbers"),
        (np.zeros((0, 2)), FACE, r"goldland: expected \(N, 2\) points, got shape \(0, 2\)"),
    ],
)  # fmt: skip
def test_bad_points_are_told(gold, target, told):
    with pytest.raises(ValueError, match=told):
        calibrate(None, gold, None, target)


def test_unreadable_files_are_told(tmp_path):
    (tmp_path / "bad.txt").write_text("1 2\n3 four\n")
    for name in ("bad.txt", "missing.txt"):
        with pytest.raises(ValueError, match=name):
            calibrate(None, tmp_path / name, None, FACE)


def test_bad_coefficients_are_told():
    with pytest.raises(ValueError, match="par_y: expected 6 finite"):
        apply_calibration(np.ones(6), np.ones(5), FACE)
    with pytest.raises(ValueError, match="par_x: expected 6 finite"):
        apply_calibration(np.full(6, np.nan), np.ones(6), FACE)
