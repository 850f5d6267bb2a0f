"""The half on pictures: what is edited, who teaches, and what nobody is told."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from calibration.action_units import EMOTIONS
from classifier.metrics import expected_calibration_error
from classifier.splits import split_all
from gan.editor import Editor
from gan.frame import Frame
from landmarks.errors import InputError
from landmarks.keypoints import load_predictor
from landmarks.keypoints.crops import typical_box
from scripts.reproduce import __main__ as command
from scripts.reproduce import experiment, figures
from scripts.reproduce.arms import Teacher, face_model
from scripts.reproduce.edited import MADE, SIDE, Editing, make_lesson
from scripts.reproduce.photographs import NEUTRAL, frontal_enough, read_photographs
from scripts.reproduce.picture_road import Pupils, Road
from scripts.reproduce.picture_tables import PAINTED, TAUGHT, Answers, tabulate
from scripts.reproduce.pictures import SIDE as DRAWN_SIDE
from scripts.reproduce.pictures import Painter, cut_pictures, divide
from scripts.reproduce.protocols import make_trials
from scripts.reproduce.stages import Stages

PEOPLE = str(command.PEOPLE)


class Pens:
    """An editor that draws the wanted landmarks, and keeps what it was given."""

    def __init__(self):
        self.asked = []

    def edit_faces(self, image, *, source, landmarks, exact):
        assert not exact
        self.asked.append((image, source, landmarks))
        made = Frame(size=SIDE).draw(landmarks)
        return dataclasses.make_dataclass("Edited", ["image"])(made)


@pytest.fixture(scope="module")
def found():
    return frontal_enough(read_photographs(PEOPLE, EMOTIONS, most=12), face_model())


@pytest.fixture(scope="module")
def trials(found):
    return make_trials(found, "quarter", face_model().frame, EMOTIONS)


@pytest.fixture(scope="module")
def teacher(found, trials):
    return Teacher(found, trials, np.arange(len(trials.label)), EMOTIONS)


ROWS = np.array([0, 7, 20])


def test_a_weak_picture_is_a_neutral_photograph_at_a_quarter(found, trials, teacher):
    pens = Pens()
    editing = Editing(found, trials, teacher, pens)
    flat = face_model().frame
    low, full, zero = (
        flat.frontal(faces)[0]
        for faces in (editing.trials.low, editing.trials.full, editing.trials.zero)
    )
    share = 0.25 / found.intensity[trials.row]
    assert np.allclose(low - zero, share[:, None] * (full - zero), atol=1e-4)
    moved = flat.frontal(trials.full)[0] - flat.frontal(trials.zero)[0]
    assert np.allclose(full - zero, moved, atol=1e-4)
    weak, placed = editing.paint("raw", ROWS)
    assert np.array_equal(placed, editing.trials.low[ROWS])
    frame = Frame(size=SIDE)
    for row, (image, source, wanted) in zip(ROWS, pens.asked, strict=True):
        same = (found.person == trials.person[row]) & (found.emotion == NEUTRAL)
        cut, points = cut_pictures(found.take(np.flatnonzero(same)), frame)
        [which] = [k for k, photograph in enumerate(cut) if np.array_equal(photograph, image)]
        assert np.allclose(points[which], source)
        assert np.array_equal(wanted, editing.trials.low[row])
    # What was drawn is what all arms are made of, and nothing else is looked at.
    for arm in PAINTED[1:]:
        pens.asked.clear()
        wanted = editing.paint(arm, ROWS)[1]
        assert np.array_equal([image for image, _, _ in pens.asked], weak), arm
        assert np.array_equal([source for _, source, _ in pens.asked], placed), arm
        assert np.array_equal([points for _, _, points in pens.asked], wanted), arm
        # Gold faces are of other photographs: what they ask for stays in place.
        away = np.abs(wanted.mean(axis=1) - placed.mean(axis=1)).max()
        assert away < 0.1 * SIDE, arm


def test_only_arms_that_say_so_see_the_neutral_face_or_the_label(found, trials, teacher):
    editing = Editing(found, trials, teacher, Pens())
    whole = editing.trials
    lied = whole._replace(label=(whole.label + 1) % len(EMOTIONS))
    moved = whole._replace(zero=whole.zero[::-1])
    for arm in PAINTED:
        editing.trials = whole
        told = editing.paint(arm, ROWS)[1]
        for other, words in ((lied, "label"), (moved, "own")):
            editing.trials = other
            assert np.array_equal(told, editing.paint(arm, ROWS)[1]) == (words not in arm), arm


def test_weak_photographs_are_edited_as_they_were_taken(found, teacher):
    trials = make_trials(found, "photographed", face_model().frame, EMOTIONS)
    rows = np.flatnonzero(trials.weak)[:2]
    pens = Pens()
    editing = Editing(found, trials, teacher, pens, "photographed")
    taken = cut_pictures(found.take(trials.row[rows]), Frame(size=SIDE))[0]
    assert np.array_equal(editing.paint("raw", rows)[0], taken)
    assert not pens.asked
    editing.paint("ours_own", rows)
    assert np.array_equal([image for image, _, _ in pens.asked], taken)


def test_the_editor_moves_the_face_to_what_was_asked(found, trials, teacher):
    editing = Editing(found, trials, teacher, Editor.load())
    weak, low = editing.paint("raw", ROWS)
    full, wanted = editing.paint("ours_own", ROWS)
    assert not editing.refused
    boxes = [(*(middle - side / 2), *(middle + side / 2)) for middle, side in map(typical_box, low)]
    before, after = (
        load_predictor("small").predict_many(list(images), np.array(boxes)).points
        for images in (weak, full)
    )
    missing, moved = wanted - low, after - before
    assert (missing * moved).sum() / (missing**2).sum() > 0.5


def test_lessons_show_what_is_wanted_by_the_expressions_of_others(found, trials):
    still = found.neutral(set(found.person))
    people = len(set(found.person[still]))
    half = np.flatnonzero(trials.label != EMOTIONS.index("fear"))[::2]
    wanted = [*EMOTIONS, "anger"] * 9
    lesson = make_lesson(found, still, trials, half, wanted, seed=3)
    counts = {emotion: lesson.emotion.count(emotion) for emotion in EMOTIONS}
    assert counts == {**dict.fromkeys(EMOTIONS, 9), "anger": 18, "fear": 0}
    assert len(set(found.person[lesson.photograph[:people]])) == people
    assert np.isin(lesson.photograph, still).all()
    assert np.isin(lesson.trial, half).all()
    assert [EMOTIONS[k] for k in trials.label[lesson.trial]] == lesson.emotion
    assert (trials.person[lesson.trial] != found.person[lesson.photograph]).all()
    assert MADE[0] <= lesson.intensity.min() < lesson.intensity.max() <= MADE[1]


def test_carried_expressions_are_the_full_displacement_of_another(found, trials, teacher):
    pens = Pens()
    editing = Editing(found, trials, teacher, pens)
    still = found.neutral(set(found.person))
    lesson = make_lesson(found, still, trials, np.arange(30), EMOTIONS[:4], seed=0)
    wanted = editing.carried(lesson)[1]
    flat = face_model().frame
    moved = flat.frontal(wanted)[0] - flat.frontal(found.landmarks[lesson.photograph])[0]
    full, zero = (flat.frontal(faces[lesson.trial])[0] for faces in (trials.full, trials.zero))
    assert np.allclose(moved, full - zero, atol=1e-4)
    placed = np.array([Frame(size=SIDE).place(face) for face in found.landmarks[lesson.photograph]])
    shown = teacher.model.intensify(placed, lesson.intensity, np.array(lesson.emotion), placed)
    assert np.allclose(editing.made(lesson)[1], shown)


def test_no_classifier_learns_from_a_tested_person(tmp_path, monkeypatch):
    found = frontal_enough(read_photographs(PEOPLE, EMOTIONS, most=16), face_model())
    rendered = frontal_enough(read_photographs(PEOPLE, EMOTIONS), face_model())
    others = ~np.isin(rendered.person, np.unique(found.person))
    rendered = rendered.take(np.flatnonzero(others))
    division = divide(found, 0)
    told, shown = [], {}

    def classify(self, drawing, name, train, held, tests):
        learnt = train()
        told.append((name, set(learnt.persons), set(held().persons)))
        shown[name.removeprefix("taught by ")] = Counter(learnt.emotions)
        for faces in tests.values():
            assert set(faces().persons) <= division.test, name
        shares = {test: np.full((len(faces()), 6), 1 / 6) for test, faces in tests.items()}
        return {"learnt": len(learnt), "refused": [], "shares": shares}

    monkeypatch.setattr(Road, "classify", classify)
    stages = Stages(tmp_path, {}, resume=False)
    pupils = Pupils("landmarks_svm", 1, 0, 20)
    road = Road(found, division, EMOTIONS, stages, pupils, rendered, print)
    drawing = road.run(Editing(found, road.trials, road.teacher, Pens()), [])
    synthetic = set(rendered.person.tolist())
    for name, train, held in told:
        assert train <= division.train | synthetic, name
        assert held <= division.validation | synthetic, name
        assert not train & held, name
    arms = drawing["tables"][-1]["arms"]
    kinds = {"ceiling", "made", "carried", "mixed", "synthetic", "unreal", "real", "both"}
    assert {"raw", "ours_own"} | kinds == set(arms)
    for arm in ("real", "made", "carried", "mixed", "synthetic", "unreal"):
        assert arms[arm]["learnt"] == 20, arm
        assert shown[arm] == shown["real"] or arm in ("mixed", "unreal"), arm
    [alone] = [train for name, train, _ in told if name == "taught by synthetic"]
    assert alone <= synthetic
    with pytest.raises(InputError, match="in both training and test"):
        Road(found, division, EMOTIONS, stages, pupils, found, print)._made(
            Editing(found, road.trials, road.teacher, Pens()), lambda: None
        )


def test_tables_tell_gains_calibration_errors_and_the_aims(found, trials):
    rows = np.arange(12)
    truth = found.full(EMOTIONS, set(found.person))[:10]
    asked = Answers(EMOTIONS, trials, rows, None, found, truth)
    right = np.eye(6)[trials.label[rows]]
    half = right.copy()
    half[::2] = np.eye(6)[(trials.label[rows][::2] + 1) % 6]
    read = {arm: right for arm in (*PAINTED, "real")} | {"raw": half}
    label = np.array([EMOTIONS.index(emotion) for emotion in found.emotion[truth]])
    sure, unsure = np.eye(6)[label], 0.5 * np.eye(6)[label] + 0.5 / 6
    wrong = np.eye(6)[(label + 1) % 6]
    taught = {arm: {"learnt": 9, "shares": unsure} for arm in TAUGHT}
    taught |= {"real": {"learnt": 9, "shares": sure}, "both": {"learnt": 18, "shares": wrong}}
    (reading, teaching), sentence = tabulate(asked, read, taught)
    assert reading["arms"]["ours_own"]["read"]["difference"]["accuracy"][0] == pytest.approx(0.5)
    assert reading["arms"]["raw"]["read"]["ece"] == pytest.approx(0.5)
    arms = teaching["arms"]
    assert arms["ceiling"]["read"]["ece"] == pytest.approx(1 - (0.5 + 0.5 / 6))
    assert arms["ceiling"]["read"]["ece"] == expected_calibration_error(unsure, label)
    assert arms["both"]["read"]["difference"]["accuracy"][0] == -1
    assert "difference" not in arms["real"]["read"]
    share = np.bincount(label).max() / len(label)
    assert f"commonest emotion: {100 * share:.1f} %" in teaching["told"]
    assert "+50.0 points over raw" in sentence
    assert "wanted: -5 or better" in sentence


def test_the_translator_is_taught_by_training_persons_alone(tmp_path, monkeypatch):
    frame = Frame(size=DRAWN_SIDE)

    def paint(self, points):
        placed = np.array([frame.place(face) for face in points])
        return np.array([frame.draw(face) for face in placed]), placed

    monkeypatch.setattr(experiment, "protocols_of", lambda found: [])
    monkeypatch.setattr(Painter, "learn", lambda self: 0)
    monkeypatch.setattr(Painter, "paint", paint)
    monkeypatch.setattr(figures, "data_uri", lambda figure: "data:,")
    argv = ["-o", str(tmp_path), "--network", "landmarks_svm", "--persons", "16"]
    assert command.main([*argv, "--drawn-by", "translator"]) == 0
    pictures = json.loads((tmp_path / "results.json").read_text())["pictures"]
    parts = {name: set(persons) for name, persons in pictures["persons"].items()}
    assert len(set.union(*parts.values())) == sum(map(len, parts.values())) == 16
    found = read_photographs(PEOPLE, EMOTIONS, most=16)
    mine = int(np.isin(found.person, sorted(parts["train"])).sum())
    [pairs] = (tmp_path / "work").glob("generator*/pairs")
    [drawing] = pictures["drawings"]
    assert len(list(pairs.glob("*CLEAN1*"))) == drawing["generator"]["pairs"] == mine
    reading, teaching = drawing["tables"]
    assert {"raw", "ours_own", "ceiling", "real"} <= set(reading["arms"])
    assert {"raw", "ours_own", "real", "both"} <= set(teaching["arms"])
    assert reading["arms"]["raw"]["read"]["persons"] == len(parts["test"])
    page = (tmp_path / "index.html").read_text()
    assert "Made by the translator" in page
    other = int((split_all(sorted(parts["test"]), sorted(parts["test"])) != "test").sum())
    assert other
    assert f"{other} of those that are tested here are called otherwise" in page
    assert "ECE" in page
