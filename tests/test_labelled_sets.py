"""Public sets of expressions, as tiny made-up copies of the layouts in which people hold them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.sources import read_entries
from data import labelled
from data.labelled_layouts import LAYOUTS


def picture(path: Path, shade: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), shade).save(path)
    return path


def table(tmp_path: Path, name: str, *options: str) -> list[dict[str, str]]:
    out = tmp_path / "faces.csv"
    assert labelled.main([name, str(tmp_path / "set"), "-o", str(out), *options]) == 0
    with open(out, newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert all((tmp_path / row["file"]).is_file() for row in rows)
    # What is written is what the classifier reads.
    entries = read_entries(out)
    assert [entry.emotion for entry in entries] == [row["emotion"] for row in rows]
    assert [entry.person or "" for entry in entries] == [row["person"] for row in rows]
    return rows


def shown(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["emotion"], row["person"], row["intensity"]) for row in rows]


def test_ck_plus_begins_at_rest_and_ends_at_the_label(tmp_path):
    film = tmp_path / "set" / "cohn-kanade-images" / "S005" / "001"
    for number in range(1, 6):
        picture(film / f"S005_001_{number:08d}.png")
    picture(tmp_path / "set" / "cohn-kanade-images" / "S010" / "002" / "S010_002_00000001.png")
    note = tmp_path / "set" / "Emotion" / "S005" / "001" / "S005_001_00000005_emotion.txt"
    note.parent.mkdir(parents=True)
    note.write_text("   3.0000000e+00\n")
    rows = table(tmp_path, "ck+")
    assert shown(rows) == [
        ("neutral", "S005", "0"),
        *(("disgust", "S005", share) for share in ("0.25", "0.5", "0.75", "1")),
    ]
    assert {row["neutral"] for row in rows} == {rows[0]["file"]}


def test_ck_plus_as_folders_of_emotions(tmp_path):
    picture(tmp_path / "set" / "happy" / "S011_006_00000013.png")
    assert shown(table(tmp_path, "ck+")) == [("happiness", "S011", "")]


def test_jaffe(tmp_path):
    for name in ("KA.AN1.39.tiff", "KA.NE1.26.tiff", "ym.su3.60.tiff"):
        picture(tmp_path / "set" / name)
    rows = table(tmp_path, "jaffe")
    assert shown(rows) == [("anger", "KA", ""), ("neutral", "KA", ""), ("surprise", "YM", "")]
    assert rows[0]["neutral"].endswith("KA.NE1.26.tiff")
    assert rows[2]["neutral"] == ""


def test_kdef_is_frontal_and_one_person_in_both_sessions(tmp_path):
    for name in ("AF01/AF01AFS.JPG", "BF01/BF01NES.JPG", "AM01/AM01HAS.JPG", "AF01/AF01ANHL.JPG"):
        picture(tmp_path / "set" / name)
    expected = [("happiness", "M01", ""), ("fear", "F01", ""), ("neutral", "F01", "")]
    assert sorted(shown(table(tmp_path, "kdef"))) == sorted(expected)
    assert len(table(tmp_path, "kdef", "--all-views")) == 4


def test_rafd(tmp_path):
    for name in (
        "Rafd090_01_Caucasian_female_angry_frontal.jpg",
        "Rafd090_01_Caucasian_female_contemptuous_left.jpg",
        "Rafd045_61_Moroccan_male_sad_frontal.jpg",
        "Rafd090_61_Moroccan_male_surprised_frontal.jpg",
    ):
        picture(tmp_path / "set" / name)
    assert shown(table(tmp_path, "rafd")) == [("anger", "01", ""), ("surprise", "61", "")]
    every = shown(table(tmp_path, "rafd", "--all-views"))
    assert ("contempt", "01", "") in every
    assert ("sadness", "61", "") in every


def test_fer2013_with_its_pixels(tmp_path):
    grey = np.arange(2304) % 256
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "fer2013.csv").write_text(
        f"emotion,pixels,Usage\n3,{' '.join(map(str, grey))},Training\n"
    )
    [row] = table(tmp_path, "fer2013")
    assert (row["emotion"], row["person"]) == ("happiness", "")
    with Image.open(tmp_path / row["file"]) as opened:
        assert np.array_equal(np.asarray(opened).ravel(), grey)


def test_fer2013_as_folders(tmp_path):
    picture(tmp_path / "set" / "train" / "angry" / "im0.png")
    picture(tmp_path / "set" / "test" / "neutral" / "im0.png")
    assert {row[0] for row in shown(table(tmp_path, "fer2013"))} == {"anger", "neutral"}


def test_mug_goes_to_the_middle_of_the_film(tmp_path):
    for number in range(5):
        picture(tmp_path / "set" / "001" / "fear" / "take000" / f"img_{number:04d}.jpg")
        picture(tmp_path / "set" / "001" / "neutral" / "take000" / f"img_{number:04d}.jpg")
    assert shown(table(tmp_path, "mug")) == [
        ("neutral", "001", "0"),
        ("fear", "001", "0.5"),
        ("fear", "001", "1"),
        ("neutral", "001", "0"),
    ]


def test_oulu_casia_in_visible_strong_light(tmp_path):
    for light in ("VL_Acc/Strong", "VL_Acc/Dark", "NI_Acc/Strong"):
        for number in range(3):
            picture(tmp_path / "set" / light / "P001" / "Sadness" / f"{number:03d}.jpeg")
    # What the folders above are called says nothing of the light.
    assert list(LAYOUTS["oulu-casia"].read(tmp_path / "set" / "VL_Acc" / "Dark", False))
    rows = shown(table(tmp_path, "oulu-casia"))
    assert rows == [("neutral", "P001", "0"), ("sadness", "P001", "0.5"), ("sadness", "P001", "1")]
    assert len(table(tmp_path, "oulu-casia", "--all-views")) == 9


def test_affectnet_in_its_three_layouts(tmp_path):
    lists = tmp_path / "set" / "training.csv"
    picture(tmp_path / "set" / "Manually_Annotated_Images" / "103" / "a.jpg")
    lists.write_text("subDirectory_filePath,expression\n103/a.jpg,6\n103/a.jpg,9\n103/gone.jpg,1\n")
    assert shown(table(tmp_path, "affectnet")) == [("anger", "", "")]
    lists.unlink()
    notes = tmp_path / "set" / "train_set" / "annotations"
    notes.mkdir(parents=True)
    picture(tmp_path / "set" / "train_set" / "images" / "7.jpg")
    np.save(notes / "7_exp.npy", np.array("4"))
    assert shown(table(tmp_path, "affectnet")) == [("fear", "", "")]
    (notes / "7_exp.npy").unlink()
    picture(tmp_path / "set" / "val" / "1" / "x.jpg")
    assert shown(table(tmp_path, "affectnet")) == [("happiness", "", "")]


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_what_is_not_the_set_is_told(tmp_path, capsys, name):
    picture(tmp_path / "set" / "holiday.jpg")
    out = tmp_path / "faces.csv"
    assert labelled.main([name, str(tmp_path / "set"), "-o", str(out)]) == 2
    told = capsys.readouterr().err
    assert "expected files like" in told
    assert told.count("\n") == 1
    assert not out.exists()
    assert labelled.main([name, str(tmp_path / "none"), "-o", str(out)]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_table_that_leads_out_of_its_folder_is_refused(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "t.csv").write_text("subDirectory_filePath,expression\n../../a.jpg,1\n")
    assert labelled.main(["affectnet", str(tmp_path / "set"), "-o", str(tmp_path / "f.csv")]) == 2
    assert "leads out of" in capsys.readouterr().err


_GREY = " ".join(["7"] * 2304)


@pytest.mark.parametrize(
    ("name", "file", "data", "told"),
    [
        ("fer2013", "fer2013.csv", b"emotion,pixels\n3\n", "line 2 is too short"),
        ("fer2013", "fer2013.csv", b"emotion,pixels\n3,1 2\n", "line 2: expected 2304 values"),
        ("fer2013", "fer2013.csv", b"emotion,pixels\n3,\xe9\n", "no CSV file in UTF-8"),
        ("affectnet", "t.csv", b"expression\n1\n", "no column subDirectory_filePath"),
        ("affectnet", "t.csv", b"subDirectory_filePath,expression\n\xe9,1\n", "in UTF-8"),
        ("affectnet", "annotations/7_exp.npy", b"\x93NUMPY", "7_exp.npy is damaged"),
        ("ck+", "S005_001_00000001_emotion.txt", b"inf", "expected a number of 0 to 7"),
        ("jaffe", "KA.XX1.39.tiff", b"", "KA.XX1.39.tiff: no emotion is called 'XX'"),
    ],
)
def test_damaged_lists_are_told_in_one_sentence(tmp_path, capsys, name, file, data, told):
    place = tmp_path / "set" / file
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert labelled.main([name, str(tmp_path / "set"), "-o", str(tmp_path / "f.csv")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "f.csv").exists()


def test_fer2013_is_read_whole_before_a_picture_is_written(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    text = f"emotion,pixels\n3,{_GREY}\n9,{_GREY}\n"
    (tmp_path / "set" / "fer2013.csv").write_text(text)
    assert labelled.main(["fer2013", str(tmp_path / "set"), "-o", str(tmp_path / "f.csv")]) == 2
    assert "line 3: no emotion is called '9'" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]
    assert labelled.main(["fer2013", str(tmp_path / "set"), "-o", str(tmp_path / "f")]) == 2
    assert "ends in .csv" in capsys.readouterr().err
