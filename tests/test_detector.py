"""The search finds what dlib's own search of the whole picture finds, where dlib finds it."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import skimage.data

from landmarks.candidates import CandidateNetwork, local_contrast
from landmarks.detector import Box, make_detector, smallest_face
from landmarks.faces import Settings
from landmarks.search import (
    Search,
    level_sizes,
    level_to_picture,
    one_level_detector,
    without_overlaps,
)
from landmarks.views import Views

FACE = (221, 120, 91)  # centre and width of the astronaut's face as dlib boxes it


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def search():
    return Search()


def sides(box):
    return np.array([box.left, box.top, box.right, box.bottom])


def scaled(image, scale):
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=way)


@pytest.mark.parametrize("scale", [0.45, 0.7, 1.0, 2.1, 6.0])
def test_the_search_gives_the_box_of_the_whole_search(astronaut, search, scale):
    # Enlarged much, what lies around the face only takes time.
    image = scaled(astronaut if scale < 3 else astronaut[:256, 93:349], scale)
    whole = make_detector("hog", upsample=1)(image)[0]
    found = search(image)[0]
    # The same window of the same level: a neighbouring one would differ by a tenth.
    assert np.abs(sides(found) - sides(whole)).max() <= max(1.0, 0.01 * whole.width)


@pytest.mark.parametrize("detector", ["hog", "haar", "cnn"])
@pytest.mark.parametrize("grey", [False, True])
def test_every_detector_boxes_the_same_face(astronaut, detector, grey):
    image = np.ascontiguousarray(astronaut[:300, 70:370])
    if grey:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    box = max(make_detector(detector, upsample=0)(image), key=lambda box: box.width)
    x, y, width = FACE
    assert (box.left + box.right) / 2 == pytest.approx(x - 70, abs=0.1 * width)
    assert (box.top + box.bottom) / 2 == pytest.approx(y, abs=0.1 * width)
    assert box.width == pytest.approx(width, rel=0.15)
    assert box.score > 0


def test_small_faces_beside_a_large_one_are_found(astronaut, search):
    face = astronaut[40:200, 140:300]
    canvas = np.full((600, 900, 3), 110, np.uint8)
    canvas[30:510, 30:510] = scaled(face, 3)
    places = [(560, 40), (700, 60), (600, 300), (760, 420)]
    for x, y in places:
        canvas[y : y + 72, x : x + 72] = scaled(face, 0.45)
    boxes = search(canvas)
    assert len(boxes) == 5
    widths = sorted(box.width for box in boxes)
    assert widths[3] < 50 < 200 < widths[4]


def test_largest_and_min_face(astronaut):
    canvas = np.full((420, 700, 3), 110, np.uint8)
    canvas[20:340, 20:340] = scaled(astronaut[40:200, 140:300], 2)
    canvas[100:180, 500:580] = scaled(astronaut[40:200, 140:300], 0.5)
    assert len(Search()(canvas)) == 2
    largest = Search(faces="largest")(canvas)
    assert [box.width > 100 for box in largest] == [True]
    assert [box.width > 100 for box in Search(min_face=80)(canvas)] == [True]
    assert [box.width > 100 for box in Search("hog", upsample=1, min_face=80)(canvas)] == [True]
    assert smallest_face(1) == 36.5
    assert smallest_face(1, 80) == 80


def test_an_upside_down_face_a_blank_and_a_pixel_are_no_faces(astronaut, search):
    assert search(np.ascontiguousarray(astronaut[::-1])) == []
    assert search(np.full((300, 300, 3), 128, np.uint8)) == []
    assert search(np.zeros((1, 1, 3), np.uint8)) == []
    assert search(np.zeros((2, 700), np.uint8)) == []


def test_brightness_and_contrast_hardly_matter_to_the_candidates(astronaut):
    grey = cv2.cvtColor(scaled(astronaut, 0.2), cv2.COLOR_RGB2GRAY)
    network = CandidateNetwork(0.0)
    best = network(grey)[0]
    x, y, width = np.array(FACE) * 0.2
    assert abs(best.x - x) < 0.2 * width
    assert abs(best.y - y) < 0.2 * width
    assert best.size == pytest.approx(width, rel=0.25)
    dim = network((grey * 0.5 + 20).astype(np.uint8))[0]
    assert (dim.x, dim.y, dim.size) == pytest.approx((best.x, best.y, best.size), abs=1.5)
    assert np.abs(local_contrast(np.full((40, 50), 77, np.uint8))).max() == 0


def test_levels_are_dlibs_levels(astronaut):
    # dlib's own resizing through these sizes must give dlib's own answer of the whole pyramid.
    dlib = pytest.importorskip("dlib")
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    whole, scores, _ = dlib.get_frontal_face_detector().run(grey, 1, 0.0)
    one = one_level_detector()
    image, best = grey, (-np.inf, 0, None)
    for level, (width, height) in enumerate(level_sizes(512, 512, 1)):
        image = dlib.resize_image(image, height, width)
        for box, score, _ in zip(*one.run(image, 0, 0.0), strict=True):
            best = max(best, (score, level, box), key=lambda item: item[0])
    score, level, box = best
    assert score == pytest.approx(scores[0], abs=1e-6)
    corners = level_to_picture(np.array([[box.left(), box.top()]]), level, 1)[0]
    assert np.abs(corners - (whole[0].left(), whole[0].top())).max() <= 0.51


def test_one_level_detector_looks_at_one_size():
    dlib = pytest.importorskip("dlib")
    grey = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    twice = cv2.resize(grey, None, fx=2, fy=2)  # the face is 180 wide: three levels down
    assert len(dlib.get_frontal_face_detector()(twice, 0)) == 1
    assert len(one_level_detector()(twice, 0)) == 0


def test_of_overlapping_boxes_the_surest_stays():
    a, b = Box(0, 0, 99, 99, 0.5), Box(10, 0, 109, 99, 0.9)
    inside, beside = Box(20, 20, 60, 60, 0.2), Box(200, 0, 299, 99, 0.1)
    assert without_overlaps([a, b, inside, beside]) == [b, beside]


def test_views_average(astronaut):
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    views = Views(astronaut)
    assert views.size == (512, 512)
    half = grey.reshape(256, 2, 256, 2).mean((1, 3))
    assert np.abs(views.grey(2) - half).max() <= 0.5
    assert views.at_least(0.3)[1] == 2
    assert views.at_least(3.0)[1] == 1
    assert np.array_equal(views.rgb(), astronaut)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "yolo"}, "expected one of hog, cnn, haar"),
        ({"upsample": -1}, "upsample is -1"),
        ({"min_face": 0}, "min_face is 0"),
    ],
)
def test_wrong_settings_are_told(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_detector(**arguments)
    with pytest.raises(ValueError, match="expected all or largest"):
        Search(faces="some")
    with pytest.raises(ValueError, match="is of type object: expected a name or a path"):
        Settings(predictor=object())


def test_dlib_is_loaded_at_the_first_picture_only():
    code = (
        "import sys; from landmarks.search import Search; from landmarks.predictor import"
        " load_predictor; Search(); load_predictor(); print('dlib' in sys.modules,"
        " 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_where_the_network_marks_nothing_the_whole_picture_is_searched(astronaut, monkeypatch):
    monkeypatch.setattr(CandidateNetwork, "__call__", lambda self, grey: [])
    x, y, width = FACE
    for scale in (1.0, 4.0):
        (box,) = Search()(scaled(astronaut, scale))
        assert (box.left + box.right) / 2 == pytest.approx(x * scale, abs=0.16 * width * scale)
        assert (box.top + box.bottom) / 2 == pytest.approx(y * scale, abs=0.16 * width * scale)
        assert box.width == pytest.approx(width * scale, rel=0.3)


def test_the_largest_face_is_wanted_not_the_surest(astronaut):
    face = astronaut[40:200, 140:300]
    canvas = np.full((420, 700, 3), 110, np.uint8)
    # Blurred, the large face is the less sure one.
    canvas[20:340, 20:340] = cv2.GaussianBlur(scaled(face, 2), (0, 0), 7)
    canvas[100:180, 500:580] = scaled(face, 0.5)
    both = make_detector("hog", upsample=1)(canvas)
    assert [box.width > 100 for box in both] == [False, True]
    for settings in ({}, {"upsample": 1}):
        (box,) = Search(faces="largest", **settings)(canvas)
        assert box.width > 100


def test_weak_answers_of_the_detector_are_no_faces(astronaut, search):
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (480, 640), np.uint8), (0, 0), 4)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    assert search(texture) == []


def test_where_no_candidate_is_a_face_a_small_picture_is_searched_enlarged(small, monkeypatch):
    """Its face, 45 pixels wide, is too small for dlib's detector in the picture as it is."""
    assert Search("hog", upsample=0)(small) == []
    (expected,) = Search("hog", upsample=1)(small)
    monkeypatch.setattr(Search, "_by_candidates", lambda *_: [])
    assert Search("hog")(small) == [expected]
