"""Emotions' names, what data sets show, and who is in which split."""

import csv

import numpy as np
import pytest
from PIL import Image

from classifier import splits
from classifier.emotions import ALL, EMOTIONS, SCHEMES, WORDS, emotion_of, emotions_of
from classifier.preparation import Reading
from classifier.sources import Entry, SourceError, read_entries
from landmarks.errors import InputError
from landmarks.samples import Sample, encode_sample, split_of
from landmarks.shard_set import writing_set
from tests.labelled_faces import SHOWN, persons, write_table


@pytest.mark.parametrize(
    ("name", "scheme", "emotion"),
    [
        ("Happy", None, "happiness"),
        ("FEARFUL", None, "fear"),
        ("no emotion", None, "neutral"),
        ("AN", "jaffe", "anger"),
        ("AF", "kdef", "fear"),
        (3, "ck+", "disgust"),
        (3, "fer2013", "happiness"),
        (3, "affectnet", "surprise"),
        (3, "raf-db", "disgust"),
        (6, "fer2013", "neutral"),
        ("7", "ck+", "surprise"),
    ],
)
def test_names_of_other_sets_are_mapped(name, scheme, emotion):
    assert emotion_of(name, scheme) == emotion


def test_every_table_maps_to_emotions_and_every_emotion_to_itself():
    assert set(WORDS.values()) == set(ALL)
    for table in SCHEMES.values():
        assert set(EMOTIONS) - set(table.values()) == set()
        assert set(table.values()) <= set(ALL)
    assert emotions_of(ALL) == list(ALL)


def test_all_unknown_labels_are_listed_at_once():
    with pytest.raises(InputError, match="'bored', 'tired'"):
        emotions_of(["Happy", "tired", "bored", "tired"])
    with pytest.raises(InputError, match="codes need the name of their set: ck"):
        emotions_of(["3"])
    with pytest.raises(InputError, match="'8'"):
        emotions_of(["8"], "affectnet")
    for scheme in (None, "affectnet"):  # whose class 8, None, is none of the others
        with pytest.raises(InputError, match="'None'"):
            emotions_of(["None"], scheme)
    with pytest.raises(InputError, match="'klingon': expected one of"):
        emotions_of(["3"], "klingon")


def pictures(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(path)


def test_folders_tell_emotions_and_persons(tmp_path):
    pictures(tmp_path, "Angry/ann/1.png", "happy/ann/1.png", "happy/bob/2.jpg")
    found = read_entries(tmp_path)
    assert [(e.emotion, e.person) for e in found] == [
        ("anger", "ann"),
        ("happiness", "ann"),
        ("happiness", "bob"),
    ]


def test_persons_are_taken_from_names_only_where_that_is_asked_for(tmp_path):
    pictures(tmp_path, "fear/Ann_Lee_0001.png", "sad/frame.png")
    assert [e.person for e in read_entries(tmp_path)] == [None, None]
    assert [e.person for e in read_entries(tmp_path, persons="name")] == ["Ann_Lee", None]
    assert len({e.person for e in read_entries(tmp_path, persons="each")}) == 2


def test_who_learns_does_not_follow_from_where_the_set_lies(tmp_path, monkeypatch):
    pictures(tmp_path / "set", *(f"{e}/{n}.png" for e in ("fear", "sad") for n in range(20)))
    write_table(tmp_path / "table", each=1)
    monkeypatch.chdir(tmp_path)
    for place in ("set", "table"):
        for rule in ("unknown", "each"):
            here, there = (
                [(e.person, e.name) for e in read_entries(source, persons=rule)]
                for source in (place, tmp_path / place)
            )
            assert splits.split_all(*zip(*here, strict=True)).tolist() == (
                splits.split_all(*zip(*there, strict=True)).tolist()
            )
            assert here == there


def test_a_table_is_read_with_points_persons_and_intensity(tmp_path):
    table = write_table(tmp_path, each=1)
    found = read_entries(table)
    assert read_entries(tmp_path)[0].name == found[0].name
    assert [e.emotion for e in found[:3]] == list(SHOWN)
    assert found[0].person == persons("train", 1)[0]
    assert found[0].intensity == 1.0
    with open(table, newline="") as handle:
        row = next(csv.DictReader(handle))
    assert found[0].points[67].tolist() == [float(row["x67"]), float(row["y67"])]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,person\na.png,ann\n", "no column 'emotion'"),
        ("file,emotion\na.png,bored\nb.png,tired\n", "'bored', 'tired'"),
        ("file,emotion\nnone.png,happy\n", "line 2: .*none.png does not exist"),
        ("file,emotion\n,happy\n", "line 2: no file is named"),
        ("file,emotion,intensity\nlabels.csv,happy,much\n", "intensity is 'much'"),
        ("file,emotion\n", "labels no picture"),
        ("file,emotion,x0,y0\nlabels.csv,happy,1,2\n", "lacks x1, y1, x2, y2 and 130 more"),
    ],
)
def test_tables_that_cannot_be_used_are_told(tmp_path, text, told):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        read_entries(tmp_path)


def test_sources_that_cannot_be_used_are_told(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_entries(tmp_path / "none")
    (tmp_path / "set.zip").touch()
    with pytest.raises(SourceError, match="unpack an archive first"):
        read_entries(tmp_path / "set.zip")
    with pytest.raises(SourceError, match="holds no folders"):
        read_entries(tmp_path)
    pictures(tmp_path, "happy/1.png")
    (tmp_path / "fear").mkdir()
    with pytest.raises(SourceError, match="fear holds no picture"):
        read_entries(tmp_path)
    (tmp_path / "fear").rename(tmp_path / "bored")
    with pytest.raises(InputError, match="'bored'"):
        read_entries(tmp_path)


def test_shards_are_read_without_what_shows_no_emotion_or_two(tmp_path):
    points = np.random.default_rng(0).uniform(0, 30, (68, 2))
    image = np.zeros((32, 32, 3), np.uint8)
    shown = [("happiness", None, 1.0), ("speech", None, 0.0), ("fear", "anger", 1.0), (None,) * 3]
    with writing_set(str(tmp_path / "set"), {"set": "made up"}) as shards:
        for number, (emotion, second, intensity) in enumerate(shown):
            record = {"person": 7, "seed": 0, "emotion": emotion, "intensity": intensity}
            record |= {"second_emotion": second}
            sample = Sample(f"{number:06d}", image, points, None, None, record)
            shards.add(sample.key, encode_sample(sample))
    (entry,) = read_entries(tmp_path / "set")
    assert (entry.emotion, entry.person, entry.intensity) == ("happiness", "synthetic 7", 1.0)
    assert splits.split_all([entry.person], ["x"]).tolist() == [split_of(7)]
    assert np.abs(entry.points - points).max() < 0.006


def test_weak_faces_and_unwanted_emotions_are_left_out(tmp_path, monkeypatch):
    entries = [
        Entry("a", "happiness", intensity=0.0),
        Entry("b", "neutral", intensity=0.0),
        Entry("c", "contempt", intensity=1.0),
        Entry("d", "fear"),
    ]
    monkeypatch.setattr("classifier.preparation.read_entries", lambda *_, **__: entries)
    assert [e.name for e in Reading(least=0.5).entries("x")] == ["b", "d"]
    assert [e.name for e in Reading(contempt=True, without=("fear",)).entries("x")] == [*"abc"]
    with pytest.raises(InputError, match="'?bored"):
        Reading(without=("bored",)).entries("x")


def test_faces_of_nobody_known_only_teach_where_others_are_known():
    told = splits.split_all(["a", None, "b"], ["1", "2", "3"])
    assert told.tolist() == [split_of("a"), "train", split_of("b")]
    assert splits.split_all([None], ["2"]).tolist() == [split_of("2")]


def test_folds_keep_persons_together_and_test_everybody_once():
    rng = np.random.default_rng(0)
    who = [f"p{k}" for k in rng.integers(0, 20, 200)] + [None] * 3
    emotions = [SHOWN[k] for k in rng.integers(0, 3, 203)]
    tested = []
    for train, test in splits.folds(emotions, who, 5):
        assert not {who[k] for k in train} & {who[k] for k in test}
        assert {200, 201, 202} <= set(train.tolist())
        tested += test.tolist()
    assert sorted(tested) == list(range(200))
    with pytest.raises(InputError, match="2 persons"):
        list(splits.folds(["anger", "fear"], ["a", "b"], 5))


def test_persons_in_both_parts_are_refused_and_named():
    splits.refuse_shared(["a", None], ["b", None])
    with pytest.raises(InputError, match="1 persons are in both training and test: b"):
        splits.refuse_shared(["a", "b"], ["b", "c"])


def test_a_class_that_one_person_shows_is_refused():
    splits.refuse_few(["fear", "anger", "fear", "anger"], ["a", "a", "b", "b"])
    with pytest.raises(InputError, match="fear is shown by one person alone"):
        splits.refuse_few(["fear", "anger", "anger"], ["a", "a", "b"])
    with pytest.raises(InputError, match="two emotions"):
        splits.refuse_few(["fear", "fear"], ["a", "b"])
