"""Gaussian mixtures of unknown size and paths, against numbers worked out another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from calibration.gaussian import DialPosterior, ScaleFree, observation
from calibration.paths import fit_path, settle_path, stretch
from calibration.teachers import mirrored


def mixture(seed: int = 0):
    rng = np.random.default_rng(seed)
    means = 2 * rng.standard_normal((3, 2))
    roots = rng.standard_normal((3, 2, 2))
    covariances = roots @ roots.swapaxes(1, 2) + 0.3 * np.eye(2)
    return np.array([0.5, 0.3, 0.2]), means, covariances


def test_posterior_equals_the_sum_over_strengths_written_out():
    weights, means, covariances = mixture()
    noise = np.array([[0.4, 0.1], [0.1, 0.3]])
    strengths, prior = np.array([0.2, 0.7, 1.3]), np.array([0.5, 0.3, 0.2])
    engine = DialPosterior(weights, means, covariances, np.eye(2), noise, strengths, prior)
    y = np.array([0.8, -1.1])
    joint = np.zeros((3, 3))
    full = np.zeros((3, 3, 2))
    for k in range(3):
        for j, s in enumerate(strengths):
            total = s**2 * covariances[k] + noise
            joint[k, j] = weights[k] * prior[j] * multivariate_normal(s * means[k], total).pdf(y)
            gain = s * covariances[k] @ np.linalg.inv(total)
            full[k, j] = means[k] + gain @ (y - s * means[k])
    pool = np.arange(3)
    log, white, share = engine.evidence(y[None], pool)
    np.testing.assert_allclose(
        np.exp(log - log.max())[:, 0], joint.sum(1) / joint.sum(1).max(), rtol=1e-4
    )
    mixing = joint.sum(1) / joint.sum()
    expected = engine.expected(white, share, mixing[:, None], pool)[0]
    np.testing.assert_allclose(
        expected, (joint[..., None] * full).sum((0, 1)) / joint.sum(), rtol=1e-4
    )


def test_direction_alone_decides_as_an_integral_over_sizes_does():
    weights, means, covariances = mixture(1)
    engine = ScaleFree(weights, means, covariances, np.eye(2))
    y = np.array([[0.6, 1.9]])
    logs = np.linspace(-8, 8, 4001)
    density = [
        w * np.sum([np.exp(-2 * t) * multivariate_normal(m, c).pdf(y[0] / np.exp(t)) for t in logs])
        for w, m, c in zip(weights, means, covariances, strict=True)
    ]
    found = np.exp(engine.evidence(y)[0])
    # In two dimensions Laplace's approximation is at its coarsest.
    np.testing.assert_allclose(found / found.sum(), density / np.sum(density), atol=0.03)
    for size in (0.25, 7.0):
        np.testing.assert_allclose(
            np.diff(engine.evidence(size * y)), np.diff(engine.evidence(y)), rtol=1e-3, atol=1e-3
        )


def test_observation_is_unbiased_and_has_the_stated_covariance():
    rng = np.random.default_rng(2)
    root = rng.standard_normal((5, 5))
    noise = root @ root.T + np.eye(5)
    basis = rng.standard_normal((5, 2))
    observe, remaining = observation(noise, basis)
    np.testing.assert_allclose(observe @ basis, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(observe @ noise @ observe.T, remaining, atol=1e-12)


@pytest.fixture
def path():
    rng = np.random.default_rng(3)
    roots = rng.standard_normal((2, 6, 6))
    style, identity = (r @ r.T + 0.1 * np.eye(6) for r in roots)
    displacement = rng.standard_normal(6)
    return displacement, *fit_path(displacement, style, identity, rng.standard_normal(6), 3)


def test_modes_are_apart_from_strength(path):
    displacement, ruler, read, write, spread = path
    assert ruler @ displacement == pytest.approx(1)
    np.testing.assert_allclose(write @ ruler, 0, atol=1e-10)
    np.testing.assert_allclose(read @ displacement, 0, atol=1e-10)
    np.testing.assert_allclose(read @ write.T, np.eye(3), atol=1e-10)
    assert (np.diff(spread) <= 0).all()
    assert (spread >= 0).all()
    again = settle_path(displacement, np.float32(ruler), np.float16(read), np.float16(write))
    np.testing.assert_allclose(again[1] @ again[2].T, np.eye(3), atol=1e-10)


def test_gain_to_full_strength_is_the_best_linear_guess():
    # Style of variance 4 and identity of variance 1, both seen at strength 0.6.
    rng = np.random.default_rng(4)
    style, identity = 2 * rng.standard_normal(200_000), rng.standard_normal(200_000)
    low, full = identity + 0.6 * style, identity + style
    best = (low @ full) / (low @ low)
    gain = stretch(np.array([1.0]), np.array([4.0])) / stretch(np.array([0.6]), np.array([4.0]))
    assert gain.item() == pytest.approx(best, abs=0.01)


def test_style_goes_on_opening_beyond_full_strength():
    # Variance 4: 1 at full strength, and 4 / 5 of itself more for every 1 beyond it.
    opened = stretch(np.array([1.0, 1.5, 2.0]), np.array([4.0]))[:, 0]
    np.testing.assert_allclose(opened, [1.0, 1.4, 1.8])


def test_mirrored_faces_exchange_left_and_right():
    face = np.random.default_rng(5).standard_normal((2, 68, 2))
    once = mirrored(face.reshape(2, 136)).reshape(2, 68, 2)
    np.testing.assert_array_equal(once[:, 36], face[:, 45] * [-1, 1])  # outer eye corners
    np.testing.assert_array_equal(once[:, 8], face[:, 8] * [-1, 1])  # the chin
    np.testing.assert_array_equal(mirrored(once.reshape(2, 136)), face.reshape(2, 136))
