"""Evaluation of landmark networks: boxes, whose faces, an oracle, the command."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks.detector import Box
from landmarks.errors import InputError
from landmarks.keypoints import evaluate, scores
from landmarks.keypoints.config import Config
from landmarks.keypoints.crops import typical_box
from landmarks.keypoints.framing import best_box, make_framer, overlap, true_box
from landmarks.keypoints.held_faces import HeldFaces, count_persons
from landmarks.keypoints.measuring import measure
from landmarks.keypoints.no_faces import ask_without_faces, random_boxes
from landmarks.keypoints.predictor import Fits
from landmarks.keypoints.report import build_report
from landmarks.keypoints.report_text import report_text
from landmarks.metrics import inter_ocular_distances
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import writing_set
from landmarks.shards import read_shards
from tests.drawn_faces import drawn_face, drawn_points, persons, write_faces

FACE = drawn_points()


class Oracle:
    """Knows the points of the faces of some shards by their pictures, and misses them as told."""

    def __init__(self, *shards, miss=0.0, trust=True):
        self.points = {s.image.tobytes(): s.points for path in shards for s in read_shards(path)}
        self.config = Config()
        self.miss, self.trust = miss, trust

    def predict_many(self, images, boxes):
        assert len(images) == len(boxes)
        points = np.array([self.points[image.tobytes()] for image in images]).reshape(-1, 68, 2)
        return self._fits(points + np.array([self.miss, 0]))

    def predict(self, image, boxes):
        return self._fits(np.zeros((len(boxes), 68, 2)) + image.mean())

    def _fits(self, points):
        if not self.trust:
            return Fits(points, None, None)
        # Surer of what lies further right: an order that tests can foresee.
        told = 1 / (1 + np.exp(-points.mean(axis=(1, 2)) / 100))
        return Fits(points, np.full(points.shape[:2], 2.0), told)


@pytest.fixture
def shards(tmp_path):
    return write_faces(tmp_path / "shards", train=3, validation=1, test=4)


@pytest.fixture
def oracle(shards, monkeypatch):
    def use(**options):
        network = Oracle(shards, **options)
        monkeypatch.setattr("landmarks.keypoints.predictor.load_predictor", lambda *a, **k: network)
        return network

    return use


def test_the_box_that_frames_the_face_best():
    truth = FACE * 40 + 100
    typical = true_box(truth)
    centre, side = typical_box(truth)
    assert typical.width == pytest.approx(side)
    np.testing.assert_allclose([typical.left + typical.right, typical.top + typical.bottom],
                               2 * centre)  # fmt: skip
    near = Box(typical.left + 4, typical.top, typical.right + 4, typical.bottom, 0.1)
    wide = Box(typical.left - 20, typical.top - 20, typical.right + 20, typical.bottom + 20, 9.0)
    other = Box(typical.left + 200, typical.top, typical.right + 200, typical.bottom, 9.0)
    assert best_box([other, wide, near], truth) is near
    assert best_box([other], truth) is None
    assert best_box([], truth) is None
    assert overlap(Box(0, 0, 9, 9, 0), Box(5, 0, 14, 9, 0)) == pytest.approx(50 / 150)
    with pytest.raises(InputError, match="expected one of detector, hog, true"):
        make_framer("cnn")


def test_the_detectors_frame_a_real_face(small):
    from landmarks import detect

    (face,) = detect(small)
    for boxes in ("detector", "hog"):
        box = make_framer(boxes)(small, face.points)
        assert box is not None
        assert abs(box.left - face.box.left) < 4
        assert make_framer(boxes)(small, face.points + [0, 120]) is None


def test_an_oracle_makes_no_error(shards):
    network = Oracle(shards)
    measured = measure(HeldFaces([shards]), network, make_framer("true"))
    assert measured.persons == tuple(persons("test", 4))
    assert measured.found.all()
    report = build_report(
        measured, count_persons(measured.persons, "test"), {"model": "oracle", "boxes": "true"}
    )
    assert report.ours.all_68.nme == 0
    assert report.ours.all_68.auc == 1
    assert report.ours.inner_51_without_offset.failures == 0
    assert report.covered["all 68"].share == 1
    assert report.covered["closed lips"].of + report.covered["open lips"].of == 4
    assert report.covered["closed eyes"].of + report.covered["open eyes"].of == 8
    assert report.lost == 0


def test_a_network_that_tells_points_alone(shards):
    measured = measure(HeldFaces([shards]), Oracle(shards, trust=False), make_framer("true"))
    report = build_report(
        measured, count_persons(measured.persons, "test"), {"model": "m", "boxes": "true"}
    )
    assert (report.covered, report.trust, report.dlib) == ({}, {}, None)
    text = report_text(report)
    assert "radius" not in text
    assert "trust" not in text
    assert json.loads(json.dumps(report.record(), allow_nan=False))["dlib"] is None


def test_lost_faces_are_failures_without_an_error(shards):
    frame, calls = make_framer("true"), []

    def sometimes(image, truth):
        calls.append(len(calls))
        return None if len(calls) in (2, 3) else frame(image, truth)

    network = Oracle(shards, miss=1.0)
    measured = measure(
        HeldFaces([shards]), network, sometimes, second=lambda i, t: len(calls) and None
    )
    assert measured.found.tolist() == [True, False, False, True]
    assert [shown.row for shown in measured.lost] == [1, 2]
    assert sorted(shown.row for shown in measured.worst) == [0, 3]
    assert measured.found_by_dlib is not None
    assert measured.found_by_dlib.tolist() == [False] * 4
    report = build_report(
        measured, count_persons(measured.persons, "test"), {"model": "m", "boxes": "some"}
    )
    widths = inter_ocular_distances(measured.truth)
    assert report.ours.all_68.nme == pytest.approx((1 / widths)[[0, 3]].mean())
    assert report.ours.all_68.failures == 0.5
    assert report.ours.all_68.auc == pytest.approx((1 - 1 / widths / 0.08)[[0, 3]].sum() / 4)
    lost = {p.person: p.lost for p in report.by_person}
    assert lost == dict(zip(persons("test", 4), (0, 1, 1, 0), strict=True))
    text = report_text(report)
    assert "lost: 2 of 4 faces, failures" in text
    assert "dlib's detector alone finds 0 of them" in text
    assert report.record()["lost"] == 2


def test_the_worst_are_kept_in_order(tmp_path, monkeypatch):
    shards = write_faces(tmp_path / "many", train=0, validation=0, test=12)
    monkeypatch.setattr("landmarks.keypoints.measuring.SHOWN", 5)
    monkeypatch.setattr("landmarks.keypoints.measuring._CHUNK", 4)
    network = Oracle(shards)
    for number, points in enumerate(network.points.values()):
        points += (number * 5) % 12  # every error once
    measured = measure(HeldFaces([shards]), network, make_framer("true"))
    errors = scores.face_errors(scores.residuals(measured.points, measured.truth))
    assert [shown.row for shown in measured.worst] == np.argsort(-errors)[:5].tolist()


def test_who_was_trained_on_is_told(shards):
    people = [*persons("test", 4), *persons("train", 3), *persons("train", 1)]
    leaking = count_persons(people, "all")
    assert leaking.leaks
    assert "this leaks: 3 of them (4 faces) are training persons" in str(leaking)
    unseen = count_persons(people, "all", unseen=True)
    assert not unseen.leaks
    assert "says --unseen" in str(unseen)
    assert "--leaks" in str(count_persons(people, "all", unseen=True, trained_on_all=True))
    for people_tested in (persons("test", 4), people):
        by_choice = count_persons(people_tested, "test", trained_on_all=True)
        assert by_choice.leaks
        assert "this leaks: the network was trained on test persons" in str(by_choice)
    held = count_persons([*persons("test", 4), *persons("validation", 1)], "all")
    assert not held.leaks
    assert "persons disjoint" in str(held)
    assert "1 is a validation person" in str(held)
    faces = HeldFaces([shards], "validation")
    assert [face.person for face in faces] == persons("validation", 1)
    assert faces.others == 7
    assert len(list(HeldFaces([shards], "all", without=persons("test", 1)))) == 7
    with pytest.raises(InputError, match="expected one of test, validation"):
        HeldFaces([shards], "dev")


def test_published_points_come_back(tmp_path):
    image, points = drawn_face(0)
    with writing_set(tmp_path / "one", {}) as target:
        record = {"person": persons("test", 1)[0], "taken_off": 0.5}
        target.add("a", encode_sample(Sample("a", image, points, None, None, record)))
    (plain,) = HeldFaces([tmp_path / "one"])
    (published,) = HeldFaces([tmp_path / "one"], published=True)
    np.testing.assert_allclose(published.sample.points, plain.sample.points + 0.5)


def test_boxes_without_faces(tmp_path):
    rng = np.random.default_rng(0)
    boxes = random_boxes((200, 90), 500, rng)
    assert boxes.shape == (500, 4)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    assert sides.min() >= 24
    assert sides.max() <= 90
    assert boxes.min() >= 0
    assert (boxes[:, 2:] <= [199, 89]).all()
    for number, shade in enumerate((40, 200)):
        Image.new("L", (120, 90), shade).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"damaged")
    Image.new("L", (5, 5)).save(tmp_path / "3.png")
    Image.new("L", (90, 90)).save(tmp_path / "4.png")
    network = Oracle()
    asked = ask_without_faces(network, [str(tmp_path)], count=100, seed=3)
    assert len(asked.trust) == 100
    assert asked.pictures == 3
    assert len(asked.errors) == 2
    # 20 boxes from each of the first two, and from the last what two others should have given.
    assert np.unique(asked.trust, return_counts=True)[1].tolist() == [60, 20, 20]
    with pytest.raises(InputError, match="tells no trust"):
        ask_without_faces(Oracle(trust=False), [str(tmp_path)], count=10)
    with pytest.raises(InputError, match=r"no picture could be used \(.*2\.png"):
        ask_without_faces(network, [str(tmp_path / "2.png")], count=10)


def corners(image, box):
    """What a very bad predictor places: every point in the upper left corner of the box."""
    return np.tile([box.left, box.top], (68, 1))


def run(*arguments, code=0, capsys):
    assert evaluate.main([str(argument) for argument in arguments]) == code
    told = capsys.readouterr()
    if code:
        assert told.out == ""
        assert len(told.err.strip().splitlines()) == 1
        return told.err
    return told.out


def test_the_command_leaves_its_report(tmp_path, shards, oracle, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    oracle(miss=0.5)
    monkeypatch.setattr("landmarks.keypoints.measuring.SHOWN", 2)
    monkeypatch.setattr(corners, "name", "corners.dat", raising=False)
    monkeypatch.setattr("landmarks.predictor.load_predictor", lambda path: corners)
    (tmp_path / "walls").mkdir()
    Image.new("L", (300, 200), 20).save(tmp_path / "walls" / "a.png")
    shard = next(shards.glob("*.tar"))
    with open(shards / "damaged.tar", "wb") as handle:
        handle.write(shard.read_bytes()[:5000])
    out = tmp_path / "deep" / "out"
    wanted = ("m", shard, shards / "damaged.tar", "-o", out, "--boxes", "true",
              "--split", "all", "--non-faces", tmp_path / "walls", "--crops", 30)  # fmt: skip
    text = run(*wanted, capsys=capsys)
    assert "this leaks: 3 of them (3 faces) are training persons" in text
    assert "damaged.tar" in text
    assert {path.name for path in out.iterdir()} == {
        *("report.json", "persons.csv", "faces.csv", "ced.png", "regions.png", "worst.png")
    }
    report = json.loads((out / "report.json").read_text())
    assert report["faces"] == 8
    assert report["leaks"] is True
    assert report["persons"] == {"test": 4, "validation": 1, "train": 3}
    assert len(report["unreadable"]) >= 1
    assert report["ours"]["all_68_without_offset"]["nme"] < report["ours"]["all_68"]["nme"] / 20
    assert report["trust"]["no_face_crops"] == 30
    assert report["trust"]["auc_no_faces"] == 1  # the wall is dark, which the oracle mistrusts
    with open(out / "faces.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 8
    assert {row["split"] for row in rows} == {"test", "validation", "train"}
    assert report["dlib_predictor"] == "corners.dat"
    for column, scored in (("nme", report["ours"]), ("nme_dlib", report["dlib"])):
        for suffix, points in (("", "all_68"), ("_inner", "inner_51")):
            name = column.replace("nme", f"nme{suffix}")
            mean = np.mean([float(row[name]) for row in rows])
            assert mean == pytest.approx(scored[points]["nme"], rel=1e-4)
    by_face = {row["person"]: (row["nme"], row["nme_dlib"]) for row in rows}
    with open(out / "persons.csv", newline="") as handle:
        people = list(csv.DictReader(handle))
    assert [row["faces"] for row in people] == ["1"] * 8
    assert {row["person"]: (row["nme"], row["nme_dlib"]) for row in people} == by_face
    with Image.open(out / "worst.png") as sheet:
        assert sheet.size[0] > sheet.size[1] / 3
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "lost.png").write_bytes(b"of an earlier report")
    run(*wanted, capsys=capsys)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_offsets_of_other_persons(shards, oracle):
    oracle(miss=0.5)
    path = str(shards)

    def evaluated(split):
        return evaluate.evaluate(
            "m", [path], split=split, boxes="true", beside_dlib=False, offsets=[path]
        )

    report = evaluated("test")
    assert f"mean offset of {shards} (4 faces of other persons) removed" in report_text(report)
    widths = [
        inter_ocular_distances(face.sample.points)
        for face in HeldFaces([shards], "all", without=persons("test", 4))
    ]
    assert report.offset[30, 0] == pytest.approx(0.5 * np.mean(1 / np.array(widths)), 0.02)
    with pytest.raises(InputError, match=r"no face in .* of other persons \(8 of others\)"):
        evaluated("all")


def test_bad_input_is_one_sentence(tmp_path, shards, oracle, capsys):
    pytest.importorskip("matplotlib")
    oracle(trust=False)
    out = tmp_path / "out"

    def told(*arguments):
        return run(*arguments, code=2, capsys=capsys)

    assert "does not exist" in told("m", tmp_path / "none.tar", "-o", out, "--no-dlib")
    train = write_faces(tmp_path / "train", train=2, validation=0, test=0)
    sentence = told("m", train, "-o", out, "--no-dlib")
    assert "of a test person (2 of others): --split all takes all" in sentence
    (tmp_path / "file").touch()
    assert "is a file" in told("m", shards, "-o", tmp_path / "file")
    assert "cannot be made" in told("m", shards, "-o", tmp_path / "file" / "out")
    assert "--crops is 0" in told("m", shards, "-o", out, "--crops", 0)
    assert "dlib shape predictor" in told("m", shards, "-o", out, "--dlib", tmp_path / "file")
    # No detector takes a drawn oval for a face.
    assert "finds none of the 4 faces" in told("m", shards, "-o", out, "--no-dlib")
    Image.new("L", (90, 90)).save(tmp_path / "wall.png")
    walls = ("--non-faces", tmp_path / "wall.png")
    assert "tells no trust" in told("m", shards, "-o", out, "--no-dlib", *walls)
    with writing_set(tmp_path / "flat", {}) as target:
        image, points = drawn_face(0)
        record = {"person": persons("test", 1)[0]}
        target.add("a", encode_sample(Sample("a", image, points * 0, None, None, record)))
    sentence = told("m", tmp_path / "flat", "-o", out, "--no-dlib", "--boxes", "true")
    assert "1 could not be read" in sentence
    assert "sample a has no face's points" in sentence
    assert not out.exists()


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, landmarks.keypoints.evaluate, landmarks.keypoints.report_files;"
        "print(sorted({'dlib', 'torch', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
