"""The editor on a real photograph; the warp alone, which needs no weights."""

import itertools

import cv2
import numpy as np
import pytest

from gan.editor import Edited, Editor
from gan.editor.choice import NoFaceError
from gan.editor.repair import Repairer
from gan.editor.square import SIDE
from gan.editor.warp import Moves
from gan.editor.wish import Wish
from landmarks.detector import Box
from landmarks.errors import InputError, PointsError
from landmarks.faces import Face

IDENTITY = np.stack(np.meshgrid(*[np.arange(SIDE, dtype=np.float32)] * 2), axis=-1)


@pytest.fixture(scope="module")
def editor():
    return Editor.load(warp_only=True)


@pytest.fixture(scope="module")
def head(portrait):
    """The portrait's head, 200 pixels wide, the outer eye corners 59 apart."""
    return np.ascontiguousarray(portrait[20:220, 125:325])


@pytest.fixture(scope="module")
def points(editor, head):
    return editor.finder.points(head, "head")


@pytest.fixture(scope="module")
def pair(head):
    """Two faces, the right one smaller."""
    right = np.full((200, 160, 3), 90, np.uint8)
    right[:160] = cv2.resize(head, (160, 160), interpolation=cv2.INTER_AREA)
    return np.concatenate([head, right], axis=1)


@pytest.mark.parametrize(("emotion", "intensity"), [("happiness", 1.0), ("surprise", 0.5)])
def test_a_face_shows_what_was_asked_for(editor, head, emotion, intensity):
    edited = editor.edit_faces(head, emotion=emotion, intensity=intensity, check=True)
    [face] = edited.faces
    assert (face.emotion, face.intensity) == (emotion, intensity)
    assert face.read == pytest.approx(intensity, abs=0.15)
    assert np.hypot(*(face.found - face.wanted).T).mean() < 0.1 * 59
    assert edited.notes == ()


def test_only_the_face_changes(editor, head, points):
    edited = editor.edit(head, emotion="happiness", intensity=1.5)
    changed = (edited != head).any(axis=2)
    low, high = points.min(axis=0) - 45, points.max(axis=0) + 25
    inside = np.zeros_like(changed)
    inside[int(max(low[1], 0)) : int(high[1]), int(low[0]) : int(high[0])] = True
    assert not changed[~inside].any()
    assert changed[inside].any()


def test_nothing_coloured_is_painted_into_a_grey_photograph(head, points):
    class Paints(Repairer):
        def __call__(self, squares, source, wanted):
            colour = np.float32([60, 0, -30])
            return [
                made._replace(residual=made.region[..., None] * colour)
                for made in super().__call__(squares, source, wanted)
            ]

    paints = Editor(Paints(None))
    wish = {"emotion": "happiness", "source": points, "exact": False}
    grey = np.repeat(head.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    edited = paints.edit(grey, **wish)
    assert np.ptp(edited, axis=2).max() == 0
    assert (edited != grey).any()
    assert np.ptp(paints.edit(head, **wish)[100, 100].astype(int) - head[100, 100]) > 45


def test_a_dial_rises_and_looks_for_the_face_once(editor, head, monkeypatch):
    looked = []
    detect = editor.finder.detect
    monkeypatch.setattr(editor.finder, "detect", lambda im: looked.append(1) or detect(im))
    cells = editor.dial(head, ["happiness", "anger"], [1.0, 0.5, 1.5])
    assert cells.shape == (2, 3, *head.shape)
    assert len(looked) == 1
    read = [editor.model.estimate(editor.finder.points(c, "cell")).intensities for c in cells[0]]
    smile = [r[editor.model.emotions.index("happiness")] for r in read]
    assert smile[1] < smile[0] < smile[2]


def test_frames_are_the_dials_and_between_them_nothing_jumps(editor, head, points):
    frames = list(editor.frames(head, np.linspace(0, 1, 9), emotion="happiness", source=points))
    assert len(frames) == 9
    steps = [np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]
    whole = np.abs(frames[0].astype(int) - frames[-1]).mean()
    assert max(steps) < 0.4 * whole
    still = editor.edit(head, emotion="happiness", intensity=0.0, source=points)
    assert np.abs(frames[0].astype(int) - still).mean() < 0.1 * whole


def test_without_a_choice_the_largest_face_is_edited_and_that_is_said(editor, pair):
    with pytest.warns(UserWarning, match="2 faces were found: the largest"):
        edited = editor.edit(pair, emotion="surprise")
    assert (edited[:, 200:] == pair[:, 200:]).all()
    assert (edited[:, :200] != pair[:, :200]).any()


def test_of_several_faces_in_another_photograph_the_largest_is_taken_and_that_is_said(
    editor, head, points, pair
):
    for wish in ({"gold": pair}, {"neutral": pair, "emotion": "fear"}):
        first, *more = editor.edit_faces(head, source=points, exact=False, **wish).notes
        assert first.partition(": ")[2] == "2 faces were found, the largest is taken"
        assert [note[:38] for note in more] == (
            ["the neutral photograph shows happiness"] if "neutral" in wish else []
        )


def test_all_faces_or_a_chosen_one(editor, pair):
    one = editor.edit(pair, emotion="surprise", faces=2)
    assert (one[:, :200] == pair[:, :200]).all()
    both = editor.edit_faces(pair, emotion="surprise", faces="all")
    assert len(both.faces) == 2
    assert (both.image[:, 200:] == one[:, 200:]).all()
    assert (both.image[:, :200] != pair[:, :200]).any()


def test_a_panorama_is_edited_as_a_small_picture_is(editor, head, points):
    wide = np.full((200, 33_000, 3), 90, np.uint8)
    wide[:, 32_000:32_200] = head
    wish = {"emotion": "surprise", "exact": False}
    edited = editor.edit(wide, source=points + (32_000, 0), **wish)
    part = editor.edit(wide[:, 31_800:32_400].copy(), source=points + (200, 0), **wish)
    assert np.abs(edited[:, 31_800:32_400].astype(int) - part).max() <= 2
    assert (edited != wide).any()


def test_the_edits_of_faces_close_together_both_stay(points, monkeypatch):
    class Brightens(Repairer):
        def __call__(self, squares, source, wanted):
            return [
                made._replace(
                    moves=Moves(IDENTITY), residual=made.region[..., None] * np.float32([40] * 3)
                )
                for made in super().__call__(squares, source, wanted)
            ]

    brightens = Editor(Brightens(None))
    boxes = [Box(left, 50, left + 80, 130, 1.0) for left in (40, 110)]
    close = [Face(box, points + (70 * number, 0)) for number, box in enumerate(boxes)]
    monkeypatch.setattr(brightens.finder, "detect", lambda image: close)
    # Nothing is seen in a grey picture that would tell.
    monkeypatch.setattr("gan.editor.finder.is_rendered", lambda subject, other: False)
    grey = np.full((200, 320, 3), 90, np.uint8)
    wish = {"emotion": "surprise", "exact": False}
    lit = [brightens.edit(grey, faces=which, **wish) - 90.0 for which in (1, 2, "all")]
    assert ((lit[0] > 10) & (lit[1] > 10)).any()
    assert lit[2] == pytest.approx(lit[0] + lit[1], abs=1)


def test_a_face_within_another_picture_is_still_a_detected_one(editor, head, points):
    [subject], _ = editor.finder.subjects(head, None, None)
    half = cv2.resize(head, (100, 100), interpolation=cv2.INTER_AREA)
    moved = subject.within(half, np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]]))
    assert moved.detected
    assert moved.source == pytest.approx(points / 2 - 0.25)
    row = editor._row(moved, Wish("happiness"), None, [0.0, 1.0])
    editor._make([row], False)
    assert np.abs(row.found(editor.finder.place)[0] - row.wanted[0]).mean() < 1.5


def test_dials_and_films_tell_what_was_decided(editor, pair):
    with pytest.warns(UserWarning, match="2 faces were found: the largest"):
        editor.dial(pair, ["fear"], [0.5], exact=False)
    with pytest.warns(UserWarning, match="2 faces were found: the largest"):
        next(editor.frames(pair, [0.5], emotion="fear", exact=False))


def test_given_landmarks_are_taken_and_nothing_is_detected(editor, head, points, monkeypatch):
    monkeypatch.setattr(editor.finder, "detect", None)
    edited = editor.edit_faces(head, emotion="happiness", intensity=0.8, source=points, check=True)
    assert (edited.faces[0].source == points).all()
    assert edited.faces[0].read == pytest.approx(0.8, abs=0.15)


def test_wanted_landmarks_are_gone_to(editor, head, points):
    wanted = points.copy()
    wanted[48:68, 1] += 3  # the mouth sinks by 5 % of the inter-ocular distance
    [face] = editor.edit_faces(head, landmarks=wanted, check=True).faces
    assert face.emotion is None
    moved = (face.found - points)[48:68, 1].mean()
    assert moved == pytest.approx(3, abs=1)


def test_the_expression_of_another_photograph_is_taken_over(editor, head, points):
    gold = editor.edit_faces(head, emotion="surprise", intensity=0.9, check=True)
    [face] = editor.edit_faces(head, gold=gold.image, check=True).faces
    assert face.emotion == "surprise"
    assert face.intensity == pytest.approx(gold.faces[0].read, abs=0.1)
    away = np.hypot(*(face.found - gold.faces[0].found).T).mean()
    assert away < 0.5 * np.hypot(*(points - gold.faces[0].found).T).mean()


def test_a_batch_goes_on_behind_a_bad_picture(editor, head):
    seen = []

    class Counted(Repairer):
        def __call__(self, squares, source, wanted):
            seen.append(len(squares))
            return super().__call__(squares, source, wanted)

    counted = Editor(Counted(None), model=editor.model)
    counted.finder = editor.finder
    empty = np.full((80, 80, 3), 127, np.uint8)
    pictures = [head, empty, np.zeros(3), head[:, ::-1].copy()]
    results = counted.edit_batch(pictures, emotion="fear", exact=False)
    assert [type(r) for r in results[::3]] == [Edited, Edited]
    assert isinstance(results[1], NoFaceError)
    assert isinstance(results[2], ValueError)
    assert seen == [2]
    alone = counted.edit(head, emotion="fear", exact=False)
    assert (results[0].image == alone).all()


@pytest.mark.parametrize(
    ("wish", "error", "told"),
    [
        ({"emotion": "joy"}, InputError, "unknown emotion 'joy'"),
        ({"intensity": 9}, InputError, "intensity is 9: expected 0"),
        ({"faces": 3}, NoFaceError, "there is no face 3: 1 face was found"),
        ({"source": np.zeros((5, 2))}, PointsError, "source has shape"),
        ({"source": np.zeros((68, 2))}, NoFaceError, "in one place or on one line"),
        ({"neutral": np.zeros((9, 9, 3), np.uint8)}, NoFaceError, "neutral: no face was found"),
    ],
)
def test_what_cannot_be_done_is_told(editor, head, wish, error, told):
    with pytest.raises(error, match=told):
        editor.edit(head, **wish)


def test_faces_that_are_too_small_or_covered_are_told(editor, head, points, monkeypatch):
    told = r"too small: its outer eye corners are 1[78]\.\d pixels apart, at least 20 are needed"
    with pytest.raises(NoFaceError, match=told):
        editor.edit(head, emotion="fear", source=points * 0.3)
    monkeypatch.setattr("gan.editor.choice.COVERED", 0.1)
    with pytest.raises(NoFaceError, match="mouth seems to be covered"):
        editor.edit(head, emotion="fear")


def test_what_falls_far_short_is_told():
    from gan.editor.edited import Edited, EditedFace, short_of

    def face(read):
        return EditedFace(np.zeros((68, 2)), np.zeros((68, 2)), "anger", 1.0, None, read)

    edited = Edited(np.zeros((2, 2, 3), np.uint8), (face(0.7), face(0.6), face(None)))
    [told] = short_of(edited)
    assert told.startswith("asked for anger at 1, the result shows 0.60: more was not found")
    assert "--once" in short_of(edited, exact=False)[0]
