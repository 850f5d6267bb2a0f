"""Commands of the classifier: what they write, and one sentence for what cannot be."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from classifier import evaluate, predict, train
from classifier.model import SHIPPED, SMALL, load_classifier
from landmarks.errors import InputError
from tests.labelled_faces import SHOWN, persons, write_table


def said(capsys) -> str:
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return told.out + told.err


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of landmarks + SVM on a table, whose pictures are never opened."""
    folder = tmp_path_factory.mktemp("run")
    write_table(folder / "data", each=5)
    arguments = [folder / "data", 1, folder / "model", "--network", "landmarks_svm"]
    assert train.main([str(a) for a in [*arguments, "--device", "cpu", "--workers", 1]]) == 0
    return folder


def write_rows(table, rows):
    with open(table, "w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return table


def test_evaluate_judges_people_never_seen_beside_both_baselines(run, capsys):
    arguments = ["--split", "test", "-o", run / "report"]
    paths = [run / "model", run / "data"]
    assert evaluate.main([str(a) for a in [*paths, *arguments]]) == 0
    out = said(capsys)
    assert "15 faces, 5 persons" in out
    assert "persons unknown" not in out
    results = json.loads((run / "report" / "evaluation.json").read_text())
    own = results["results"][str(run / "model")]
    assert own["worst person"] is None  # nobody has five faces
    assert own["accuracy"]["value"] == 1
    assert np.array(own["confusion"]).tolist() == np.diag([5, 5, 5]).tolist()
    assert set(results["against"]) == {"landmarks + SVM", "majority class"}
    assert results["against"]["majority class"]["mcnemar"]["only_first"] == 10
    with Image.open(run / "report" / "confusion.png") as picture:
        assert picture.mode == "RGB"


def test_evaluate_says_persons_unknown(run, capsys):
    paths = [str(run / "model"), str(run / "data")]
    assert evaluate.main([*paths, "--persons", "unknown"]) == 2
    assert "learnt from 10 of the 15 persons" in said(capsys)  # the table tells them nonetheless
    assert evaluate.main([*paths, "--persons", "unknown", "--other-people"]) == 0
    told = said(capsys)
    assert "30 of 45 pictures were learnt from: left out" in told
    lines = [line for line in told.splitlines() if "persons unknown" in line]
    assert [line.split()[0] for line in lines] == ["15", str(run / "model"), "majority", "against"]


def test_evaluate_leaves_out_pictures_that_taught_whoever_they_show(run, tmp_path, capsys):
    with open(run / "data" / "labels.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row["person"] = ""
    nobody = write_rows(run / "data" / "nobody.csv", rows)
    assert evaluate.main([str(run / "model"), str(nobody)]) == 0
    assert "30 of 45 pictures were learnt from: left out" in said(capsys)
    learnt = {*persons("train", 5), *persons("validation", 5)}
    seen = [row for row in rows if row["file"].rsplit(" ", 1)[0] in learnt]
    nobody = write_rows(run / "data" / "nobody.csv", seen)
    assert evaluate.main([str(run / "model"), str(nobody)]) == 2
    assert "learnt from each of the 30 pictures" in said(capsys)


def test_a_teacher_is_kept_apart_from_who_is_tested(run, capsys):
    paths = [str(run / "model"), str(run / "data"), "--other-people"]
    assert evaluate.main([*paths, "--teacher", str(run / "data")]) == 2
    assert "persons are in both training and test" in said(capsys)
    assert evaluate.main([*paths, "--teacher", str(run / "data"), "--persons", "unknown"]) == 2
    assert "persons are unknown in what is tested and in" in said(capsys)


def test_a_teacher_with_too_few_faces_is_left_out(run, capsys):
    with open(run / "data" / "labels.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    keep = {*persons("test", 5), persons("train", 1)[0]}
    few = write_rows(run / "data" / "few.csv", [row for row in rows if row["person"] in keep])
    assert evaluate.main([str(run / "model"), str(few), "--split", "test"]) == 0
    assert "landmarks + SVM is left out: there are 1 persons" in said(capsys)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "file"], "file is a file: expected a folder"),
        (["--least-intensity", "5"], "no expression of intensity 5 or more: the strongest has 1"),
        (["--least-intensity", "nan"], "least intensity is nan: expected 0 or more"),
    ],
)
def test_evaluate_tells_at_once_what_cannot_be(run, tmp_path, capsys, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    paths = [str(run / "model"), str(run / "data"), "--split", "test"]
    assert evaluate.main([*paths, *options]) == 2
    assert told in said(capsys)
    assert evaluate.main([*paths, "--least-intensity", "5", "-o", "new/report"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_evaluate_refuses_persons_that_were_learnt_and_names_them(run, capsys):
    paths = [str(run / "model"), str(run / "data")]
    assert evaluate.main(paths) == 2
    told = said(capsys)
    assert f"learnt from 10 of the 15 persons in {run / 'data'}" in told
    assert sorted(persons("train", 5) + persons("validation", 5))[0] in told
    assert "--split test" in told
    assert evaluate.main([*paths, "--other-people"]) == 0


def test_evaluate_refuses_emotions_that_the_classifier_does_not_know(run, tmp_path, capsys):
    (tmp_path / "fear").mkdir()
    Image.new("L", (64, 64)).save(tmp_path / "fear" / "1.png")
    assert evaluate.main([str(run / "model"), str(tmp_path)]) == 2
    assert "shows fear, and the classes of the classifier are" in said(capsys)
    assert evaluate.main([str(tmp_path / "none"), str(tmp_path)]) == 2
    assert "none does not exist" in said(capsys)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("one person", "neutral is shown by one person alone"),
        ("no validation", "0 validation persons"),
        ("no teacher", "no training person of"),
        ("one emotion", "two emotions or more"),
        ("bored", "'bored', 'tired'"),
    ],
)
def test_train_refuses_what_cannot_be_learnt(tmp_path, capsys, change, told):
    table = write_table(tmp_path / "data", each=2)
    with open(table, newline="") as handle:
        rows = list(csv.DictReader(handle))
    if change == "one person":
        rows = [r for r in rows if r["emotion"] != "NEUTRAL" or r["person"] == rows[0]["person"]]
    elif change == "no validation":
        rows = [r for r in rows if r["person"] not in persons("validation", 2)]
    elif change == "no teacher":
        learnt = persons("train", 2)
        rows = [r for r in rows if r["emotion"] != "NEUTRAL" or r["person"] not in learnt]
    elif change == "one emotion":
        rows = [row for row in rows if row["emotion"] == "ANGER"]
    else:
        rows[0]["emotion"], rows[4]["emotion"] = "bored", "tired"
    write_rows(table, rows)
    model = tmp_path / "model"
    assert train.main([str(tmp_path / "data"), "1", str(model), "--device", "cpu"]) == 2
    assert told in said(capsys)
    assert not model.exists()


def test_train_refuses_a_setting_that_is_no_number(tmp_path, capsys):
    arguments = [str(tmp_path / "data"), "1", str(tmp_path / "model"), "--set", "ema=much"]
    assert train.main(arguments) == 2
    told = said(capsys)
    assert told.endswith("--set ema=much: expected NAME=NUMBER, like learning_rate=0.001\n")
    assert told.count("\n") == 1


def test_train_refuses_a_folder_of_another_class_list(tmp_path, capsys):
    data = write_table(tmp_path / "data", each=2).parent
    arguments = [str(data), "1", str(tmp_path / "model"), "--network", "plain", "--side", "32"]
    arguments += ["--device", "cpu", "--workers", "1", "--batch", "8"]
    assert train.main(arguments) == 0
    said(capsys)
    assert train.main([*arguments, "--without", "anger"]) == 2
    told = said(capsys)
    assert "emotions is ('anger', 'happiness', 'neutral'), not ('happiness', 'neutral')" in told
    assert train.main(arguments) == 0
    assert "it is finished" in said(capsys)


def test_train_refuses_to_write_over_another_machine(run, capsys):
    before = (run / "model" / "model.safetensors").read_bytes()
    arguments = [str(run / "data"), "1", str(run / "model"), "--network", "landmarks_svm"]
    arguments += ["--device", "cpu", "--workers", "1"]
    assert train.main([*arguments, "--without", "anger"]) == 2
    assert "emotions is ('anger', 'happiness', 'neutral'), not" in said(capsys)
    assert train.main([*arguments, "--set", "penalty=0"]) == 2
    assert "penalty is 0: expected more" in said(capsys)
    assert (run / "model" / "model.safetensors").read_bytes() == before


def test_a_machine_learns_from_further_sets_too(tmp_path, capsys):
    one = write_table(tmp_path / "one", each=2)
    more = write_table(tmp_path / "more", each=4).parent
    with open(one, newline="") as handle:
        rows = list(csv.DictReader(handle))
    write_rows(one, [{**row, "person": f"{row['person']}"} for row in rows])
    arguments = ["1", str(tmp_path / "m"), "--network", "landmarks_svm", "--device", "cpu"]
    assert train.main([str(one), *arguments, "--also", str(more)]) == 0
    said(capsys)
    assert len(load_classifier(tmp_path / "m").persons) == 4 + 2


def test_predict_tells_faces_and_names_what_it_cannot(portrait, run, tmp_path, capsys):
    Image.fromarray(portrait[::2, ::2]).save(tmp_path / "face.png")
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "empty.png")
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    model = str(run / "model")
    assert predict.main([str(tmp_path), "-m", model, "-o", str(tmp_path / "told.csv")]) == 0
    told = said(capsys)
    assert "1 face in 1 of 3 pictures" in told
    assert "empty.png: shows no face" in told
    assert "page.jpg" in told
    with open(tmp_path / "told.csv", newline="") as handle:
        (row,) = csv.DictReader(handle)
    shares = [float(row[f"p_{name}"]) for name in SHOWN]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert row["emotion"] == SHOWN[int(np.argmax(shares))]
    assert float(row["intensity"]) >= 0
    assert predict.main([str(tmp_path / "face.png"), "-m", model]) == 0
    assert f"face.png: {row['emotion']} {max(shares):.2f}" in said(capsys)
    (tmp_path / "face.png").rename(tmp_path / "odd\nname.png")
    assert predict.main([str(tmp_path / "odd\nname.png"), "-m", model]) == 0
    assert "odd\\nname.png: " in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["empty.png"], "empty.png: shows no face that is found"),
        (["none.png"], "none.png does not exist"),
        (["empty.png", "-m", "none.onnx"], "none.onnx cannot be read"),
        (["empty.png", "-o", "out.txt"], "expected a name that ends in .csv"),
        (["empty.png", "-o", "out.csv"], "shows no face"),
        (["empty.png", "-o", "none/out.csv"], "none/out.csv"),
        (["empty.png", "--jobs", "0"], "--jobs is 0"),
        (["film.mp4"], "film.mp4 is a film"),
        (["x" * 300], "File name too long"),
    ],
)
def test_predict_tells_what_cannot_be(run, tmp_path, capsys, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), "teal").save("empty.png")
    model = [] if "-m" in arguments else ["-m", str(run / "model")]
    assert predict.main([*arguments, *model]) == 2
    assert told in said(capsys)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no classifier ships with this checkout")
def test_the_classifier_that_ships_is_small_and_knows_a_smile(portrait, tmp_path, capsys):
    assert SHIPPED.stat().st_size <= 5_000_000
    assert SHIPPED.with_suffix(".safetensors").stat().st_size <= 5_000_000
    classifier = load_classifier(SMALL)
    assert len(classifier.classes) == 7
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    assert predict.main([str(tmp_path / "portrait.png")]) == 0
    assert "portrait.png: happiness" in said(capsys)


def test_a_missing_classifier_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("classifier.model.SHIPPED", tmp_path / "small.onnx")
    with pytest.raises(InputError, match="not part of this installation"):
        load_classifier()
