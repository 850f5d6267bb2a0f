"""Faces of shards in memory, and batches that follow from a step's number."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from landmarks.errors import InputError  # noqa: E402
from landmarks.keypoints.batches import Batches, fixed_crops, to_tensor  # noqa: E402
from landmarks.keypoints.config import Config  # noqa: E402
from landmarks.keypoints.crops import crop_around, typical_box  # noqa: E402
from landmarks.keypoints.dataset import (  # noqa: E402
    DatasetError,
    load_backgrounds,
    load_faces,
    stored_face,
)
from landmarks.samples import Sample, encode_sample  # noqa: E402
from landmarks.shard_set import writing_set  # noqa: E402
from tests.drawn_faces import drawn_face, persons, write_faces  # noqa: E402

CONFIG = Config(batch=8)


@pytest.fixture
def shards(tmp_path):
    return write_faces(tmp_path / "shards", train=5, validation=2, test=3)


def test_persons_are_split_by_the_rule(shards):
    loaded = load_faces([shards], CONFIG)
    (train,) = loaded.train
    assert list(train.persons) == persons("train", 5)
    assert list(loaded.validation.persons) == persons("validation", 2)
    assert loaded.test == 3
    assert not loaded.errors
    assert train.images.shape == (5, 179, 179)
    assert train.images.dtype == np.uint8


def test_the_middle_of_a_stored_face_is_the_crop_of_its_box():
    image, points = drawn_face(3)
    sample = Sample("a", image, points, None, None, {})
    stored, moved = stored_face(sample, CONFIG)
    centre, side = typical_box(points)
    half = (side - 1) / 2
    crop = crop_around((*(centre - half), *(centre + half)), 112, factor=CONFIG.factor)
    edge = (stored.shape[0] - 112) / 2
    np.testing.assert_allclose(((moved - edge) + 0.5) / 112, crop.to_crop(points), atol=1e-5)


def test_points_stay_on_their_marks(shards):
    images, points = fixed_crops(load_faces([shards], CONFIG).validation, CONFIG)
    for image, fractions in zip(images, points, strict=True):
        pixels = np.round(fractions * 112 - 0.5).astype(int)
        inside = (pixels >= 0).all(1) & (pixels < 112).all(1)
        assert inside.sum() > 60
        assert image[pixels[inside, 1], pixels[inside, 0]].mean() < 60  # the marks are dark
        assert np.percentile(image, 95) > 100  # they lie on the skin


def test_published_recipes_are_validated_around_the_points(shards):
    faces = load_faces([shards], CONFIG).validation
    published = Config(network="naimishnet", recipe="published")
    for points in fixed_crops(faces, published)[1]:
        middle, _ = typical_box(points)
        np.testing.assert_allclose(middle, 0.5, atol=0.01)
    off = [typical_box(points)[0] - 0.5 for points in fixed_crops(faces, CONFIG)[1]]
    assert np.abs(off).max() > 0.02


def test_published_splits_are_trained_on_by_request_alone(shards):
    honest = load_faces([shards], CONFIG)
    assert (len(honest.train[0]), honest.test) == (5, 3)
    leaking = load_faces([shards], Config(leaks=True))
    assert (len(leaking.train[0]), leaking.test) == (8, 0)
    assert set(persons("test", 3)) < set(leaking.train[0].persons)
    assert leaking.validation.names == honest.validation.names


def test_a_batch_follows_from_its_step(shards):
    loaded = load_faces([shards], CONFIG)
    batches = Batches(loaded.train, CONFIG, negatives=0.25)
    assert batches.faces == 6
    batch = batches(3)
    assert batch.images.shape == (8, 1, 112, 112)
    assert batch.images.min() >= -1
    assert batch.images.max() <= 1
    assert batch.faces.tolist() == [True] * 6 + [False] * 2
    with ThreadPoolExecutor(3) as pool:
        again = Batches(loaded.train, CONFIG, negatives=0.25)(3, pool)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(batch.images, batches(4).images)
    other = Batches(loaded.train, Config(batch=8, seed=1), negatives=0.25)(3)
    assert not torch.equal(batch.images, other.images)


def test_every_face_is_drawn_once_in_an_epoch_and_sources_have_equal_shares(
    tmp_path, shards, monkeypatch
):
    more = write_faces(tmp_path / "more", train=2, validation=1, test=0)
    loaded = load_faces([shards, more], CONFIG)
    assert len(loaded.validation) == 2  # those of the first source
    seen = Counter()

    def told(image, points, other, side, rng):
        seen[image.tobytes()] += 1
        return np.zeros((112, 112), np.uint8), np.zeros((68, 2))

    monkeypatch.setattr("landmarks.keypoints.batches.augment", told)
    batches = Batches(loaded.train, Config(batch=10), negatives=0)
    assert batches(0).sources.tolist() == [0, 1] * 5
    batches(1)
    first, second = loaded.train
    assert [seen[image.tobytes()] for image in first.images[2:]] == [2, 2, 2]
    # The first two drawn faces are those of both: twice, and every second time of the others.
    assert sum(seen[image.tobytes()] for image in second.images) == 10 + 4


def test_half_of_what_is_no_face_comes_from_backgrounds(tmp_path, shards, monkeypatch):
    (tmp_path / "wall").mkdir()
    Image.new("RGB", (900, 700), (255, 0, 0)).save(tmp_path / "wall" / "a.png")
    (tmp_path / "wall" / "b.png").write_bytes(b"damaged")
    walls = load_backgrounds([str(tmp_path / "wall")], CONFIG)
    assert [wall.shape for wall in walls] == [(498, 640)]
    drawn = []
    monkeypatch.setattr(
        "landmarks.keypoints.batches.piece",
        lambda picture, side, rng: drawn.append(picture) or np.zeros((side, side), np.uint8),
    )
    loaded = load_faces([shards], CONFIG)
    Batches(loaded.train, Config(batch=80), negatives=0.8, backgrounds=walls)(0)
    assert 24 <= len(drawn) <= 40  # of 64
    assert all(picture is walls[0] for picture in drawn)
    with pytest.raises(DatasetError, match="no picture that can be read"):
        load_backgrounds([str(tmp_path / "wall" / "b.png")], CONFIG)
    assert load_backgrounds([], CONFIG) == []


def test_colours_stay_where_the_network_sees_them(shards):
    config = Config(network="efficientnet_b0", batch=2, side=64)
    loaded = load_faces([shards], config)
    assert loaded.train[0].images.shape == (5, 102, 102, 3)
    assert Batches(loaded.train, config, negatives=0)(0).images.shape == (2, 3, 64, 64)
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert to_tensor(red)[0, :, 0, 0].tolist() == [1, -1, -1]


def test_too_few_persons(tmp_path):
    one = write_faces(tmp_path / "one", train=1)
    with pytest.raises(
        DatasetError, match="1 training and 2 validation persons in .*: expected at least 2 and 1"
    ):
        load_faces([one], CONFIG)
    none = write_faces(tmp_path / "none", validation=0)
    with pytest.raises(DatasetError, match="4 training and 0 validation persons"):
        load_faces([none], CONFIG)
    with pytest.raises(InputError, match="does not exist"):
        load_faces([tmp_path / "missing"], CONFIG)


def test_damaged_samples_are_counted_and_left_out(tmp_path, shards):
    (image, points), (name,) = drawn_face(9), persons("train", 1)
    with writing_set(tmp_path / "more", {}) as target:
        good = encode_sample(Sample("a", image, points, None, None, {"person": name}))
        target.add("a", good)
        target.add("b", {**good, "jpg": good["jpg"][:300]})
        flat = Sample("c", image, points * 0, None, None, {"person": name})
        target.add("c", encode_sample(flat))
    loaded = load_faces([shards, tmp_path / "more"], CONFIG)
    told = [str(error) for error in loaded.errors]
    assert len(told) == 2
    assert "sample b" in told[0]
    assert "sample c has no face's points" in told[1]


def test_the_digest_tells_other_faces(tmp_path, shards):
    digest = load_faces([shards], CONFIG).digest()
    assert load_faces([shards], CONFIG).digest() == digest
    other = write_faces(tmp_path / "other", train=4, validation=2, test=3)
    assert load_faces([other], CONFIG).digest() != digest
    loaded, wall = load_faces([shards], CONFIG), np.zeros((30, 40), np.uint8)
    told = {loaded.digest(walls) for walls in ([], [wall], [wall + 1], [wall, wall])}
    assert len(told) == 4
    assert digest in told
