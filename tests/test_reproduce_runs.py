"""Runs of the experiment: what goes on, what begins anew, and what ends in one sentence."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import sys
import types

import numpy as np
import pytest

from calibration.action_units import EMOTIONS
from classifier import training
from landmarks.errors import InputError
from scripts import demo
from scripts.reproduce import __main__ as command
from scripts.reproduce import experiment, figures, fingerprints, landmark_road, scores
from scripts.reproduce.arms import Teacher, face_model
from scripts.reproduce.edited import Editing
from scripts.reproduce.photographs import frontal_enough, read_photographs, readable
from scripts.reproduce.picture_road import Pupils, Road
from scripts.reproduce.pictures import Translating, divide
from scripts.reproduce.protocols import make_trials, protocols_of
from scripts.reproduce.stages import OtherRun, Stages

PEOPLE = str(command.PEOPLE)


@pytest.fixture(scope="module")
def some():
    return read_photographs(PEOPLE, EMOTIONS, most=10)


@pytest.fixture
def quick(monkeypatch):
    """One way to make faces weak, and no figures."""
    monkeypatch.setattr(experiment, "protocols_of", lambda found: protocols_of(found)[:1])
    monkeypatch.setattr(figures, "data_uri", lambda figure: "data:,")


def write_table(path, found, **columns):
    """A table of landmarks, with other values in some columns."""
    told = {
        "file": [f"{row}.png" for row in range(len(found))],
        "emotion": found.emotion,
        "person": found.person,
        "intensity": found.intensity,
    }
    told |= {
        f"{axis}{point}": found.landmarks[:, point, side].round(2)
        for point in range(68)
        for side, axis in enumerate("xy")
    }
    told |= columns
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(told)
        rows.writerows(zip(*told.values(), strict=True))
    return ["--data", str(path), "-o", str(path.parent / "out"), "--landmarks-only", "--folds", "2"]


def test_what_changed_is_done_anew_or_refused_and_nothing_else(tmp_path, some, quick, capsys):
    argv = write_table(tmp_path / "faces.csv", some)
    assert command.main(argv) == 0
    page = tmp_path / "out" / "index.html"
    before = page.read_bytes()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["stages"][0]["stage"] == "reading the set"
    assert len(results["settings"]["SHA-256 of calibration/expression_model.npz"]) == 16
    write_table(tmp_path / "faces.csv", some, x30=some.landmarks[:, 30, 0] + 1)
    assert command.main([*argv, "--resume"]) == 2
    assert "holds a run with SHA-256 of landmarks and labels" in capsys.readouterr().err
    assert command.main([*argv, "--folds", "40"]) == 2
    assert "10 persons: expected at least one for each of 40" in capsys.readouterr().err
    assert page.read_bytes() == before  # what was measured before stays
    assert command.main([*argv, "--resume", "anew"]) == 0
    [stage] = (tmp_path / "out" / "work").glob("landmarks*.json")
    for text, told in (('{"x":', "is damaged"), ("{}", "it has no stage")):
        stage.write_text(text)
        assert command.main([*argv, "--resume"]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


def test_intensities_of_another_scale_are_refused(tmp_path, some, capsys):
    argv = write_table(tmp_path / "faces.csv", some, intensity=100 * some.intensity)
    assert command.main(argv) == 2
    assert "expected 0 (neutral) to 1" in capsys.readouterr().err


def test_only_folders_of_this_program_are_emptied(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "settings.json").write_text('{"editor": 1}')
    (folder / "thesis.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(InputError, match="holds something else"):
            Stages(folder, {"seed": 0}, resume=resume)
    assert (folder / "thesis.txt").exists()
    (folder / "settings.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        Stages(folder, {"seed": 0}, resume=False)
    own = tmp_path / "own"
    Stages(own, {"seed": 0}, resume=False).run("one", lambda: 1)
    with pytest.raises(OtherRun):
        Stages(own, {"seed": 0, "more": None}, resume=True)
    assert Stages(own, {"seed": 0}, resume=True, anew=True).run("one", lambda: 2) == 1
    assert Stages(own, {"seed": 1}, resume=True, anew=True).run("one", lambda: 2) == 2


def test_the_demo_does_not_stop_at_an_older_report(tmp_path, monkeypatch):
    args = command._parser().parse_args(["-o", str(tmp_path), *demo._REPORT, "--resume", "anew"])
    assert args.resume == "anew"
    assert command._parser().parse_args(["-o", "x", "--resume"]).resume == "same"


def test_damaged_pictures_are_left_out_and_counted(some):
    entries = list(some.entries)
    entries[5] = dataclasses.replace(entries[5], data=entries[5].data[:200])
    whole, digest = readable(some)
    assert len(whole) == len(some)
    left, other = readable(dataclasses.replace(some, entries=tuple(entries)))
    assert len(left) == len(some) - 1
    assert left.left_out["whose picture cannot be read"] == 1
    assert digest != other == readable(left)[1]
    gone = [dataclasses.replace(one, path="nowhere.png", data=None) for one in entries]
    assert readable(dataclasses.replace(some, entries=tuple(gone)))[0].entries is None


def test_every_change_of_the_faces_is_seen(some):
    changed = [
        dataclasses.replace(some, landmarks=some.landmarks + 1e-9),
        dataclasses.replace(some, emotion=some.emotion[::-1]),
        dataclasses.replace(some, person=some.person[::-1]),
        dataclasses.replace(some, intensity=some.intensity / 2),
    ]
    digests = {fingerprints.of_faces(one) for one in (some, *changed)}
    assert len(digests) == 5
    assert len(fingerprints.of_weights(pictures=True)) == 5


def test_ctrl_c_while_it_starts_is_one_sentence(monkeypatch, capsys, tmp_path):
    class Slow(types.ModuleType):
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "scripts.reproduce.experiment", Slow("slow"))
    assert command.main(["-o", str(tmp_path)]) == 2
    assert "interrupted" in capsys.readouterr().err


def test_persons_may_stand_in_the_names_of_files(tmp_path, some, quick):
    names = [f"{person}_{row}.png" for row, person in enumerate(some.person)]
    argv = write_table(tmp_path / "f.csv", some, file=names, person=[""] * len(some))
    assert command.main(argv) == 2
    assert command.main([*argv, "--persons-by-name"]) == 0


def test_names_of_people_are_no_formulas(some):
    trials = make_trials(some, "quarter", face_model().frame, EMOTIONS)
    face = trials.low[0].ravel().tolist()
    example = {"person": r"$\bad$", "emotion": "fear", "neutral": face, "said": {}}
    assert figures.drawn_faces([example | {"made": {"raw": face}}]).startswith("data:image/png")


def test_matrices_stand_in_rows():
    for count in (1, 4, 5):
        named = {str(number): np.eye(6, dtype=int).tolist() for number in range(count)}
        assert figures.confusions(named, list(EMOTIONS)).startswith("data:image/png")


def test_distances_of_different_faces_are_over_the_same_draws():
    rng = np.random.default_rng(1)
    truth, one, other = rng.integers(0, 3, (3, 300))
    one[:150] = truth[:150]
    person = (np.arange(300) // 15).tolist()
    alike = scores.distance(scores.Said(truth, one, person), scores.Said(truth, other, person), 3)
    assert alike == pytest.approx(scores.compare(truth, one, other, person, 3)["accuracy"])
    half = scores.Said(truth[::2], other[::2], person[::2])
    value, low, high = scores.distance(scores.Said(truth, one, person), half, 3)
    expected = np.mean(one == truth) - np.mean(other[::2] == truth[::2])
    assert value == pytest.approx(expected)
    assert low < value < high


def test_nothing_learnt_changes_with_the_tested_persons(some):
    """Landmarks and trials of tested persons are spoiled; what is learnt of others stays."""
    found = frontal_enough(some, face_model())
    rng = np.random.default_rng(0)
    frame = face_model().frame
    trials = make_trials(found, "quarter", frame, EMOTIONS)
    tested = np.unique(trials.person)[:3]
    landmarks = found.landmarks.copy()
    others = np.isin(found.person, tested)
    landmarks[others] += rng.normal(0, 5, landmarks[others].shape)
    spoiled = dataclasses.replace(found, landmarks=landmarks)
    train = np.flatnonzero(~np.isin(trials.person, tested))
    rows = np.flatnonzero(np.isin(trials.person, tested))
    pair = []
    for one in (found, spoiled):
        own = make_trials(one, "quarter", frame, EMOTIONS)
        assert np.array_equal(own.row, trials.row)
        pair.append(Teacher(one, own, train, EMOTIONS))
    for arm in ("published", "ours", "ours_own", "ours_own_label"):
        made = [teacher.treat(arm, trials, rows) for teacher in pair]
        assert np.array_equal(*made), arm
    assert np.array_equal(*(teacher.read(trials, rows) for teacher in pair))


def test_the_models_own_reading_is_told_no_label(some):
    found = frontal_enough(some, face_model())
    trials = make_trials(found, "quarter", face_model().frame, EMOTIONS)
    rows = np.arange(len(trials.label))
    teacher = Teacher(found, trials, rows, EMOTIONS)
    lied = trials._replace(label=(trials.label + 1) % len(EMOTIONS))
    said = teacher.read(trials, rows)
    assert np.array_equal(said, teacher.read(lied, rows))
    assert not np.array_equal(said, teacher.read(trials._replace(zero=trials.zero[::-1]), rows))


def test_every_classifier_has_as_many_steps(tmp_path, some, monkeypatch):
    class Done(Exception):
        pass

    def train_on(lesson, held, place, config, options, *, report):
        told.append((len(lesson), config.steps, config.batch))
        raise Done

    told: list[tuple[int, int, int]] = []
    monkeypatch.setattr(training, "train_on", train_on)
    found = frontal_enough(some, face_model())
    stages = Stages(tmp_path / "work", {}, resume=False)
    pupils = Pupils("small", 7, 0)
    road = Road(found, divide(found, 0), EMOTIONS, stages, pupils, None, print)
    drawing = Translating(found, road.division, road.trials, road.teacher, None)
    for count in (9, 18):
        faces = functools.partial(road.real, drawing, road.lesson[:count])
        with pytest.raises(Done):
            road.classify(drawing, f"{count}", faces, faces, {})
    assert told == [(9, 7, 32), (18, 7, 32)]


def test_a_face_that_cannot_be_edited_counts_once(some):
    class Refuses:
        def edit_faces(self, image, **asked):
            raise ValueError("no such face")

    found = frontal_enough(some, face_model())
    trials = make_trials(found, "quarter", face_model().frame, EMOTIONS)
    teacher = Teacher(found, trials, np.arange(len(trials.label)), EMOTIONS)
    first, second = (Editing(found, trials, teacher, Refuses()) for _ in range(2))
    for editing in (first, first.of(trials, "quarter"), second):
        editing.paint("ceiling", np.arange(3))
        editing.paint("ceiling", np.arange(3))
    assert first.refused == second.refused  # as in a run that was stopped between
    assert len(first.refused) == 6  # weak faces, and full ones made of them


def test_too_few_persons_for_another_protocol_are_a_note(some):
    found = frontal_enough(some, face_model())
    with pytest.raises(landmark_road.UnfitSet, match="fewer than 40 folds"):
        landmark_road.run(found, "another", EMOTIONS, count=40, seed=0)
