"""The file of an expression model, and fitting one from people's own faces."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from calibration import ExpressionModel
from calibration.expression import SHIPPED


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of landmarks."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


@pytest.fixture(scope="module")
def model() -> ExpressionModel:
    return ExpressionModel.load()


@pytest.fixture(scope="module")
def album(model):
    """Twelve people in three emotions and neutral, drawn from what the shipped model knows."""
    rng = np.random.default_rng(5)
    parts = model.populations[0].parts
    back = np.linalg.pinv(parts.typical).T
    landmarks, emotion, person, intensity = [], [], [], []
    for who in range(12):
        off = rng.standard_normal(len(parts.typical)) @ back
        zero = parts.mean + 0.6 * (off - parts.basis @ (parts.basis.T @ off))
        for name in ("neutral", "happiness", "surprise", "anger"):
            for strength in (0.0,) if name == "neutral" else (0.5, 1.0):
                index = model.emotions.index(name) if strength else 0
                style = np.flatnonzero(parts.emotion == index)[0]
                face = zero + strength * parts.basis @ parts.centres[style]
                face = face + 0.003 * rng.standard_normal(136)
                landmarks.append(100 * face.reshape(68, 2) + 128)
                emotion.append(name)
                person.append(f"p{who}")
                intensity.append(7 * strength)
    return np.array(landmarks), np.array(emotion), np.array(person), np.array(intensity)


def test_shipped_file_is_small_and_tells_how_it_was_made(model):
    assert SHIPPED.stat().st_size < 500_000
    assert "calibration.build" in model.config["command"]


def test_saved_model_is_the_same(model, tmp_path):
    model.save(tmp_path / "again.npz")
    again = ExpressionModel.load(tmp_path / "again.npz")
    face = 100 * model.frame.mean[:, :2] + 128
    np.testing.assert_allclose(
        again.intensify(face, 1.0, "fear"), model.intensify(face, 1.0, "fear"), atol=1e-3
    )


def test_damaged_missing_and_newer_files_are_told(model, tmp_path):
    with pytest.raises(ValueError, match=r"no expression model at .*nowhere\.npz"):
        ExpressionModel.load(tmp_path / "nowhere.npz")
    whole = SHIPPED.read_bytes()
    for name, content in (
        ("cut", whole[: len(whole) // 2]),
        ("text", b"hello"),
        ("bit", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            ExpressionModel.load(tmp_path / name)
    for place in range(0, len(whole), len(whole) // 60):
        (tmp_path / "byte").write_bytes(
            whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
        )
        # Some bytes, such as a date, mean nothing; no other may end in anything but a sentence.
        with contextlib.suppress(ValueError):
            ExpressionModel.load(tmp_path / "byte")
    (tmp_path / "tail").write_bytes(whole[:-2000] + bytes(b ^ 0x55 for b in whole[-2000:]))
    with pytest.raises(ValueError, match="damaged"):
        ExpressionModel.load(tmp_path / "tail")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="one array, not an .npz file"):
        ExpressionModel.load(tmp_path / "array.npy")
    with np.load(SHIPPED) as file:
        arrays = {key: file[key] for key in file.files}
    changed = dict(arrays)
    changed["frame.mean"] = arrays["frame.mean"] + np.float32(0.01)
    np.savez(tmp_path / "changed.npz", **changed)
    with pytest.raises(ValueError, match="checksum"):
        ExpressionModel.load(tmp_path / "changed.npz")
    header = json.loads(arrays["header"].tobytes())
    header["version"] = 99
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(tmp_path / "newer.npz", **arrays)
    with pytest.raises(ValueError, match="version 99, newer than"):
        ExpressionModel.load(tmp_path / "newer.npz")


def test_failed_save_leaves_nothing(model, tmp_path):
    with pytest.raises(OSError, match="missing"):
        model.save(tmp_path / "missing" / "model.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("known", [True, False])
def test_fitted_model_knows_new_people(model, album, known, tmp_path):
    landmarks, emotion, person, intensity = album
    new = np.isin(person, ["p0", "p1", "p2"])
    fitted = ExpressionModel.fit(
        landmarks[~new],
        emotion[~new],
        person[~new],
        intensity[~new],
        prior=model if known else None,
    )
    if not known:
        assert fitted.emotions == ("anger", "happiness", "surprise")
    zero = {p: landmarks[(person == p) & (emotion == "neutral")][0] for p in np.unique(person)}
    test = new & (emotion != "neutral")
    own = np.stack([zero[p] for p in person[test]])
    estimate = fitted.estimate(landmarks[test], own)
    assert (estimate.emotion == emotion[test]).mean() > 0.9
    strong = intensity[test] == 7
    assert estimate.intensity[strong].mean() > 1.6 * estimate.intensity[~strong].mean()
    low, full = landmarks[test][~strong], landmarks[test][strong]
    made = fitted.intensify(low, estimate.intensity[strong], emotion[test][~strong], own[~strong])
    assert apart(made, full) < 0.5 * apart(low, full)
    fitted.save(Path(tmp_path) / "own.npz")
    again = ExpressionModel.load(Path(tmp_path) / "own.npz")
    np.testing.assert_allclose(
        again.estimate(low).intensity, fitted.estimate(low).intensity, atol=5e-3
    )


def test_fit_tells_what_is_missing(model, album):
    landmarks, emotion, person, intensity = album
    few = np.isin(person, ["p0", "p1", "p2"])
    with pytest.raises(ValueError, match="3 of 3 persons have a neutral face: at least 4"):
        ExpressionModel.fit(landmarks[few], emotion[few], person[few])
    shown = emotion != "neutral"
    for prior in (None, model):
        with pytest.raises(ValueError, match="neutral"):
            ExpressionModel.fit(landmarks[shown], emotion[shown], person[shown], prior=prior)
    with pytest.raises(ValueError, match="every face is neutral"):
        ExpressionModel.fit(landmarks[~shown], emotion[~shown], person[~shown])
    with pytest.raises(ValueError, match=r"person: expected 84, one per face, got shape \(5,\)"):
        ExpressionModel.fit(landmarks, emotion, person[:5])
    with pytest.raises(ValueError, match="intensity: row 1 is -1"):
        ExpressionModel.fit(landmarks, emotion, person, np.r_[0, -1, intensity[2:]])
    with pytest.raises(ValueError, match="unknown emotion 'bliss'"):
        ExpressionModel.fit(landmarks, np.where(shown, "bliss", emotion), person, prior=model)
    rare = (emotion == "neutral") | ((emotion == "anger") & (person == "p4"))
    with pytest.raises(ValueError, match="no emotion has 8 faces"):
        ExpressionModel.fit(landmarks[rare], emotion[rare], person[rare])


def test_strangers_are_read_as_before_when_people_are_added(model, album):
    landmarks, emotion, person, intensity = album
    given = (emotion, person, intensity)
    strangers = 100 * _typical(model, 0, 40).reshape(-1, 68, 2) + 128
    before = model.estimate(strangers)
    fitted = model
    for _ in range(2):  # the second replaces the first
        fitted = ExpressionModel.fit(landmarks, *given, prior=fitted)
        assert [p.name for p in fitted.populations] == ["surface", "predictor", "own"]
        same = np.abs(fitted.estimate(strangers).intensities - before.intensities).max(1) < 1e-9
        assert same.mean() > 0.95
    # Landmarks placed in another way are what tells the new people apart.
    elsewhere = landmarks + np.random.default_rng(2).normal(0, 1.5, (68, 2))
    fitted = ExpressionModel.fit(elsewhere, *given, prior=model)
    changed = fitted.estimate(elsewhere).intensities - model.estimate(elsewhere).intensities
    assert (np.abs(changed).max(1) > 1e-6).mean() > 0.9


def _typical(model: ExpressionModel, population: int, count: int) -> np.ndarray:
    """Faces (count, 136) of any expression, drawn from a population's own description."""
    parts = model.populations[population].parts
    drawn = np.random.default_rng(3).standard_normal((count, len(parts.typical)))
    return parts.mean + drawn @ np.linalg.pinv(parts.typical).T


def test_fit_tells_what_is_wrong(model, album):
    landmarks, emotion, person, _ = album
    with pytest.raises(ValueError, match="half of the faces of 'anger' or more have 0"):
        ExpressionModel.fit(landmarks, emotion, person, np.zeros(len(person)))
    with pytest.raises(ValueError, match="name: 'frame' is taken"):
        ExpressionModel.fit(landmarks, emotion, person, name="frame")
    with pytest.raises(ValueError, match=r"prior: expected a model.*got 'x\.npz'"):
        ExpressionModel.fit(landmarks, emotion, person, prior="x.npz")
    with pytest.raises(ValueError, match="got one face"):
        ExpressionModel.fit(landmarks[0], emotion[:1], person[:1])
    broken = landmarks.copy()
    broken[5] = 7.0
    with pytest.raises(ValueError, match="face 5: all 68 points are in one place"):
        ExpressionModel.fit(broken, emotion, person)
    broken[5] = np.random.default_rng(0).uniform(0, 200, (68, 2))
    with pytest.raises(ValueError, match="landmarks: face 5 is"):
        ExpressionModel.fit(broken, emotion, person, prior=model)
