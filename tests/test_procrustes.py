"""Similarity alignment and the generalised mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize
from scipy.spatial import procrustes as scipy_procrustes

from calibration import Similarity, align_similarity, generalized_procrustes


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def faces(seed, *shape):
    return np.random.default_rng(seed).normal(size=(*shape, 2)) * [40, 60] + [300, 200]


def scattered(shapes, rng):
    """Each shape in its own random position, size and rotation."""
    return np.stack(
        [rng.uniform(0.2, 5) * s @ turn(rng.uniform(-3, 3)).T + rng.normal(size=2) * 99
         for s in shapes]
    )  # fmt: skip


def test_a_known_similarity_is_found():
    source = faces(0, 68)
    target = 1.7 * source @ turn(0.6).T + [5, -9]
    found = align_similarity(source, target)
    np.testing.assert_allclose(found.scale, 1.7)
    np.testing.assert_allclose(found.rotation, turn(0.6))
    np.testing.assert_allclose(found.translation, [5, -9], atol=1e-10)


def test_hand_computed():
    # A quarter turn to the left, twice the size, three to the right.
    found = align_similarity([[0, 0], [1, 0]], [[3, 0], [3, 2]])
    np.testing.assert_allclose(found.apply([[0, 1]]), [[1, 0]], atol=1e-15)


def test_equals_scipys_decomposition_where_no_mirror_is_better():
    source, target = faces(1, 68), faces(1, 68) + faces(2, 68) * 0.1
    a, b = source - source.mean(0), target - target.mean(0)
    rotation, trace = orthogonal_procrustes(a, b)
    assert np.linalg.det(rotation) > 0
    found = align_similarity(source, target)
    np.testing.assert_allclose(found.rotation, rotation.T, atol=1e-12)
    np.testing.assert_allclose(found.scale, trace / (a**2).sum())
    residual = ((found.apply(source) - target) ** 2).sum() / (b**2).sum()
    np.testing.assert_allclose(residual, scipy_procrustes(target, source)[2])


def test_no_numerical_search_finds_a_better_weighted_fit():
    rng = np.random.default_rng(3)
    source, target, weights = faces(3, 20), faces(4, 20), rng.uniform(0, 2, 20)

    def cost(p):
        return (weights * ((p[0] * source @ turn(p[1]).T + p[2:] - target) ** 2).sum(1)).sum()

    found = align_similarity(source, target, weights=weights)
    own = (weights * ((found.apply(source) - target) ** 2).sum(1)).sum()
    searched = min(
        minimize(cost, [1, a, 0, 0], method="Nelder-Mead", options={"maxiter": 4000}).fun
        for a in (-2, 0, 2)
    )
    assert own <= searched * (1 + 1e-9)


def test_a_mirrored_face_is_not_mirrored_back():
    source = faces(5, 68)
    found = align_similarity(source, source * [-1, 1])
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1)


def test_a_point_of_weight_zero_does_not_count():
    source = faces(6, 10)
    target = 2 * source
    target[3] += 1000
    found = align_similarity(source, target, weights=np.arange(10) != 3)
    np.testing.assert_allclose(found.scale, 2)
    np.testing.assert_allclose(found.translation, 0, atol=1e-9)


def test_a_batch_equals_its_members_one_by_one():
    source, target = faces(7, 5, 68), faces(8, 5, 68)
    batch = align_similarity(source, target).apply(source)
    single = [align_similarity(s, t).apply(s) for s, t in zip(source, target, strict=True)]
    np.testing.assert_allclose(batch, single, rtol=1e-12)
    one = align_similarity(source[0], target)
    np.testing.assert_allclose(
        one.apply(source[0])[2], align_similarity(source[0], target[2]).apply(source[0])
    )


def test_the_inverse_undoes():
    source, target = faces(9, 4, 68), faces(10, 4, 68)
    found = align_similarity(source, target)
    np.testing.assert_allclose(found.inverse().apply(found.apply(source)), source)
    single = Similarity(np.array(2.0), turn(1.0), np.array([3.0, 4.0]))
    np.testing.assert_allclose(single.apply(single.inverse().apply(source)), source)


def kent_mean(shapes):
    """The full Procrustes mean in closed form: an eigenvector (Kent 1994)."""
    z = shapes[..., 0] + 1j * shapes[..., 1]
    z = z - z.mean(1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    vector = np.linalg.eigh(z.T @ z.conj())[1][:, -1]
    return np.stack([vector.real, vector.imag], -1)


def test_the_generalised_mean_is_kents_eigenvector():
    rng = np.random.default_rng(11)
    shapes = scattered(faces(11, 68) + rng.normal(size=(30, 68, 2)) * 8, rng)
    mean, aligned = generalized_procrustes(shapes)
    oracle = kent_mean(shapes)
    np.testing.assert_allclose(align_similarity(oracle, mean).apply(oracle), mean, atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(mean), 1)
    np.testing.assert_allclose(mean.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(aligned, align_similarity(shapes, mean).apply(shapes))


def test_shapes_of_one_form_align_exactly_and_stay_upright():
    rng = np.random.default_rng(12)
    form = faces(12, 68)
    _, aligned = generalized_procrustes(scattered([form] * 7, rng))
    np.testing.assert_allclose(aligned, aligned[:1].repeat(7, 0), atol=1e-12)
    # Faces tilted to both sides by the same angle: the mean is not tilted.
    mean, _ = generalized_procrustes([form @ turn(0.3).T, form @ turn(-0.3).T])
    np.testing.assert_allclose(align_similarity(form, mean).rotation, np.eye(2), atol=1e-12)


def test_tangent_shapes_lie_on_the_plane_that_touches_at_the_mean():
    rng = np.random.default_rng(13)
    shapes = scattered(faces(13, 68) + rng.normal(size=(20, 68, 2)) * 8, rng)
    mean, aligned = generalized_procrustes(shapes, tolerance=1e-13, tangent=True)
    np.testing.assert_allclose((aligned * mean).sum((1, 2)), 1)
    np.testing.assert_allclose(aligned.mean(0), mean, atol=1e-12)


def test_a_mean_that_has_not_settled_is_told():
    with pytest.warns(RuntimeWarning, match="not settled after 1 "):
        generalized_procrustes(faces(14, 9, 68), max_iterations=1)


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        (np.ones((68, 2)), faces(0, 68), "source: all points coincide"),
        (faces(0, 68), np.full((68, 2), 1e6 / 3), "target: all points coincide"),
        (np.stack([faces(0, 68), np.ones((68, 2))]), faces(0, 68), "shape 1: all points coincide"),
        (faces(0, 68), faces(0, 51), "source has 68 points and target 51"),
        (faces(0, 2, 68), faces(0, 3, 68), "batch of 2 and target of 3"),
        (faces(0, 68), np.where(np.arange(136).reshape(68, 2) == 35, np.nan, 1), "row 17"),
        (faces(0, 68)[:, :1], faces(0, 68), r"\(N, 2\)"),
        ([[1, 0], [0, 1], [-1, 0], [0, -1]], [[1, 0], [0, -1], [-1, 0], [0, 1]], "no rotation"),
    ],
)  # fmt: skip
def test_bad_input_is_told(source, target, told):
    with pytest.raises(ValueError, match=told):
        align_similarity(source, target)


@pytest.mark.parametrize("weights", [np.ones(3), -np.ones(68), np.zeros(68), np.full(68, np.nan)])
def test_bad_weights_are_told(weights):
    with pytest.raises(ValueError, match="weights"):
        align_similarity(faces(0, 68), faces(1, 68), weights=weights)


def test_bad_shapes_are_told():
    with pytest.raises(ValueError, match=r"\(n, N, 2\)"):
        generalized_procrustes(faces(0, 68))
    with pytest.raises(ValueError, match="shape 1: all points coincide"):
        generalized_procrustes(np.stack([faces(0, 68), np.ones((68, 2))]))
    with pytest.raises(ValueError, match="tolerance"):
        generalized_procrustes(faces(0, 3, 68), tolerance=0)
