"""Aligned faces, landmarks that are found once, and landmarks with a support-vector machine."""

import cv2
import numpy as np
import pytest
from PIL import Image
from sklearn.svm import SVC

from calibration import align_similarity
from classifier import dataset, finding
from classifier.alignment import STILL, aligned_crop, aligned_points
from classifier.augment import augment, middle
from classifier.dataset import joined, load_faces, make_faces
from classifier.landmark_svm import LandmarkSvm
from classifier.mirror import mirrored_points
from classifier.sources import Entry
from landmarks.errors import InputError
from landmarks.image import read_image
from tests.labelled_faces import SHOWN, base_face, labelled, points_of


def test_crop_and_points_agree_and_undo_a_similarity():
    points = base_face()
    turn = np.deg2rad(25)
    moved = points @ (1.7 * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]))
    moved += [31, -7]
    here, there = aligned_crop(points, 64), aligned_crop(moved, 64)
    assert here.to_crop(points) == pytest.approx(aligned_points(points))
    assert there.to_crop(moved) == pytest.approx(here.to_crop(points))
    # With room, the square lies in the middle.
    roomy = aligned_crop(points, 64, 1.25)
    assert roomy.side == 80
    assert roomy.to_crop(points) * 80 - 8 == pytest.approx(here.to_crop(points) * 64)


def test_expressions_do_not_move_the_crop():
    points = base_face()
    smile = points.copy()
    smile[48:] += [0, 9]
    assert not set(STILL) & set(range(48, 68))
    assert aligned_crop(smile, 64).matrix == pytest.approx(aligned_crop(points, 64).matrix)


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.full((68, 2), np.nan), np.zeros((5, 2))])
def test_points_that_are_no_face_are_refused(points):
    with pytest.raises(InputError):
        aligned_crop(points, 64)


def test_the_mirror_fits_the_mirrored_picture():
    points = base_face()
    mirrored = (points * [-1, 1] + [127, 0])[finding_mirror()]
    # Not exactly: the mean face is symmetrical, and this one is not.
    assert aligned_points(mirrored) == pytest.approx(mirrored_points(aligned_points(points)))
    assert mirrored_points(mirrored_points(points)) == pytest.approx(points)


def finding_mirror():
    from landmarks import scheme

    return scheme.MIRROR


def test_augmented_faces_are_a_function_of_the_generator_and_stay_near():
    faces = labelled("train", 2, side=32)
    made = [
        augment(faces.images[0], faces.points[0], faces.images[1], 32, np.random.default_rng(3))
        for _ in range(2)
    ]
    assert (made[0][0] == made[1][0]).all()
    assert made[0][0].shape == (32, 32)
    near = [faces.points[0], mirrored_points(faces.points[0])]
    assert min(np.abs(made[0][1] - place).max() for place in near) < 0.03


def test_the_middle_is_what_is_cut_without_room():
    image = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8), (0, 0), 3
    )
    roomy = dataset.cut_face(image, base_face(), 64, 1)
    bare = dataset.cut_face(image, base_face(), 64, 1, 1.0)
    assert np.abs(middle(roomy[None], 64)[0].astype(int) - bare).max() <= 1


def test_faces_of_arrays_are_chosen_and_joined():
    faces = labelled("train", 2)
    two = faces.take([True, False, True, False, False, False])
    assert two.emotions == (SHOWN[0], SHOWN[2])
    assert joined([two, faces]).digest() != faces.digest()
    assert joined([faces]).digest() == faces.digest()
    assert faces.labels(SHOWN).tolist() == [0, 1, 2, 0, 1, 2]
    assert faces.persons_known
    with pytest.raises(InputError, match="happiness: the classes are anger, neutral"):
        faces.labels(("anger", "neutral"))
    with pytest.raises(InputError, match="1 pictures, 2 emotions"):
        make_faces([np.zeros((9, 9), np.uint8)], base_face()[None], ["fear"] * 2, ["a"])


@pytest.fixture
def photographs(tmp_path, portrait):
    """A face, the same enlarged to fill the picture, none, and a damaged file."""
    small = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    Image.fromarray(small).save(tmp_path / "face.png")
    close = cv2.resize(portrait[60:190, 165:285], (48, 48), interpolation=cv2.INTER_AREA)
    Image.fromarray(close).save(tmp_path / "close.png")
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "empty.png")
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    names = ["face.png", "close.png", "empty.png", "page.jpg"]
    return [Entry(n, "happiness", "p", path=str(tmp_path / n)) for n in names]


def test_landmarks_are_found_once_and_kept_by_content(photographs, tmp_path, monkeypatch):
    cache = tmp_path / "run" / "landmarks.npz"
    faces = load_faces(photographs, side=32, cache=cache)
    assert faces.names == ("face.png", "close.png")
    assert [one.name for one in faces.skipped] == ["empty.png", "page.jpg"]
    assert "no face" in faces.skipped[0].reason
    # Both show the same face: its aligned points differ by less than a tenth of the eyes' distance.
    assert np.abs(faces.points[0] - faces.points[1]).max() < 0.05
    monkeypatch.setattr(dataset, "find_points", None)
    again = load_faces(photographs[:3], side=32, cache=cache)
    assert again.digest() == faces.digest()
    with np.load(cache) as kept:
        others = {**kept, "network": np.array("another")}
    np.savez(cache, **others)
    assert finding.Landmarks(cache).of(photographs[0]) is None


def test_landmarks_are_kept_when_the_search_is_broken_off(photographs, tmp_path, monkeypatch):
    search = dataset.find_points

    def once(picture, entry):
        monkeypatch.setattr(dataset, "find_points", interrupted)
        return search(picture, entry)

    def interrupted(picture, entry):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "find_points", once)
    cache = tmp_path / "landmarks.npz"
    with pytest.raises(KeyboardInterrupt):
        load_faces(photographs, side=32, cache=cache)
    assert finding.Landmarks(cache).of(photographs[0]) is not None
    assert finding.Landmarks(cache).of(photographs[1]) is None


def test_sets_without_any_face_are_refused(photographs):
    with pytest.raises(InputError, match="none of 2 pictures shows a face.*empty.png"):
        load_faces(photographs[2:])


def test_told_points_need_no_picture(tmp_path):
    points = base_face()
    entries = [Entry("gone.png", "fear", path=str(tmp_path / "gone.png"), points=points)]
    faces = load_faces(entries, pictures=False)
    assert faces.pixels[0] == pytest.approx(points)
    with pytest.raises(InputError, match="gone.png"):
        load_faces(entries)


def test_what_is_cut_shows_the_face_upright(photographs, portrait):
    image = read_image(photographs[0].path)
    points = load_faces(photographs[:1]).pixels[0]
    turned = np.ascontiguousarray(np.rot90(image))
    # (x, y) → (y, 255 − x) is what rot90 does to the pixels.
    moved = np.column_stack([points[:, 1], 255 - points[:, 0]])
    one, other = (
        dataset.cut_face(*pair, 64, 1, 1.0).astype(float)
        for pair in ((image, points), (turned, moved))
    )
    assert np.abs(one - other).mean() < 2


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_machine_computes_what_scikit_learn_does(classes):
    rng = np.random.default_rng(classes)
    base, moves = rng.normal(0, 10, (68, 2)), rng.normal(size=(classes, 68, 2))
    labels = rng.integers(0, classes, 120)
    points, others = (base + moves[labels] + rng.normal(0, 3, (120, 68, 2)) for _ in range(2))
    machine = LandmarkSvm.fit(points, labels, classes)
    flat, new = (
        (align_similarity(p, machine.reference).apply(p).reshape(120, -1) - machine.mean)
        / machine.deviation
        for p in (points, others)
    )
    own = SVC(C=1.0, gamma=0.005, class_weight="balanced").fit(flat, labels)
    scores = machine.scores(others)
    assert (scores.argmax(1) == own.predict(new)).all()
    if classes > 2:
        assert scores == pytest.approx(own.decision_function(new))
    again = LandmarkSvm.of(machine.arrays(), "file")
    assert (again.scores(others) == scores).all()


def test_a_machine_never_says_a_class_without_faces_and_is_invariant():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    points = np.stack([points_of(SHOWN[k], base_face(), rng) for k in labels])
    machine = LandmarkSvm.fit(points, 2 * labels, 6)
    scores = machine.scores(points)
    assert (scores.argmax(1) == 2 * labels).all()
    assert machine.scores(points[..., ::-1] * [1, -1] * 3 + 50) == pytest.approx(scores)
    with pytest.raises(InputError, match="one class"):
        LandmarkSvm.fit(points, np.zeros(60, int), 6)
    with pytest.raises(InputError, match="machine"):
        LandmarkSvm.of({**machine.arrays(), "bias": np.zeros(3)}, "file")
