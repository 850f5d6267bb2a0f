"""The linear model of shape."""

from __future__ import annotations

import io

import numpy as np
import pytest

from calibration import ShapeModel, align_similarity


def scattered(shapes, rng):
    """Each shape in its own random position, size and rotation."""
    z = shapes[..., 0] + 1j * shapes[..., 1]
    factor = rng.uniform(0.2, 5, (len(z), 1)) * np.exp(1j * rng.uniform(-3, 3, (len(z), 1)))
    z = z * factor + rng.normal(size=(len(z), 1)) * 100
    return np.stack([z.real, z.imag], -1)


def tangent_basis(mean, k, rng):
    """Orthonormal directions that neither move, turn nor scale the mean."""
    n = len(mean)
    x, y = np.eye(2)[0], np.eye(2)[1]
    rigid = [mean, mean[:, ::-1] * [-1, 1], np.tile(x, (n, 1)), np.tile(y, (n, 1))]
    stack = np.concatenate([np.reshape(rigid, (4, -1)), rng.normal(size=(k, 2 * n))])
    return np.linalg.qr(stack.T)[0].T[4:].reshape(k, n, 2)


@pytest.fixture
def truth():
    """A mean, three directions with standard deviations, and shapes made of them."""
    rng = np.random.default_rng(1)
    mean = rng.normal(size=(20, 2))
    mean -= mean.mean(0)
    mean /= np.linalg.norm(mean)
    basis = tangent_basis(mean, 3, rng)
    # Whitened, so that the sample's own mean and covariance are the model's.
    scores = rng.normal(size=(200, 3))
    scores = np.linalg.qr(scores - scores.mean(0))[0] * np.sqrt(199) * [0.10, 0.05, 0.02]
    shapes = mean + np.einsum("nk,kpd->npd", scores, basis)
    return mean, basis, scores, scattered(shapes, rng)


@pytest.fixture
def model(truth):
    return ShapeModel.fit(truth[3], components=3)


def test_known_components_and_variances_are_recovered(truth, model):
    mean, basis, scores, shapes = truth
    pose = align_similarity(model.mean, mean)
    np.testing.assert_allclose(pose.apply(model.mean), mean, atol=1e-9)
    turned = model.components @ pose.rotation.T
    overlap = np.einsum("kpd,jpd->kj", turned, basis)
    np.testing.assert_allclose(np.abs(overlap), np.eye(3), atol=1e-7)
    np.testing.assert_allclose(model.eigenvalues, [0.01, 0.0025, 0.0004], rtol=1e-9)
    np.testing.assert_allclose(model.project(shapes), scores * np.diag(overlap), atol=1e-8)


def test_variance_chooses_the_fewest_components(truth):
    shapes = truth[3]  # 0.01, 0.0025 and 0.0004 of 0.0129: 77.5 %, 96.9 %, 100 %
    kept = {v: len(ShapeModel.fit(shapes, v).eigenvalues) for v in (0.5, 0.77, 0.78, 0.96, 0.98, 1)}
    assert kept == {0.5: 1, 0.77: 1, 0.78: 2, 0.96: 2, 0.98: 3, 1: 3}
    ratio = ShapeModel.fit(shapes, 0.78).explained_variance_ratio
    np.testing.assert_allclose(ratio, [0.01 / 0.0129, 0.0025 / 0.0129])


def test_components_are_orthonormal_and_do_not_move_turn_or_scale(model):
    flat = model.components.reshape(3, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(model.components.sum(1), 0, atol=1e-9)
    np.testing.assert_allclose(flat @ model.mean.ravel(), 0, atol=1e-9)
    np.testing.assert_allclose(flat @ (model.mean[:, ::-1] * [-1, 1]).ravel(), 0, atol=1e-9)


def test_a_shape_of_the_model_survives_and_its_pose_does_not_matter(truth, model):
    shapes = truth[3]
    np.testing.assert_allclose(model.fit_to(shapes), shapes, atol=1e-7)
    again = model.reconstruct(model.project(shapes[3]), model.pose(shapes[3]))
    np.testing.assert_allclose(again, shapes[3], atol=1e-7)
    moved = scattered(shapes, np.random.default_rng(2))
    np.testing.assert_allclose(model.project(moved), model.project(shapes), atol=1e-9)


def test_fitting_removes_what_the_model_does_not_know(truth, model):
    rng = np.random.default_rng(3)
    shape = truth[3][0]
    noisy = shape + rng.normal(size=shape.shape) * 0.05 * np.linalg.norm(shape - shape.mean(0))
    fitted = model.fit_to(noisy)
    assert np.linalg.norm(fitted - shape) < 0.6 * np.linalg.norm(noisy - shape)
    np.testing.assert_allclose(model.fit_to(fitted), fitted)


def test_batches_equal_single_shapes(truth, model):
    shapes = truth[3][:4]
    np.testing.assert_allclose(model.project(shapes), [model.project(s) for s in shapes])
    np.testing.assert_allclose(
        model.fit_to(shapes, deviations=1), [model.fit_to(s, deviations=1) for s in shapes]
    )


def test_limit_cuts_each_coefficient_at_its_own_deviation(model):
    np.testing.assert_allclose(model.limit([9, -9, 0.01]), [0.3, -0.15, 0.01])
    np.testing.assert_allclose(model.limit([9, -9, 0.01], deviations=0), 0)


def test_samples_have_the_models_variance_and_repeat(model):
    shapes = model.sample(20_000, np.random.default_rng(4), deviations=9)
    scores = model.project(shapes, align=False)
    np.testing.assert_allclose(scores.var(0), model.eigenvalues, rtol=0.05)
    np.testing.assert_allclose(shapes.mean(0), model.mean, atol=0.005)
    np.testing.assert_array_equal(shapes, model.sample(20_000, np.random.default_rng(4), 9))
    bounded = model.project(model.sample(999, np.random.default_rng(4), 1), align=False)
    assert (np.abs(bounded) <= np.sqrt(model.eigenvalues) + 1e-12).all()


def test_saved_and_loaded_is_the_same(model, tmp_path):
    path = tmp_path / "model.npz"
    model.save(path)
    loaded = ShapeModel.load(path)
    for name in ("mean", "components", "eigenvalues", "total_variance"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


def stored(path, **changes):
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": np.array(2)}, "version 2; this program reads up to 1"),
        ({"eigenvalues": None}, "it has no eigenvalues"),
        ({"eigenvalues": np.ones(2)}, "damaged"),
        ({"mean": np.full((20, 2), np.nan)}, "damaged"),
        ({"components": np.ones((3, 20, 2))}, "damaged"),
        ({"mean": np.array([object()])}, "damaged"),
        ({"eigenvalues": np.array(["a", "b", "c"])}, "damaged"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(model, tmp_path, changes, told):
    path = tmp_path / "model.npz"
    model.save(path)
    stored(path, **changes)
    with pytest.raises(ValueError, match=told):
        ShapeModel.load(path)


def test_a_cut_or_foreign_file_is_told(model, tmp_path):
    path = tmp_path / "model.npz"
    model.save(path)
    whole = path.read_bytes()
    array = io.BytesIO()
    np.save(array, np.ones(3))
    for content in (b"", b"hello", whole[:-40], whole[: len(whole) // 2], array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"model\.npz is damaged or no shape model"):
            ShapeModel.load(path)
    with pytest.raises(ValueError, match="no shape model at"):
        ShapeModel.load(tmp_path / "nowhere.npz")


def test_bad_training_data_is_told(truth):
    shapes = truth[3]
    with pytest.raises(ValueError, match="at least two shapes"):
        ShapeModel.fit(shapes[:1])
    with pytest.raises(ValueError, match="one shape up to position"):
        ShapeModel.fit(scattered(np.repeat(shapes[:1], 5, 0), np.random.default_rng(5)))
    with pytest.raises(ValueError, match="from 1 to 3, the rank, got 4"):
        ShapeModel.fit(shapes, components=4)
    with pytest.raises(ValueError, match=r"variance must be .* got 98"):
        ShapeModel.fit(shapes, 98)
    with pytest.raises(ValueError, match=r"variance must be .* got 'a'"):
        ShapeModel.fit(shapes, "a")
    with pytest.raises(ValueError, match=r"whole number from 1 to 3.* got 2\.0"):
        ShapeModel.fit(shapes, components=2.0)
    with pytest.raises(ValueError, match="shape 1, row 2 is"):
        ShapeModel.fit(np.where(np.arange(120).reshape(3, 20, 2) == 44, np.inf, shapes[:3]))


def test_bad_points_and_coefficients_are_told(model):
    with pytest.raises(ValueError, match="the model has 20 points"):
        model.project(np.ones((68, 2)))
    with pytest.raises(ValueError, match="all points coincide"):
        model.fit_to(np.ones((20, 2)))
    with pytest.raises(ValueError, match="expected 3 finite"):
        model.reconstruct([1, 2])
    with pytest.raises(ValueError, match="deviations"):
        model.limit([1, 2, 3], -1)
    with pytest.raises(ValueError, match="expected 3 finite"):
        model.reconstruct([1j, 2, 3])
    with pytest.raises(ValueError, match="n must be a whole number of 1 or more, got -1"):
        model.sample(-1, np.random.default_rng(0))
