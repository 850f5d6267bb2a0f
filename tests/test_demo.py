"""The demo goes from a photograph to drawn faces; here with a network too small to draw well."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from data import progress
from landmarks import read_shards
from landmarks.samples import encode_sample
from landmarks.shard_set import writing_set
from scripts import demo, demo_faces


def few_people(target, shift=0):
    """The pictures of two people and a part of a third one, perhaps a little brighter."""
    with writing_set(target, {}, per_shard=60) as shards:
        for sample in itertools.islice(read_shards(demo_faces.PEOPLE), 60):
            shards.add(sample.key, encode_sample(sample._replace(image=sample.image + shift)))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(demo_faces, "_EPOCHS", 1)
    monkeypatch.setattr(demo_faces, "_FILTERS", 4)
    monkeypatch.setattr(demo_faces, "_SIZE", 32)
    monkeypatch.setattr(demo, "_DIAL", "0,1")


def test_the_demo_writes_its_pictures_and_is_quick_the_second_time(
    tmp_path, tiny, monkeypatch, capsys
):
    few_people(tmp_path / "people.tar")
    monkeypatch.setattr(demo_faces, "PEOPLE", tmp_path / "people.tar")
    # The experiment has tests of its own.
    monkeypatch.setattr(demo.reproduce, "main", lambda argv: asked.append(argv) or 0)
    asked: list[list[str]] = []
    assert demo.main(["-o", str(tmp_path)]) == 0
    assert asked[0][:2] == ["-o", str(tmp_path / "report")]
    told = capsys.readouterr().out
    pictures = ("edited.png", "dial.png", "demo.png", "people.png", "generated.png")
    for name in ("astronaut.txt", *pictures):
        assert name in told
        assert (tmp_path / name).stat().st_size > 100
    drawn = np.asarray(Image.open(tmp_path / "generated.png"))
    # Six emotions down, one column for each intensity; no two faces of a row are the same.
    assert "images/s" not in told  # the lines of the steps are known as such
    assert drawn.shape == (30 + 6 * 112, 96 + 6 * 112, 3)
    row = drawn[30:142, 96:].reshape(112, 6, 112, 3).swapaxes(0, 1)
    assert len({face.tobytes() for face in row}) == 6
    (learnt,) = tmp_path.glob("learnt-*")
    weights = (learnt / "model" / "generator.safetensors").read_bytes()
    monkeypatch.setattr(demo, "_DIAL", "1")
    assert demo.main(["-o", str(tmp_path)]) == 0
    assert "has done all" in capsys.readouterr().out
    assert (learnt / "model" / "generator.safetensors").read_bytes() == weights


def test_after_an_update_of_the_people_it_learns_anew(tmp_path, tiny, monkeypatch):
    """The same names and sizes, another picture; and then the same people at another size."""
    for name, shift in (("before", 0), ("after", 1)):
        few_people(tmp_path / name / "people.tar", shift)
    out = tmp_path / "out"
    for name in ("before", "after"):
        monkeypatch.setattr(demo_faces, "PEOPLE", tmp_path / name / "people.tar")
        place = demo_faces.workshop(out)
        assert not place.exists()
        assert demo_faces.learn(place) == 0
        assert (place / "model" / "generator.safetensors").exists()
    monkeypatch.setattr(demo_faces, "_SIZE", 64)
    assert not demo_faces.workshop(out).exists()


def test_while_it_learns_it_tells_how_much_time_is_left(monkeypatch, capsys):
    """A training that goes on at epoch 2 of 8 and needs 20 seconds for an epoch."""
    monkeypatch.setattr(demo_faces, "_EPOCHS", 8)
    clock = itertools.count(0, 2)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    told = demo_faces.Steps()
    told("training on 598 pairs")
    for step in range(60):
        told(f"step {step}, epoch {2 + step / 10:.2f}: l1 0.123; 9.9 images/s")
    assert capsys.readouterr().out.splitlines() == [
        "training on 598 pairs",
        "2.3 of 8 epochs, about 2 minutes left",
        "3.1 of 8 epochs, about 2 minutes left",
        "3.9 of 8 epochs, about 82 seconds left",
        "4.7 of 8 epochs, about 66 seconds left",
        "5.5 of 8 epochs, about 50 seconds left",
        "6.3 of 8 epochs, about 34 seconds left",
        "7.1 of 8 epochs, about 18 seconds left",
        "7.9 of 8 epochs, about 2 seconds left",
    ]


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert demo.main(["-o", str(tmp_path / "file" / "out")]) == 2
    assert "cannot be written" in capsys.readouterr().err
