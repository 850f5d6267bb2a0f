"""Benchmarks of the people: the face model's points from its repository, and bad input."""

import functools

import numpy as np
import pytest

from data.people.head_model import read_head_model
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import writing_set
from scripts.bench import (
    expression_press,
    expression_rated,
    expression_truth,
    ict_points,
    people_points,
    people_rated,
)
from tests import made_up_head


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """The made-up head as a clone; it has fewer identity shapes than the real one."""
    few = functools.partial(read_head_model, identities=made_up_head.IDENTITIES)
    monkeypatch.setattr(ict_points, "read_head_model", few)
    return made_up_head.write_repository(tmp_path / "clone")


def write_points_file(path):
    head = made_up_head.head()
    at = head.landmark_vertices
    np.savez(
        path,
        neutral68=head.neutral[at].astype(float),
        expressions68=head.expressions[:, at].astype(float),
        identities68=head.identities[:, at].astype(float),
        expression_names=np.array(head.names),
    )


def test_the_small_file_and_the_repository_give_the_same_points(clone, tmp_path):
    folder = made_up_head.write_npz(tmp_path / "npz")
    from_heads = [ict_points.read_points_model(str(place)) for place in (clone, folder)]
    write_points_file(folder / "ict68.npz")
    for place in (folder, folder / "ict68.npz"):
        wanted = ict_points.read_points_model(str(place))
        assert np.linalg.norm(wanted.neutral[36] - wanted.neutral[45]) == pytest.approx(1)
        for found in from_heads:
            assert found.names == wanted.names
            for name in ("neutral", "expressions", "identities"):
                points, right = getattr(found, name), getattr(wanted, name)
                assert points.dtype == np.float64
                np.testing.assert_allclose(points, right, atol=1e-6)


def test_a_folder_without_a_face_model_is_told(tmp_path, capsys):
    assert people_rated.main(["--ict", str(tmp_path), "--rated", "nowhere.csv"]) == 2
    told = capsys.readouterr().err
    assert "is not ICT-FaceKit" in told
    assert "git clone" in told


@pytest.mark.parametrize(
    ("benchmark", "more", "told"),
    [
        (people_rated, ["--rated", "nowhere.csv"], "no table of rated photographs"),
        (expression_rated, ["--rated", "nowhere.csv"], "no table of rated photographs"),
        (
            expression_press,
            ["--rated", "nowhere.csv", "--people", "nowhere.zip"],
            "no table of rated photographs",
        ),
        (expression_truth, ["--model", "nowhere.npz"], "no expression model"),
    ],
)
def test_benchmarks_go_beyond_a_clone(clone, capsys, benchmark, more, told):
    assert benchmark.main(["--ict", str(clone), *more]) == 2
    assert told in capsys.readouterr().err


def test_what_people_points_cannot_read_is_one_sentence(tmp_path, capsys):
    image, points = np.zeros((32, 32, 3), np.uint8), np.zeros((68, 2))
    with writing_set(tmp_path / "real.tar", {}) as shards:
        shards.add("a", encode_sample(Sample("a", image, points, None, None, {"person": "Ann"})))
    for shards_at, told in (
        (tmp_path / "nowhere", "nowhere does not exist"),
        (tmp_path / "real.tar", "sample a tells no pose: expected shards of synthetic people"),
    ):
        assert people_points.main([str(shards_at)]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
