"""The network that ships is rebuilt by one command: five others in order."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from data import network_points, youtube_faces
from landmarks.keypoints import train
from scripts import build_small, ship_small

GIVEN = ["--youtube", "y.zip", "--people", "people", "--photos", "press", "--labels", "l.csv"]
GIVEN += ["--backgrounds", "a.png", "b.png", "-o", "work"]


def calls(monkeypatch, ends: dict[str, int]) -> list[tuple[str, list[str]]]:
    """What is called with what; `ends` tells exit codes that are not 0."""
    called = []
    for module in (youtube_faces, train, network_points, ship_small):
        name = module.__name__.rpartition(".")[2]

        def told(argv, name=name):
            called.append((name, argv))
            return ends.get(name, 0)

        monkeypatch.setattr(module, "main", told)
    return called


def test_both_trainings_and_the_points_between_them(monkeypatch):
    called = calls(monkeypatch, {})
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


def test_a_part_that_fails_ends_it(monkeypatch):
    called = calls(monkeypatch, {"network_points": 2})
    assert build_small.main(GIVEN) == 2
    assert [name for name, _ in called] == ["youtube_faces", "train", "network_points"]
