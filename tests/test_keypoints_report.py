"""What is measured and reported of predictions whose every number is known beforehand."""

import cv2
import numpy as np
import pytest

from landmarks import scheme
from landmarks.errors import InputError
from landmarks.keypoints import evaluate
from landmarks.keypoints.config import Config
from landmarks.keypoints.framing import make_framer, true_box
from landmarks.keypoints.held_faces import HeldFace, HeldFaces, count_persons
from landmarks.keypoints.measuring import Measured, Shown, measure
from landmarks.keypoints.predictor import Fits
from landmarks.keypoints.report import build_report
from landmarks.keypoints.report_text import report_text
from landmarks.keypoints.sheets import lost_sheet
from landmarks.metrics import inter_ocular_distances
from landmarks.models import SHAPE_PREDICTOR
from landmarks.samples import Sample
from tests.drawn_faces import drawn_face, drawn_points, write_faces

FACE = drawn_points() * 30 + 80
WIDTH = float(np.linalg.norm(FACE[36] - FACE[45]))


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


class Misses:
    """Misses every point of known faces by the same step, in inter-ocular distances."""

    name, config = SHAPE_PREDICTOR, Config()

    def __init__(self, faces, step):
        self.points = {grey(face.sample.image).tobytes(): face.sample.points for face in faces}
        self.step, self.boxes = np.array(step), []

    def _place(self, plane):
        truth = self.points[plane.tobytes()]
        return truth + self.step * inter_ocular_distances(truth)

    def predict_many(self, images, boxes):
        placed = [self._place(grey(image)) for image in images]
        return Fits(np.reshape(placed, (-1, 68, 2)), None, None)

    def __call__(self, image, box):
        assert image.ndim == 2  # dlib is shown grey pictures
        self.boxes.append(box)
        return self._place(image)


@pytest.fixture
def faces():
    drawn = [drawn_face(seed) for seed in range(4)]
    return [
        HeldFace(Sample(f"{k}", image, points, None, None, {}), f"p{k}", "s")
        for k, (image, points) in enumerate(drawn)
    ]


def without(faces, *lost):
    """A framer that gives true boxes, but finds nothing in some faces."""
    hidden = [faces[row].sample.image.tobytes() for row in lost]
    frame = make_framer("true")
    return lambda image, truth: None if image.tobytes() in hidden else frame(image, truth)


def reported(measured):
    told = {"model": "m", "boxes": "true"}
    return build_report(measured, count_persons(measured.persons, "test"), told)


def test_dlib_is_asked_in_the_same_boxes_and_judged_alike(faces):
    dlib = Misses(faces, (0, 0.1))
    measured = measure(faces, Misses(faces, (0.05, 0)), without(faces, 1), dlib=dlib)
    found = [face.sample.points for row, face in enumerate(faces) if row != 1]
    assert dlib.boxes == [true_box(points) for points in found]
    report = reported(measured)
    assert report.dlib is not None
    for method, error, failures in ((report.ours, 0.05, 0.25), (report.dlib, 0.1, 1)):
        assert method.all_68.nme == pytest.approx(error)
        assert method.all_68.failures == failures  # the lost face is one
        assert method.regions["nostrils"].nme == pytest.approx(error)
        # Each misses by its own step, which is all that there is to take off.
        assert method.inner_51_without_offset.nme == pytest.approx(0, abs=1e-9)
    assert {p.person: p.dlib for p in report.by_person} == pytest.approx(
        {"p0": 0.1, "p1": np.nan, "p2": 0.1, "p3": 0.1}, nan_ok=True
    )
    assert report.record()["dlib"]["all_68"]["nme"] == pytest.approx(0.1)
    assert [line.split() for line in report_text(report).splitlines() if "NME, all" in line] == [
        *("NME, all 68 5.00 % 10.00 %".split(), "NME, all 68 0.00 % 0.00 %".split())
    ]


def test_of_lost_faces_it_is_told_whether_the_second_detector_finds_them(faces):
    asked = []

    def second(image, truth):
        asked.append(truth)
        return true_box(truth) if len(asked) == 2 else None

    measured = measure(faces, Misses(faces, (0, 0)), without(faces, 1, 2), second=second)
    np.testing.assert_array_equal(asked, [faces[row].sample.points for row in (1, 2)])
    assert measured.found_by_dlib is not None
    assert measured.found_by_dlib.tolist() == [False, False, True, False]
    report = reported(measured)
    assert "dlib's detector alone finds 1 of them" in report_text(report)
    assert report.record()["lost_but_found_by_hog"] == 1


def test_the_command_asks_dlib_and_its_detector(tmp_path, monkeypatch):
    shards = str(write_faces(tmp_path / "shards", train=0, validation=0, test=3))
    faces = list(HeldFaces([shards]))
    framers = {"detector": without(faces, 0, 2), "hog": without(faces, 0)}
    monkeypatch.setattr(evaluate, "make_framer", framers.__getitem__)
    network, dlib = Misses(faces, (0.05, 0)), Misses(faces, (0, 0.1))
    monkeypatch.setattr("landmarks.keypoints.predictor.load_predictor", lambda *a, **k: network)
    monkeypatch.setattr("landmarks.predictor.load_predictor", lambda path: dlib)
    report = evaluate.evaluate("m", [shards])
    assert report.record()["lost_but_found_by_hog"] == 1
    assert report.dlib is not None
    assert report.dlib.all_68.nme == pytest.approx(0.1)
    assert report.told["dlib_predictor"] == SHAPE_PREDICTOR
    assert "was trained on 300-W" in " ".join(report.notes)
    other = evaluate.evaluate("m", [shards], boxes="hog", beside_dlib=False)
    assert (other.dlib, other.record()["lost_but_found_by_hog"]) == (None, None)

    def missing(path):
        raise InputError("there is none")

    monkeypatch.setattr("landmarks.predictor.load_predictor", missing)
    assert "not compared: there is none" in " ".join(evaluate.evaluate("m", [shards]).notes)
    with pytest.raises(InputError, match="there is none"):
        evaluate.evaluate("m", [shards], dlib="other.dat")


def kept(points, *, radius=None, lost=(), found_by_dlib=None):
    """Answers to the same face again and again, in black pictures."""
    count = len(points)
    boxes = np.tile([20.0, 20, 140, 140], (count, 1))
    boxes[list(lost)] = points[list(lost)] = np.nan
    black = np.zeros((160, 160, 3), np.uint8)
    return Measured(
        *(("",) * count,) * 4,
        np.tile(FACE, (count, 1, 1)),
        boxes,
        points,
        None if radius is None else np.full((count, 68), float(radius)),
        None,
        None,
        found_by_dlib,
        worst=(),
        lost=tuple(Shown(row, black) for row in lost),
    )


def test_radii_that_hold_the_truth_with_and_without_the_mean_offset():
    points = np.tile(FACE, (3, 1, 1))
    points[:, :17, 0] += 0.1 * WIDTH  # always: outside, until the offset is taken off
    points[0, 60:, 0] += 0.2 * WIDTH  # once: the offset takes the other one outside
    report = reported(kept(points, radius=0.05 * WIDTH, lost=[2]))
    assert report.covered["jaw"] == (0, 1, 3)
    assert report.covered["inner_lips"] == (0.5, 0, 3)
    assert report.covered["right_eye"] == (1, 1, 3)
    assert report.covered["all 68"] == pytest.approx((1 - (34 + 8) / 136, 1 - 16 / 136, 3))
    assert report.covered["inner 51"] == pytest.approx((1 - 8 / 102, 1 - 16 / 102, 3))
    assert report.covered["open lips"] == pytest.approx((1 - 8 / 40, 1 - 16 / 40, 3))
    assert report.covered["open eyes"] == (1, 1, 6)
    assert report.covered["closed lips"] == pytest.approx((np.nan, np.nan, 0), nan_ok=True)
    (line,) = (line for line in report_text(report).splitlines() if "inner lips   " in line)
    assert line.split()[-4:] == ["50.00", "%", "0.00", "%"]


def test_lost_faces_are_shown_with_their_truth_and_whether_dlib_finds_them():
    def sheet(*found_by_dlib):
        points = np.tile(FACE, (2, 1, 1))
        return lost_sheet(kept(points, lost=[0, 1], found_by_dlib=np.array(found_by_dlib)))

    shown, plain = sheet(False, True), sheet(False, False)
    # Two pictures of 300 pixels beside each other, below a title and above their captions.
    assert shown.shape == (24 + 300 + 20, 2 * 300 + 14, 3)
    first, second = shown[24:324, :300], shown[24:324, 314:]
    np.testing.assert_array_equal(first, second)
    centre = FACE[scheme.INNER_51].mean(axis=0)
    box = true_box(FACE)
    zoom = 300 / (1.8 * box.width)
    for x, y in np.round((FACE - centre) * zoom + 149.5).astype(int):
        assert first[y, x].min() > 150  # a white dot on black
    assert (first.max(axis=2) == 0).mean() > 0.8
    assert (shown < 100).sum() > (plain < 100).sum()  # the second caption is longer
    changed = (shown != plain).any(axis=(0, 2))
    assert changed[314:].any()
    assert not changed[:314].any()


def moved(x=0.0, y=0.0, size=1.0):
    return (FACE - FACE.mean(axis=0)) * size + FACE.mean(axis=0) + [x, y]


def no_eyes():
    points = FACE.copy()
    points[45] = points[36]
    return points


BOX = true_box(FACE)


@pytest.mark.parametrize(
    ("points", "is_face"),
    [
        (moved(x=-0.5 - BOX.right), True),  # the box still meets the first column
        (moved(x=-1.5 - BOX.right), False),
        (moved(y=-0.5 - BOX.bottom), True),
        (moved(y=-1.5 - BOX.bottom), False),
        (moved(x=159.5 - BOX.left), True),
        (moved(x=160.5 - BOX.left), False),
        (moved(y=119.5 - BOX.top), True),
        (moved(y=120.5 - BOX.top), False),
        (moved(size=2.1 / BOX.width), True),
        (moved(size=1.9 / BOX.width), False),
        (moved(size=1e200), False),
        (no_eyes(), False),
    ],
)
def test_points_that_span_no_face_in_the_picture_are_told(monkeypatch, points, is_face):
    image = np.zeros((120, 160, 3), np.uint8)
    sample = Sample("a", image, points, None, None, {"person": "p"})
    monkeypatch.setattr("landmarks.keypoints.held_faces.read_shards", lambda *a, **k: [sample])
    faces = HeldFaces(["s"], "all")
    with np.errstate(over="ignore", invalid="ignore"):
        assert [face.sample.key for face in faces] == ["a"] * is_face
    told = [] if is_face else ["s: sample a has no face's points in its picture"]
    assert [str(error) for error in faces.errors] == told
