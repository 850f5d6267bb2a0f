"""The network that ships is rebuilt by one command: five others in order."""

import importlib.util

import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")

from data import network_points, youtube_faces
from landmarks.keypoints import train
from scripts import build_small, ship_small
from tests.drawn_faces import write_faces

GIVEN = ["--youtube", "y.zip", "--people", "people", "--photos", "press", "--labels", "l.csv"]
GIVEN += ["--backgrounds", "a.png", "b.png", "-o", "work", "--folder", "."]


@pytest.fixture
def called(monkeypatch, tmp_path):
    """What is called with what, in a folder that holds all that is given."""
    monkeypatch.chdir(tmp_path)
    write_faces(tmp_path / "people", train=1, validation=0, test=0)
    (tmp_path / "press").mkdir()
    for name in ("press/Ann.png", "a.png", "b.png"):
        Image.new("L", (40, 30)).save(tmp_path / name)
    (tmp_path / "l.csv").write_text("file,person\nAnn.png,Ann\n")
    (tmp_path / "y.zip").touch()
    calls = []
    for module in (youtube_faces, train, network_points, ship_small):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, "main", lambda argv, name=name: calls.append((name, argv)) or 0)
    return calls


def test_both_trainings_and_the_points_between_them(called):
    assert build_small.main(GIVEN) == 0
    names = [name for name, _ in called]
    assert names == ["youtube_faces", "train", "network_points", "train", "ship_small"]
    first, points, second, ship = (argv for _, argv in called[1:])
    assert first[:3] == ["work/youtube", "people", "work/first"]
    assert points[points.index("--model") + 1] == "work/first/model.safetensors"
    assert points[:2] == ["press", "work/photos"]
    assert second[:4] == ["work/youtube", "people", "work/photos", "work/second"]
    assert second[second.index("--weights") + 1] == "work/first/model.safetensors"
    assert ship[0] == "work/second"
    told = ship[ship.index("--command") + 1]
    assert told == "python -m scripts.build_small " + " ".join(GIVEN)
    assert points[points.index("--labels") + 1] == "l.csv"
    assert second[second.index("--set") + 1] == "learning_rate=0.0015"
    for argv in (first, second):  # as the command itself reads them
        options = train._parser().parse_args(argv)
        assert options.backgrounds == ["a.png", "b.png"]
        assert options.steps in (7000, 8000)


def test_a_part_that_fails_ends_it(called, monkeypatch):
    monkeypatch.setattr(network_points, "main", lambda argv: called.append(("points", argv)) or 2)
    assert build_small.main(GIVEN) == 2
    assert [name for name, _ in called] == ["youtube_faces", "train", "points"]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--youtube", "none.zip", "none.zip does not exist: expected train-test-data.zip"),
        ("--people", "none", "none does not exist: expected a shard"),
        ("--photos", "none", "none is no folder: expected one with photographs"),
        ("--photos", "people", "people holds no image"),
        ("--labels", "none.csv", "none.csv does not exist: expected a .csv table"),
        ("--backgrounds", "l.csv", "no picture that can be read"),
        ("--folder", "none", "none does not exist: expected the folder for the two files"),
        ("--folder", "a.png", "a.png is no folder that may be written"),
        ("-o", "a.png", "a.png is no folder that may be written"),
    ],
)
def test_all_is_checked_before_the_first_part(called, capsys, option, value, told):
    assert build_small.main([*GIVEN, option, value]) == 2  # the last one counts
    error = capsys.readouterr().err
    assert error.startswith("python -m scripts.build_small: ")
    assert told in error
    assert error.count("\n") == 1
    assert not called


def test_steps_and_packages_are_checked_too(called, capsys, monkeypatch):
    assert build_small.main([*GIVEN, "--steps", "5", "0"]) == 2
    assert "--steps is 0: expected 1 or more" in capsys.readouterr().err
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnx" else find(name)
    )
    assert build_small.main(GIVEN) == 2
    assert "this needs onnx: pip install" in capsys.readouterr().err
    assert not called
