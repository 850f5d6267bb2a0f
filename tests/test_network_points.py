"""Points that a network places: many looks at one face are brought back to one place."""

import csv
from functools import partial

import numpy as np
import pytest
from PIL import Image

from data import network_points
from data.network_points import main, place_points, with_points
from data.photos import folder_photos
from data.progress import Lines
from landmarks import read_shards, scheme
from landmarks.detector import Box
from landmarks.keypoints.predictor import Fits, load_predictor

SIDE = 200
TRUTH = np.stack(
    [60 + 80 * np.linspace(0, 1, 68), 100 + 40 * np.sin(np.linspace(0, 6, 68))], axis=1
)


def colours() -> np.ndarray:
    """A picture whose red tells x and whose green tells y."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([x, y, np.full_like(x, 9)], axis=2).astype(np.uint8)


FOUND = (Box(60, 60, 139, 139, 1.0),)


class Oracle:
    """Finds the places by their colours, in turned and mirrored pictures too."""

    def __init__(self, error: float = 0.0, trust: float = 0.9) -> None:
        self.error, self.trust, self.boxes = error, trust, []
        self.rng = np.random.default_rng(1)

    def predict_many(self, images, boxes):
        self.boxes += list(boxes)
        found = np.array([self._one(image) for image in images])
        found += self.error * self.rng.standard_normal(found.shape)
        return Fits(found, None, np.full(len(found), self.trust))

    @staticmethod
    def _one(image):
        mirrored = float(image[90:110, 120, 0].mean()) < float(image[90:110, 80, 0].mean())
        wanted = TRUTH[scheme.MIRROR] if mirrored else TRUTH
        y, x = np.mgrid[60:140, 40:160]
        seen = image[60:140, 40:160, :2].astype(float)
        # Colours are linear in the place: the inverse of the fitted map tells where each one lies.
        there = np.column_stack([seen.reshape(-1, 2), np.ones(y.size)])
        place = np.column_stack([x.ravel(), y.ravel()])
        return np.column_stack([wanted, np.ones(68)]) @ np.linalg.lstsq(there, place, rcond=None)[0]


def test_answers_in_moved_turned_and_mirrored_views_fall_on_one_place():
    oracle = Oracle()
    points, spread, trust = place_points(colours(), FOUND[0], oracle)
    np.testing.assert_allclose(points, TRUTH, atol=0.15)
    assert spread < 0.01
    assert trust == pytest.approx(0.9)
    assert len({tuple(box) for box in oracle.boxes}) == 12
    # A box in the mirror frames the same part of the mirrored picture.
    left, right = oracle.boxes[0][0], oracle.boxes[1][2]
    assert left + right == pytest.approx(SIDE - 1)


def test_many_answers_are_nearer_than_one_and_their_spread_is_told():
    points, spread, _ = place_points(colours(), FOUND[0], Oracle(error=2.0))
    distance = np.linalg.norm(points - TRUTH, axis=1).mean()
    assert distance < 1.0  # of one answer 2.5 on average, of twelve 0.7
    eyes = np.linalg.norm(TRUTH[36] - TRUTH[45])
    assert spread * eyes == pytest.approx(2.5, rel=0.15)


def test_a_face_in_a_picture_wider_than_opencv_can_turn(portrait):
    small = load_predictor("small")
    wide = np.zeros((300, 40_000, 3), np.uint8)
    wide[:, 39_000:39_512] = portrait[:300]
    points, spread, trust = place_points(wide, Box(39_175, 76, 39_265, 166, 1.0), small)
    alone = place_points(wide[:, 38_000:], Box(1175, 76, 1265, 166, 1.0), small)
    np.testing.assert_allclose(points - [38_000, 0], alone[0], atol=0.01)
    assert (spread, trust) == pytest.approx(alone[1:], rel=1e-3)
    assert spread < network_points.SPREAD


def test_another_network_under_the_same_name_is_another_run(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(network_points, "load_predictor", lambda _: Oracle())
    photos = folder_photos(str(photographs))
    prints = []
    for content in (b"one", b"two"):
        (tmp_path / "small.onnx").write_bytes(content)
        monkeypatch.setattr("landmarks.keypoints.predictor.SHIPPED", tmp_path / "small.onnx")
        prints.append(with_points(photos, "small").fingerprint)
    assert prints[0] != prints[1]


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("Ann_1", "Bob_1", "Eve_1"):
        Image.fromarray(colours()).save(folder / f"{name}.png")
    (folder / "Joe_1.png").write_bytes(b"damaged")
    return folder


def shards_of(photographs, tmp_path, monkeypatch, oracle, found=FOUND):
    monkeypatch.setattr(network_points, "load_predictor", lambda _: oracle)
    monkeypatch.setattr(network_points, "Search", lambda _: lambda image: list(found))
    (tmp_path / "net.safetensors").write_bytes(b"weights")
    model = str(tmp_path / "net.safetensors")
    return main([str(photographs), str(tmp_path / "out"), "--model", model])


def test_faces_that_are_agreed_on_become_shards(photographs, tmp_path, monkeypatch):
    smaller = Box(10, 10, 30, 30, 5.0)
    boxes, oracle = (smaller, *FOUND), Oracle()
    assert shards_of(photographs, tmp_path, monkeypatch, oracle, boxes) == 0
    # The largest box, not the one that the detector is surest of.
    assert min(right - left for left, _, right, _ in oracle.boxes) > 60
    samples = list(read_shards(tmp_path / "out"))
    assert [sample.record["person"] for sample in samples] == ["Ann", "Bob", "Eve"]
    assert {sample.record["points_by"] for sample in samples} == {"network 9a129038d9a00aed"}
    left, top = samples[0].record["cut"][:2]
    np.testing.assert_allclose(samples[0].points + [left, top], TRUTH, atol=0.15)
    with open(tmp_path / "out" / "errors.csv", newline="") as handle:
        assert [row["file"] for row in csv.DictReader(handle)] == [str(photographs / "Joe_1.png")]


def test_lines_tell_how_far_it_is_where_there_is_no_terminal(
    photographs, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(network_points, "Lines", partial(Lines, first=0, every=0))
    assert shards_of(photographs, tmp_path, monkeypatch, Oracle()) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in told] == [f"{n} of 4 photographs" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("oracle", "found", "told"),
    [
        (Oracle(error=8.0), FOUND, "answers differ by"),
        (Oracle(trust=0.2), FOUND, "trust 0.20"),
        (Oracle(), (), "shows no face that the detector finds"),
    ],
)
def test_others_are_left_out(photographs, tmp_path, monkeypatch, capsys, oracle, found, told):
    assert shards_of(photographs, tmp_path, monkeypatch, oracle, found) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "4 could not be used" in error
    assert not list((tmp_path / "out").glob("*.tar"))


def test_a_spread_that_leaves_nobody_is_refused(photographs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network_points, "load_predictor", lambda _: Oracle())
    arguments = [str(photographs), str(tmp_path / "out"), "--model", "m", "--spread", "0"]
    assert main(arguments) == 2
    assert "expected a number above 0" in capsys.readouterr().err
