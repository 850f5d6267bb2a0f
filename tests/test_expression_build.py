"""The commands that build the expression model and draw the dial, on a face model made up here."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from calibration import ExpressionModel, build, dial
from calibration.action_units import ACTION_UNITS, EMOTIONS, STYLES, shape_weights
from calibration.synthesis import read_face_model, sample_displacements, sample_identities

NAMES = sorted(
    {
        name
        for unit in ACTION_UNITS.values()
        for shape in unit
        for name in ([shape + "L", shape + "R"] if shape.endswith("_") else [shape])
    }
    | {"mouthClose"}
)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of landmarks."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A folder with a made-up face model and rated photographs of its people."""
    folder = tmp_path_factory.mktemp("toy")
    rng = np.random.default_rng(0)
    face = ExpressionModel.load().frame.mean * [8.0, -8.0, 8.0]
    np.savez(
        folder / "ict68.npz",
        neutral68=face,
        expression_names=np.array(NAMES),
        expressions68=0.08 * rng.standard_normal((len(NAMES), 68, 3)),
        identities68=0.05 * rng.standard_normal((100, 68, 3)),
    )
    model = read_face_model(folder)
    posed = {noun: word for word, noun in build._NAMES.items()}
    columns = [f"{axis}{k}" for k in range(68) for axis in "xy"]
    with open(folder / "rated.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "subject",
                "performance",
                "posed",
                "posed_intensity",
                *(f"intensity_{word}" for word in list(build._NAMES)[:6]),
                *columns,
            ]
        )
        for who in range(6):
            neutral = sample_identities(model, 1, rng)[0]
            for noun in ("neutral", *EMOTIONS):
                for _ in range(2):
                    strength = 0.0 if noun == "neutral" else rng.uniform(0.5, 1)
                    full = sample_displacements(model, noun if strength else "other", 1, rng)[0][0]
                    points = 100 * (neutral + strength * full)[:, :2] + 128
                    table.writerow(
                        [
                            who,
                            "ekman_facs",
                            posed[noun],
                            6 * strength,
                            *([6 * strength] * 6),
                            *points.ravel(),
                        ]
                    )
    return folder


def test_build_gives_the_same_bytes_and_a_model_that_works(toy, tmp_path, capsys):
    arguments = ["--ict", str(toy), "--rated", str(toy / "rated.csv"), "-o"]
    assert build.main([*arguments, str(tmp_path / "a.npz")]) == 0
    assert build.main([*arguments, str(tmp_path / "b.npz")]) == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    model = ExpressionModel.load(tmp_path / "a.npz")
    face_model, rng = read_face_model(toy), np.random.default_rng(9)
    neutral = sample_identities(face_model, 60, rng)
    label = np.repeat(EMOTIONS, 10)
    full = np.concatenate([sample_displacements(face_model, e, 10, rng)[0] for e in EMOTIONS])
    zero, low, apex = (100 * (neutral + s * full)[..., :2] for s in (0, 0.4, 1))
    assert (model.estimate(apex, zero).emotion == label).mean() > 0.8
    made = model.intensify(low, 1.0, label, zero)
    assert apart(made, apex) < 0.7 * apart(low, apex)


def test_build_tells_missing_files(toy, tmp_path, capsys):
    array = tmp_path / "array.npy"
    np.save(array, np.zeros(3))
    for ict, rated, told in (
        ("nowhere", toy / "rated.csv", "no face model"),
        (toy / "rated.csv", toy / "rated.csv", "damaged or no face model"),
        (array, toy / "rated.csv", "one array, not an .npz"),
        (toy, "nowhere.csv", "no table of rated photographs"),
        (toy, toy / "ict68.npz", "is no table of rated photographs"),
    ):
        assert (
            build.main(["--ict", str(ict), "--rated", str(rated), "-o", str(tmp_path / "m.npz")])
            == 2
        )
        assert told in capsys.readouterr().err
    assert (
        build.main(
            [
                "--ict",
                str(toy),
                "--rated",
                str(toy / "rated.csv"),
                "--people",
                str(toy / "rated.csv"),
                "-o",
                str(tmp_path / "m.npz"),
            ]
        )
        == 2
    )
    assert list(tmp_path.iterdir()) == [array]


def test_unnamed_photographs_of_one_person_are_one_person():
    for name, file, person in (
        ("Ann", "fear/b_1.jpg", "Ann"),
        ("", "fear/Bob_33.jpg", "Bob"),
        ("", "neutral/Bob_7.jpg", "Bob"),
        ("", "fear/crowd_28k.jpg", "crowd_28k.jpg"),
    ):
        assert build.person_in({"person": name, "file": file}) == person


def test_every_style_moves_its_own_units():
    rng = np.random.default_rng(1)
    for style in STYLES:
        weights = shape_weights(style, NAMES, 200, rng)
        used = {NAMES[k] for k in np.flatnonzero(weights.max(0) > 0)}
        allowed = {
            name
            for unit in style.units
            for shape in ACTION_UNITS[unit]
            for name in ([shape + "L", shape + "R"] if shape.endswith("_") else [shape])
        }
        assert used == allowed
    assert {style.emotion for style in STYLES} == set(EMOTIONS)


def test_dial_draws_a_grid(tmp_path, capsys):
    model = ExpressionModel.load()
    points = 100 * model.frame.mean[:, :2] + 128
    np.savetxt(tmp_path / "face.txt", points)
    out = tmp_path / "strip.png"
    assert (
        dial.main(
            [
                str(tmp_path / "face.txt"),
                "-o",
                str(out),
                "--size",
                "60",
                "-n",
                str(tmp_path / "face.txt"),
            ]
        )
        == 0
    )
    assert "intensity 0.00" in capsys.readouterr().out
    with Image.open(out) as picture:
        strip = np.asarray(picture)
    rows, columns = len(model.emotions), len(dial.INTENSITIES)
    assert strip.shape == (34 + rows * 60, 96 + columns * 60, 3)
    cells = [strip[34 + 60 * r + 2 : 34 + 60 * r + 58, 98:152] for r in range(rows)]
    assert all((cell == cells[0]).all() for cell in cells), "at 0 every emotion is the neutral face"
    assert (cells[0] < 128).any()


def test_dial_tells_bad_input(tmp_path, capsys):
    assert dial.main([str(tmp_path / "none.txt"), "-o", str(tmp_path / "x.png")]) == 2
    assert "none.txt" in capsys.readouterr().err
    np.savetxt(tmp_path / "five.txt", np.zeros((5, 2)))
    assert dial.main([str(tmp_path / "five.txt"), "-o", str(tmp_path / "x.png")]) == 2
    np.savetxt(tmp_path / "face.txt", 100 * ExpressionModel.load().frame.mean[:, :2] + 128)
    for given, told in (
        (["-o", str(tmp_path / "x.jpg")], "x.jpg: pictures are written as .png"),
        (["-o", str(tmp_path / "nowhere" / "x.png")], "nowhere: No such file or directory"),
        (["-o", str(tmp_path / "x.png"), "--size", "100000"], "expected 32 to 1000 pixels"),
    ):
        assert dial.main([str(tmp_path / "face.txt"), *given]) == 2
        assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("x.*"))
