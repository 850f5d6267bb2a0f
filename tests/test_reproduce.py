"""The experiment: nobody is in training and test, labels stay unknown, the page is complete."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from calibration.action_units import EMOTIONS
from classifier import metrics
from landmarks.errors import InputError
from scripts.reproduce import __main__ as command
from scripts.reproduce import experiment, figures, landmark_road, scores
from scripts.reproduce.arms import ARMS, Teacher, face_model, features
from scripts.reproduce.photographs import NEUTRAL, frontal_enough, read_photographs
from scripts.reproduce.protocols import make_trials, protocols_of
from scripts.reproduce.stages import Stages

PEOPLE = str(command.PEOPLE)


@pytest.fixture(scope="module")
def found():
    return frontal_enough(read_photographs(PEOPLE, EMOTIONS), face_model())


@pytest.fixture(scope="module")
def trials(found):
    return make_trials(found, "quarter", face_model().frame, EMOTIONS)


def test_weak_faces_have_a_quarter_of_the_displacement(found, trials):
    frame = face_model().frame
    low, full, zero = (frame.frontal(faces)[0] for faces in (trials.low, trials.full, trials.zero))
    share = 0.25 / found.intensity[trials.row]
    assert np.allclose(low - zero, share[:, None] * (full - zero), atol=1e-4)


def test_another_neutral_photograph_is_known_than_the_one_that_was_used(found):
    frame = face_model().frame
    one = make_trials(found, "another", frame, EMOTIONS)
    for person in np.unique(one.person):
        mine = np.flatnonzero(one.person == person)[0]
        still = frame.frontal(
            found.landmarks[(found.person == person) & (found.emotion == NEUTRAL)]
        )[0]
        low, full = frame.frontal(np.stack([one.low[mine], one.full[mine]]))[0]
        share = 0.25 / found.intensity[one.row[mine]]
        start = (low - share * full) / (1 - share)
        used = np.abs(still - start).max(axis=1).argmin()
        assert np.abs(still[used] - start).max() < 1e-3
        known = frame.frontal(one.zero[mine : mine + 1])[0][0]
        if len(still) == 2:
            assert np.abs(known - still[1 - used]).max() < 1e-9
        assert np.abs(known - still[used]).max() > 1e-3


def test_a_teacher_sees_nothing_of_other_persons(found, trials):
    tested = np.unique(trials.person)[:3]
    train = np.flatnonzero(~np.isin(trials.person, tested))
    rows = np.flatnonzero(np.isin(trials.person, tested))
    landmarks = found.landmarks.copy()
    rng = np.random.default_rng(0)
    others = np.isin(found.person, tested)
    landmarks[others] += rng.normal(0, 5, landmarks[others].shape)
    other = dataclasses.replace(found, landmarks=landmarks)
    first, second = (Teacher(each, trials, train, EMOTIONS) for each in (found, other))
    for arm in ARMS:
        if arm != "reading":
            made = first.treat(arm, trials, rows)
            assert np.array_equal(made, second.treat(arm, trials, rows))


def test_only_arms_that_say_so_know_the_label(found, trials):
    teacher = Teacher(found, trials, np.arange(len(trials.label)), EMOTIONS)
    rows = np.arange(8)
    lied = trials._replace(label=(trials.label + 1) % len(EMOTIONS))
    moved = trials._replace(zero=trials.zero[::-1])
    for arm, told in ARMS.items():
        if arm == "reading":
            continue
        same = np.array_equal(teacher.treat(arm, trials, rows), teacher.treat(arm, lied, rows))
        assert same == (told.label != "known"), arm
        if told.neutral == "unknown":
            made = teacher.treat(arm, moved, rows)
            assert np.array_equal(teacher.treat(arm, trials, rows), made), arm
            frame = teacher.model.frame
            seen = features(arm, made, moved.zero[rows], frame)
            assert np.array_equal(seen, features(arm, made, trials.zero[rows], frame)), arm


def test_everybody_is_tested_once_and_apart(found):
    answers = landmark_road.run(found, "quarter", EMOTIONS, count=2, seed=0)
    assert set(answers.fold) == {0, 1}
    persons = [set(answers.trials.person[answers.fold == fold]) for fold in (0, 1)]
    assert not persons[0] & persons[1]
    assert (answers.said["ours_own", "read"] >= 0).all()
    # Too few people for figures, but a quarter of an expression without label is hardly read raw.
    right = {arm: np.mean(answers.said[arm, "read"] == answers.trials.label) for arm in ARMS}
    assert right["ours_own"] > right["raw"]


def test_scores_are_those_of_the_classifier_and_counted_by_hand():
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2])
    person = ["a", "a", "b", "b", "c", "c"]
    found = scores.score(truth, said, person, 3)
    assert found["accuracy"][0] == pytest.approx(4 / 6)
    assert found["balanced_accuracy"][0] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["worst_class"] == [1, 0.5]
    rng = np.random.default_rng(1)
    truth, said = rng.integers(0, 3, 400), rng.integers(0, 3, 400)
    said[:200] = truth[:200]
    person = (np.arange(400) // 20).tolist()
    for name in ("accuracy", "balanced_accuracy"):
        expected = metrics.bootstrap(getattr(metrics, name), truth, said, person, 3)
        assert scores.score(truth, said, person, 3)[name] == pytest.approx(expected)
    gain = scores.compare(truth, truth, said, person, 3)
    assert gain["accuracy"][0] == pytest.approx(np.mean(truth != said))
    assert gain["only_other"] == 0


def test_stages_are_done_once_and_not_mixed(tmp_path):
    folder = tmp_path / "work"
    stages = Stages(folder, {"seed": 0}, resume=False)
    assert stages.run("one", lambda: [1]) == [1]
    again = Stages(folder, {"seed": 0}, resume=True)
    assert again.run("one", lambda: pytest.fail("was done")) == [1]
    assert again.done["one"]["peak_megabytes"] > 0
    with pytest.raises(InputError, match="seed 0, not 1"):
        Stages(folder, {"seed": 1}, resume=True)
    assert Stages(folder, {"seed": 1}, resume=False).run("one", lambda: [2]) == [2]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").touch()
    with pytest.raises(InputError, match="something else"):
        Stages(tmp_path / "mine", {}, resume=False)


def test_the_report_is_one_page_and_resumes_to_the_same_numbers(tmp_path, capsys, monkeypatch):
    argv = ["-o", str(tmp_path), "--folds", "2", "--landmarks-only"]
    monkeypatch.setattr(experiment, "protocols_of", lambda found: protocols_of(found)[:1])
    assert command.main(argv) == 0
    page = (tmp_path / "index.html").read_text()
    first = json.loads((tmp_path / "results.json").read_text())
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "label unknown, own neutral known" in page
    assert all(told.title in html.unescape(page) for told in ARMS.values())
    assert first["landmarks"][0]["aim"]["wanted_gain"] == 0.4
    for file in (tmp_path / "index.html", tmp_path / "results.json"):
        file.unlink()
    monkeypatch.setattr(figures, "data_uri", lambda figure: "data:,")  # drawn once is enough
    assert command.main([*argv, "--resume"]) == 0
    again = json.loads((tmp_path / "results.json").read_text())
    assert again["landmarks"] == first["landmarks"]
    assert again["stages"] == first["stages"]
    assert command.main([*argv, "--resume", "--seed", "1"]) == 2
    assert "with seed 0, not 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--data", "nowhere.csv"], "does not exist"),
        (["--folds", "1"], "--folds 1"),
        (["--persons", "3"], "--persons 3"),
        (["--lessons", "0"], "--lessons 0"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, capsys, argv, told):
    assert command.main([*argv, "-o", str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_persons_must_be_known(tmp_path, capsys):
    for emotion in ("anger", "fear"):
        place = tmp_path / "set" / emotion / "x.png"
        place.parent.mkdir(parents=True)
        Image.fromarray(data.astronaut()[:256, 128:384]).save(place)
    argv = ["--data", str(tmp_path / "set"), "-o", str(tmp_path / "out")]
    assert command.main(argv) == 2
    assert "who is shown must be told" in capsys.readouterr().err


def test_people_without_a_neutral_face_are_told(tmp_path, capsys):
    header = ["file", "emotion", "person", *(f"{axis}{k}" for k in range(68) for axis in "xy")]
    some = read_photographs(PEOPLE, EMOTIONS, most=10)
    lines = [",".join(header)]
    for row in np.flatnonzero(some.emotion != NEUTRAL):
        points = [f"{value:.2f}" for value in some.landmarks[row].ravel()]
        lines.append(",".join([f"{row}.png", some.emotion[row], some.person[row], *points]))
    table = Path(tmp_path, "faces.csv")
    table.write_text("\n".join(lines))
    argv = ["--data", str(table), "-o", str(tmp_path / "out"), "--landmarks-only"]
    assert command.main(argv) == 2
    assert "0 persons have a neutral photograph" in capsys.readouterr().err
    assert not (tmp_path / "out" / "index.html").exists()


def test_too_few_faces_leave_the_face_model_alone(found, trials):
    few = np.flatnonzero(np.isin(trials.person, np.unique(trials.person)[:4]))
    teacher = Teacher(found, trials, few, EMOTIONS)
    assert not teacher.fitted
    assert np.isfinite(teacher.treat("ours_own", trials, few)).all()
