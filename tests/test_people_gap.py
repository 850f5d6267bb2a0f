"""The benchmark of synthetic against real pictures, on faces that are made up."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from landmarks import scheme
from landmarks.draw import draw_points
from landmarks.samples import Sample, encode_sample, split_of
from landmarks.shard_set import writing_set
from scripts.bench import gap_network, people_gap
from scripts.bench.gap_faces import (
    INPUT,
    STORED,
    YOUTUBE_SHIFT,
    Faces,
    augment,
    cut_out,
    helen_faces,
    synthetic_faces,
    youtube_faces,
)
from scripts.bench.gap_network import LandmarkNetwork, Recipe, predict, train
from scripts.bench.people_gap import Measured, is_short, main, sources_of


def picture(points: np.ndarray, size: int = 160) -> np.ndarray:
    image = np.full((size, size, 3), 90, np.uint8)
    draw_points(image, points, (255, 255, 255), 1.5)
    return image


@pytest.fixture
def faces(face_points) -> Faces:
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(6):
        points = (face_points - 128) * rng.uniform(0.4, 0.6) + 80 + rng.normal(0, 5, 2)
        drawn.append(cut_out(picture(points), points))
    images, points = zip(*drawn, strict=True)
    return Faces(np.stack(images), np.float32(np.stack(points)), [str(k) for k in range(6)])


@pytest.fixture
def archives(tmp_path, face_points) -> dict[str, str]:
    points = (face_points - 128) / 2 + 80
    data = cv2.imencode(".jpg", picture(points))[1].tobytes()
    names = [f"Person{k}" for k in range(40)]
    assert {split_of(name) for name in names} == {"train", "validation", "test"}
    with zipfile.ZipFile(tmp_path / "youtube.zip", "w") as archive:
        labels = points + YOUTUBE_SHIFT
        for folder, chosen in (("training", names[:30]), ("test", names[30:])):
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(["", *range(136)])
            for name in chosen:
                writer.writerow([f"{name}_01.jpg", *labels.ravel()])
                archive.writestr(f"{folder}/{name}_01.jpg", data)
            archive.writestr(f"{folder}_frames_keypoints.csv", text.getvalue())
    with zipfile.ZipFile(tmp_path / "helen.zip", "w") as archive:
        rows = "\n".join(f"{x} {y}" for x, y in points + 1)
        for name in ("trainset/1", "trainset/2", "testset/3"):
            archive.writestr(f"{name}.jpg", data)
            archive.writestr(f"{name}.pts", f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
    with writing_set(tmp_path / "shards", {}) as shards:
        for key in "abc":
            sample = Sample(key, picture(points), points, None, None, {"person": 1})
            shards.add(key, encode_sample(sample))
    return {name: str(tmp_path / f"{name}") for name in ("youtube.zip", "helen.zip", "shards")}


def test_it_prints_the_gap_and_does_not_train_twice(archives, tmp_path, capsys, monkeypatch):
    given = ["--real", archives["youtube.zip"], "--helen", archives["helen.zip"]]
    given += ["--shards", archives["shards"], "--steps", "1", "-o", str(tmp_path / "out")]
    monkeypatch.setattr(Recipe.__new__, "__defaults__", (4, 2e-3, 0.02, 0))
    assert main(given) == 0
    told = capsys.readouterr().out
    for line in ("YouTube: synthetic − real = ", "HELEN: large − real = ", "HELEN, both"):
        assert line in told
    for arm in ("synthetic", "both"):  # 3 pictures
        assert f"{arm}: the shards hold fewer pictures than there are real ones" in told
    assert len(list(Path(tmp_path / "out").glob("worst_*_*.png"))) == 8
    monkeypatch.setattr(gap_network, "augment", None)  # would be called by training
    assert main(given) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--only", "fake"], "--only names 'fake': expected real, synthetic, both, large"),
        (["--steps", "0"], "--steps is 0: expected at least 1"),
        ([], "without them only --only real works"),
        (["--only", "real", "--helen", "none.zip"], "none.zip cannot be read"),
    ],
)
def test_bad_input_is_told_in_a_sentence(archives, tmp_path, capsys, change, told):
    code = main(["--real", archives["youtube.zip"], "-o", str(tmp_path / "out"), *change])
    assert code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_archive_without_persons_of_a_split_is_told(
    archives, tmp_path, capsys, monkeypatch, split
):
    rest = youtube_faces(archives["youtube.zip"])
    del rest[split]
    monkeypatch.setattr(people_gap, "youtube_faces", lambda path: rest)
    given = ["--real", archives["youtube.zip"], "--only", "real", "-o", str(tmp_path / "out")]
    assert main(given) == 2
    assert f"youtube.zip shows no {split} person" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_points_move_with_the_picture(face_points):
    """Without colours and covers, every point still lies on its own mark after augmentation."""
    points = (face_points - 128) / 2 + 80
    marks = np.arange(scheme.COUNT)[::4]
    marks = marks[marks != scheme.MIRROR[marks]]
    for seed, mark in enumerate(marks):
        both = points[[mark, scheme.MIRROR[mark]]]
        image = np.zeros((160, 160, 3), np.uint8)
        draw_points(image, both[:1], (255, 0, 0), 2.5)  # red for the point, green for its mirror
        draw_points(image, both[1:], (0, 255, 0), 2.5)
        cut, moved = cut_out(image, points)
        faces = Faces(cut[None], np.float32(moved[None]), [""])
        seen, where = plain_augment(faces, np.random.default_rng(seed))
        colors = seen[..., :2].astype(float)
        flipped = np.hypot(*(where[mark] - center(colors[..., 0]))) > 2
        for channel, point in ((0, mark), (1, scheme.MIRROR[mark])):
            expected = where[scheme.MIRROR[point] if flipped else point]
            np.testing.assert_allclose(center(colors[..., channel]), expected, atol=0.6)


def center(weight: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(weight.shape)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


def plain_augment(faces: Faces, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scripts.bench.gap_faces._blur", lambda image, rng: image)
        patch.setattr("scripts.bench.gap_faces._colors", lambda image, rng: image)
        patch.setattr("scripts.bench.gap_faces._cover", lambda image, faces, rng: image)
        patch.setattr("scripts.bench.gap_faces._compress", lambda image, rng: image)
        return augment(faces, 0, rng)


def test_the_true_box_is_square_around_the_points(face_points):
    points = (face_points - 128) / 2 + 80
    image, moved = cut_out(picture(points), points)
    assert image.shape == (STORED, STORED, 3)
    low, high = moved.min(axis=0), moved.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, (STORED - 1) / 2)
    assert (high - low).max() == pytest.approx(INPUT / 1.3)


def test_all_sources_agree_on_where_the_points_are(archives):
    """The same picture, labelled from 0, from 1, and with the shift of YouTube Faces."""
    read = [
        synthetic_faces([archives["shards"]]),
        helen_faces(archives["helen.zip"])["test"],
        *youtube_faces(archives["youtube.zip"]).values(),
    ]
    for faces in read:
        np.testing.assert_allclose(faces.points[0], read[0].points[0], atol=0.02)
        assert np.abs(faces.images[0] - read[0].images[0].astype(float)).mean() < 3


def test_a_mean_offset_is_removed():
    rng = np.random.default_rng(0)
    convention, noise = rng.normal(0, 0.02, (68, 2)), rng.normal(0, 0.01, (50, 68, 2))
    tested = Measured(convention + noise, convention)
    np.testing.assert_allclose(tested.errors("learned"), np.linalg.norm(noise, axis=2))
    np.testing.assert_allclose(Measured(tested.offsets[:1], convention).errors("in test"), 0)
    assert tested.errors("in test").mean() < tested.errors("learned").mean()
    assert tested.errors("learned").mean() < tested.errors().mean()


def test_arms_hold_what_their_names_say(faces):
    few = faces.take(np.arange(4))
    assert sources_of("real", few, None, 0) == [few]
    drawn = sources_of("synthetic", few, faces, 0)
    assert [len(source.names) for source in drawn] == [4]
    assert sources_of("large", few, faces, 0) == [faces]
    assert [len(source.names) for source in sources_of("both", few, faces, 0)] == [4, 4]
    for arm, short in (("real", False), ("synthetic", True), ("both", True), ("large", False)):
        assert not is_short(arm, sources_of(arm, few, faces, 0), few)
        assert is_short(arm, sources_of(arm, faces, few, 0), faces) == short


def test_a_run_that_was_stopped_ends_in_the_same_weights(faces, tmp_path, monkeypatch):
    recipe = Recipe(4, batch=4)
    monkeypatch.setattr(gap_network, "_SAVED_EVERY", 2)
    whole = train([faces], recipe, tmp_path / "whole.pt", "key")
    calls = []

    def stops(*given):
        calls.append(given)
        if len(calls) > 2 * recipe.batch:
            raise KeyboardInterrupt
        return augment(*given)

    with monkeypatch.context() as patch:
        patch.setattr(gap_network, "augment", stops)
        with pytest.raises(KeyboardInterrupt):
            train([faces], recipe, tmp_path / "half.pt", "key")
    resumed = train([faces], recipe, tmp_path / "half.pt", "key")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())
    other = train([faces], recipe, tmp_path / "half.pt", "other pictures")
    assert not (tmp_path / "half.partial").exists()
    assert predict(other, faces.inputs()).shape == (6, 68, 2)


def test_the_network_is_small():
    assert sum(part.numel() for part in LandmarkNetwork().parameters()) < 1_000_000
