"""Scores of edits: equal pictures are equal, a copy is scored as a copy, a dial by its order."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from calibration import ExpressionModel
from gan.editor import evaluate
from gan.editor.batches import Pair
from gan.editor.editor import Editor
from gan.editor.evaluate import draw_sheet, drawn, persons_of, table
from gan.editor.frames import Frames
from gan.editor.measuring import (
    copied,
    face_similarity,
    flicker,
    plain,
    rank_correlations,
    repaired,
    score,
    warped,
)
from gan.editor.repair import Repairer
from gan.editor.square import SIDE, into, square_of
from gan.editor.warp import moves, warp
from landmarks import detect
from landmarks.placing import make_placer
from scripts import build_editor
from scripts.bench import editor_truth

PAIRS = np.array([(0, 1), (1, 0), (2, 3)])


@pytest.fixture(scope="module")
def pair(portrait) -> Pair:
    """The portrait, and as surprised as a warp can make it."""
    points = detect(portrait, faces="largest")[0].points
    crop = square_of(points)
    face, placed = crop.cut(portrait), into(crop.matrix, points)
    wanted = ExpressionModel.load().intensify(placed, 1.0, "surprise")
    return Pair(face, warp(face, moves(face, placed, wanted)), placed, wanted)


def test_what_is_the_second_picture_has_no_error(pair):
    placers = {"wanted": make_placer("small"), "dlib": make_placer("small")}
    done, nothing = score([pair], warped, placers), score([pair], copied, placers)
    assert done.similarity[0] == pytest.approx(1)
    assert done.features[0] == 0
    assert done.identity[0] == 0
    assert done.found["dlib"][0] == 0
    assert 0 < done.found["wanted"][0] < nothing.found["wanted"][0]
    assert nothing.similarity[0] < 0.9
    assert nothing.features[0] > 0.02
    assert 0 < nothing.identity[0] < 0.6
    assert nothing.psnr[0] < 30 < done.psnr[0]
    text = table({"nothing": nothing, "warp": done}, {"identity_same": 0.3, "identity_others": 0.8})
    assert f"{nothing.similarity[0]:.3f}" in text
    assert "0.300" in text


def test_without_a_network_the_editor_is_the_warp(pair):
    assert (repaired(Repairer(None))(pair) == warped(pair)).all()


def test_only_the_face_is_compared(pair):
    other = pair.source.copy()
    other[:4] = 255 - other[:4]
    assert face_similarity(pair.source, other, pair.before) == pytest.approx(1)
    other[60:70, 60:70] = 255 - other[60:70, 60:70]
    assert face_similarity(pair.source, other, pair.before) < 0.99


def test_orders_by_hand():
    read = np.array([[0, 0.1, 0.2], [0, 0.2, 0.1], [0.5, 0.5, 0.5], [0, np.nan, 1]])
    found = rank_correlations(read, (0, 0.5, 1))
    np.testing.assert_allclose(found[:3], [1, 0.5, 0])
    assert np.isnan(found[3])


class Film:
    """Gives the same picture again and again, or shakes it."""

    def __init__(self, shift: int) -> None:
        self.shift = shift

    def frames(self, image, intensities, **_):
        return [np.roll(image, self.shift * (k % 2), axis=1) for k in range(len(intensities))]


def test_a_still_film_does_not_flicker_and_a_shaken_one_does(small):
    assert flicker(Film(0), small, "happiness", 4) == 0
    points = plain(small)
    eyes = np.linalg.norm(points[45] - points[36])
    assert flicker(Film(3), small, "happiness", 4) == pytest.approx(3 / eyes, rel=0.15)


def test_frames_without_a_face_do_not_make_neighbours_of_others(small):
    class Cut:
        def frames(self, image, intensities, **_):
            moved, none = np.roll(image, 6, axis=1), np.zeros_like(image)
            return [image, image, image, none, moved, moved, moved]

    assert flicker(Cut(), small, "happiness", 7) == 0
    assert np.isnan(flicker(Cut(), np.zeros_like(small), "happiness", 7))


def test_persons_are_those_of_the_pairs_alone():
    frames = Frames((), np.empty((0, 68, 2)), ("a", "a", "b", "b", "c"), PAIRS)
    assert persons_of(frames, np.array([0, 1])) == 1
    assert persons_of(frames, drawn(frames, 400)) == 2
    assert sorted(drawn(frames, 400)) == [0, 1, 2]
    assert len(drawn(frames, 2)) == 2


def test_one_picture_of_a_person_is_measured_by_dials(tmp_path, monkeypatch, capsys):
    blank = np.zeros((64, 64, 3), np.uint8)
    frames = Frames((blank,), np.zeros((1, 68, 2)), ("a",), PAIRS[:0])
    monkeypatch.setattr(Editor, "load", lambda *_, **__: Editor(Repairer(None)))
    monkeypatch.setattr(evaluate, "read_frames", lambda *_: frames)
    assert evaluate.main(["shards", "-o", str(tmp_path)]) == 0

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    told = json.loads((tmp_path / "editor.json").read_text(), parse_constant=refuse)
    assert told["flicker"] is None
    assert told["editing"]["detect"]["anger"]["spearman_mean"] is None
    assert "reconstruction" not in told
    assert not (tmp_path / "pairs.png").exists()
    assert evaluate.main(["shards", "--faces", "0"]) == 2
    assert "no two pictures of one test person" in capsys.readouterr().err


def test_an_edit_is_judged_by_the_exact_points(pair, monkeypatch, capsys):
    own = np.array([0.0, 1.5])  # where the predictor puts everything
    weak = SimpleNamespace(image=pair.source, points=pair.before, record={"emotion": "surprise"})
    full = SimpleNamespace(image=pair.target, points=pair.after)
    film = editor_truth.Film(weak, weak, full)

    class Right:
        """Wants half of the true motion."""

        finder = SimpleNamespace(points=lambda image, name: pair.after + own)

        def edit_faces(self, image, **_):
            half = (pair.before + pair.after) / 2
            face = SimpleNamespace(source=pair.before + own, wanted=half + own, found=half)
            return SimpleNamespace(faces=[face], image=pair.target)

    *_, still, moved = editor_truth._measure(Right(), film, known=False, exact=True)
    assert moved == pytest.approx(still / 2, rel=0.05)

    class Never:
        def edit_faces(self, image, **_):
            raise ValueError

    monkeypatch.setattr(Editor, "load", lambda *_, **__: Never())
    monkeypatch.setattr(editor_truth, "films", lambda *_: [film, film])
    assert editor_truth.main(["films"]) == 2
    assert "none of the 2 films can be edited" in capsys.readouterr().err


def test_the_sheet_has_best_and_worst(pair):
    other = pair._replace(source=255 - pair.source)
    sheet = draw_sheet([pair, other], {"warp": warped}, [0.1, 0.9])
    assert sheet.shape == (20 + 10 * SIDE, 2 * 3 * SIDE + 12, 3)
    assert (sheet[20 : 20 + SIDE, :SIDE] == pair.source).all()
    right = 3 * SIDE + 12
    assert (sheet[20 : 20 + SIDE, right : right + SIDE] == other.source).all()


def test_bad_input_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Editor, "load", lambda *_, **__: Editor(Repairer(None)))
    assert evaluate.main([str(tmp_path / "nix")]) == 2
    assert "nix" in capsys.readouterr().err
    assert build_editor.main([]) == 2
    assert "expected --youtube, --ict and -o, or --run" in capsys.readouterr().err
    assert build_editor.main(["--run", str(tmp_path), "--folder", str(tmp_path)]) == 2
    assert "holds no editor.safetensors" in capsys.readouterr().err
