"""Evaluation: the verdict on made-up numbers, and a small run on made-up pairs."""

import importlib.util
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan import evaluate, evaluation, inception
from gan.config import Config
from gan.frame import Frame, read_drawing, write_frame
from gan.held_out import divide
from gan.inception import inception_distances, missing_inception
from gan.model_file import save_generator
from gan.networks import build_generator
from gan.pair_table import PairRecord, write_pair_table
from gan.pairs import is_held_out, read_index
from gan.verdict import Scores, judge
from gan.worst import draw_worst, worst_first
from landmarks import detect
from landmarks.errors import InputError


def scores(**changed):
    usual = Scores(
        pairs=100,
        persons=10,
        found=1.0,
        within=0.9,
        landmark_mean=0.03,
        landmark_median=0.03,
        ssim=0.5,
        psnr=15.0,
        identity=0.6,
        same_person=0.4,
        frechet=0.1,
    )
    return replace(usual, **changed)


TRUE = scores(within=0.95)
COPIED = scores(within=0.5)


@pytest.mark.parametrize(
    ("held", "train", "word"),
    [
        (scores(), scores(), "good"),
        (scores(within=0.856), scores(), "good"),  # 0.9 of what true pictures reach
        (scores(within=0.854), scores(), "learning"),
        (scores(within=0.2), scores(within=0.3), "learning"),
        (scores(found=0.49, within=0), scores(), "untrained"),
        (scores(found=0.51, within=0), scores(within=0.1), "learning"),
        (scores(within=0.7), scores(within=0.86), "memorising"),
        (scores(within=0.7), scores(within=0.84), "learning"),
        (scores(ssim=0.5), scores(ssim=0.66), "memorising"),
        (scores(ssim=0.5), scores(ssim=0.64), "good"),
    ],
)
def test_the_word(held, train, word):
    verdict = judge(held, train, COPIED, TRUE)
    assert verdict.word == word
    assert str(verdict).startswith(f"{word}: ")


def test_no_better_than_a_copy_is_not_good():
    assert judge(scores(), scores(), scores(within=0.9), TRUE).word == "learning"


def test_the_numbers_stand_in_the_sentence():
    told = str(judge(scores(), scores(within=0.93), COPIED, TRUE))
    assert told == (
        "good: landmarks within 5 % on 90 % of 100 held-out faces (true pictures 95 %, nearest"
        " copies 50 %, training faces 93 %)"
    )
    known = judge(scores(), scores(same_person=0.7), COPIED, TRUE)
    assert known.word == "good"
    assert "dlib takes 70 % of the training faces for the very person (40 % held out)" in known[1]


SIZE = 64


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, portrait):
    """Eight persons with one portrait each, the same one in other colours."""
    folder = tmp_path_factory.mktemp("pairs")
    points = detect(portrait)[0].points
    frame = Frame(SIZE)
    face, placed = frame.cut(portrait, points), frame.place(points)
    records = []
    for person in range(1, 9):
        record = PairRecord(person, 1, f"name{person}", "train", "portrait", "", None, placed)
        shade = np.clip(face * (0.6 + 0.05 * person), 0, 255).astype(np.uint8)
        Image.fromarray(frame.draw(placed)).save(folder / record.file(0), quality=100)
        Image.fromarray(shade).save(folder / record.file(1), quality=100)
        records.append(record)
    write_pair_table(folder, records)
    write_frame(folder, frame)
    return folder


@pytest.fixture(scope="module")
def seed():
    """A seed that holds out some of the persons 1 to 8, but not most."""
    return next(
        s for s in range(100) if sum(is_held_out(str(p), 0.25, s) for p in range(1, 9)) == 2
    )


def write_model(path, seed, **changed):
    torch.manual_seed(0)
    config = Config(
        recipe="published",
        size=SIZE,
        base_filters=2,
        seed=seed,
        held_out=0.25,
        drawing={"frame": Frame(SIZE).record()},
        **changed,
    )
    save_generator(path, build_generator(config), config)
    return path


def test_an_untrained_generator(pairs, seed, tmp_path, capsys):
    model = write_model(tmp_path / "g.safetensors", seed)
    out = tmp_path / "report.json"
    code = evaluate.main([str(model), str(pairs), "-o", str(out), "--device", "cpu"])
    told = capsys.readouterr().out.splitlines()
    assert code == 0
    assert told[0] == "2 faces of 2 held-out persons, 6 of 6 training persons"
    assert told[-1].startswith("untrained: dlib finds a face in 0 % of 2 held-out pictures, in 100")
    report = json.loads(out.read_text())
    assert report["verdict"] == "untrained"
    # The nearest copy is the same portrait: its landmarks lie where they should.
    assert report["scores"]["nearest copy"]["within"] == 1
    assert report["scores"]["nearest copy"]["same_person"] == 1
    assert report["scores"]["true"]["ssim"] == pytest.approx(1)
    assert report["scores"]["true"]["psnr"] is None  # infinite
    assert report["scores"]["generated"]["found"] == 0
    # A copy from the held-out persons would be the very picture: colours differ by person.
    assert 20 < report["scores"]["nearest copy"]["psnr"] < 60
    with Image.open(tmp_path / "report.png") as sheet:
        assert sheet.size == (2 * 4 * SIZE + 12, 22 + SIZE + 18)
        assert "true pictures" in sheet.text["Description"]
        assert "not a photograph" not in sheet.text["Description"]
        assert "/compositeWithTrainedAlgorithmicMedia" in sheet.text["XML:com.adobe.xmp"]


@pytest.fixture
def lookalikes(monkeypatch):
    """Who is shown is not looked at, which takes most of the time."""
    monkeypatch.setattr(evaluation, "descriptors", lambda images, *_: np.zeros((len(images), 128)))


@pytest.mark.usefixtures("lookalikes")
def test_results_are_told_before_files_are_written(pairs, seed, tmp_path, capsys, monkeypatch):
    model = write_model(tmp_path / "g.safetensors", seed)
    report = evaluate.evaluate(str(model), str(pairs))
    monkeypatch.setattr(evaluate, "evaluate", lambda *_, **__: report)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for name in ("landmarks.files.replacing", "gan.marked_png.write_marked_png"):
        with monkeypatch.context() as patch:
            patch.setattr(name, full)
            out = tmp_path / "report.json"
            arguments = [str(model), str(pairs), "-o", str(out), "--device", "cpu"]
            assert evaluate.main(arguments) == 2
        told = capsys.readouterr()
        assert told.out.splitlines()[-1].startswith("untrained: ")
        assert "cannot be written: No space left on device" in told.err
    assert json.loads(out.read_text())["verdict"] == "untrained"  # only the picture failed


@pytest.mark.usefixtures("lookalikes")
def test_inception_measures_the_copies_too(pairs, seed, tmp_path, monkeypatch):
    model = write_model(tmp_path / "g.safetensors", seed)
    monkeypatch.setattr(inception, "missing_inception", lambda faces: None)

    def distances(made, true):
        gap = np.abs(made.astype(float) - true).mean()
        return gap, gap / 1000

    monkeypatch.setattr(inception, "inception_distances", distances)
    report = evaluate.evaluate(str(model), str(pairs))
    assert list(report.fid) == list(report.kid) == ["generated", "nearest copy"]
    # The copy is the same portrait in another shade; the generator was never trained.
    assert 0 < report.fid["nearest copy"] < 30 < report.fid["generated"]
    assert report.record()["kid"] == report.kid
    heads, *lines = report.table().splitlines()
    (line,) = [line for line in lines if line.startswith("FID")]
    for head, number in zip(report.fid, line.split()[1:3], strict=True):
        assert float(number) == pytest.approx(report.fid[head], abs=0.01)
        assert line.index(number) + len(number) == heads.index(head) + len(head)


def test_true_faces_are_measured_as_true(pairs):
    index = read_index(pairs)
    held = evaluation.load_faces(pairs, index.pairs[:3], SIZE)
    result = evaluation.measure(held.images, held)
    assert result.scores.ssim == pytest.approx(1)
    assert result.scores.identity == 0
    assert result.scores.within == 1
    assert math.isinf(result.scores.psnr)
    assert (result.scores.pairs, result.scores.persons) == (3, 3)


def test_landmarks_are_found_where_no_table_tells_them(pairs, tmp_path):
    for path in pairs.glob("PID[12]_*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    Image.new("RGB", (SIZE, SIZE)).save(tmp_path / "PID3_CLEAN0_IID1.jpg")
    Image.new("RGB", (SIZE, SIZE)).save(tmp_path / "PID3_CLEAN1_IID1.jpg")
    found = evaluation.load_faces(tmp_path, read_index(tmp_path).pairs, SIZE)
    told = evaluation.load_faces(pairs, read_index(pairs).pairs[:2], SIZE)
    assert len(found) == 2
    assert "dlib finds no face" in found.skipped[0]
    np.testing.assert_allclose(found.points, told.points, atol=2)


def test_points_follow_the_size_of_the_pictures(pairs):
    index = read_index(pairs)
    small = evaluation.known_points(pairs, index.pairs, SIZE)
    large = evaluation.known_points(pairs, index.pairs, 2 * SIZE)
    for pair, points in small.items():
        np.testing.assert_allclose(large[pair], (points + 0.5) * 2 - 0.5)


def test_which_pairs_are_measured_does_not_change(pairs):
    index = read_index(pairs)
    some = evaluation.choose(index.pairs, 5, seed=1)
    assert some == evaluation.choose(index.pairs, 5, seed=1)
    assert some != evaluation.choose(index.pairs, 5, seed=2)
    assert [index.pairs.index(pair) for pair in some] == sorted(map(index.pairs.index, some))
    assert evaluation.choose(index.pairs, 8, seed=1) == list(index.pairs)


def test_the_next_nearest_is_copied_where_the_nearest_cannot_be_read(pairs, tmp_path):
    copy = shutil.copytree(pairs, tmp_path / "copy")
    (copy / "PID1_CLEAN1_IID1.jpg").write_bytes(b"nothing")
    index = read_index(copy)
    some, wanted = (evaluation.load_faces(copy, index.pairs[k : k + 2], SIZE) for k in (3, 6))
    # All have the same landmarks, so the first is the nearest.
    copied, skipped = evaluation.nearest_copies(copy, index.pairs[:3], some, wanted)
    (second,) = evaluation.load_faces(copy, index.pairs[1:2], SIZE).images
    np.testing.assert_array_equal(copied, [second, second])
    assert len(skipped) == 1
    assert "PID1_CLEAN1_IID1.jpg" in skipped[0]
    with pytest.raises(InputError, match="no training face in .* can be read"):
        evaluation.nearest_copies(copy, index.pairs[:1], some, wanted)


def divided(data, train, seed, **drawing):
    config = Config(size=SIZE, base_filters=2, seed=seed, held_out=0.25, drawing=drawing)
    return divide(str(data), None if train is None else str(train), config)


def test_another_folder_than_the_trained_one_is_refused(pairs, seed, tmp_path):
    told = {"pairs": 8, "persons": 8, "settings": {"photographs": "a" * 64, "persons": "folder"}}
    copy = shutil.copytree(pairs, tmp_path / "copy")
    write_frame(copy, Frame(SIZE), **told)
    trained = read_drawing(copy)
    same = divided(copy, None, seed, **trained)
    assert (len(same.train), len(same.held_out), same.unsure) == (6, 2, None)
    # Another photograph renumbers the persons: those held out may have been trained on.
    write_frame(copy, Frame(SIZE), **{**told, "settings": {"photographs": "b" * 64}, "persons": 9})
    for train in (None, copy):
        with pytest.raises(InputError) as caught:
            divided(copy, train, seed, **trained)
        assert "is not the folder that was trained on (number of persons was 8, is 9" in (
            message := str(caught.value)
        )
        assert "photographs was aaaaaaaaaaaa…, is bbbbbbbbbbbb…" in message
    # Nobody tells anything: neither refused nor silent.
    assert "could not be checked" in divided(copy, None, seed).unsure
    (copy / "pairs.json").write_text("{")
    with pytest.raises(InputError, match=r"pairs\.json is damaged"):
        divided(copy, None, seed, **trained)


def test_equal_faces_tell_persons_that_were_trained_on(pairs, seed, tmp_path):
    one, two = (shutil.copytree(pairs, tmp_path / name) for name in ("one", "two"))
    for folder in (one, two):
        (folder / "pairs.csv").unlink()
    with pytest.raises(InputError, match="6 persons of .* were trained on"):
        divided(one, one, seed)
    for path in two.glob("*_CLEAN1_*"):
        path.write_bytes(path.read_bytes() + b"more")
    assert "could not be checked whether a person is in both" in divided(two, one, seed).unsure


def test_true_pictures_without_a_face_are_told(pairs, seed, tmp_path, capsys, monkeypatch):
    with pytest.raises(InputError, match="no face in any of the 100 true"):
        judge(scores(found=0), scores(), COPIED, scores(found=0))
    monkeypatch.setattr(evaluation.metrics, "find_again", lambda image: None)
    model = write_model(tmp_path / "g.safetensors", seed)
    out = tmp_path / "report.json"
    assert evaluate.main([str(model), str(pairs), "-o", str(out), "--device", "cpu"]) == 2
    told = capsys.readouterr().err
    assert "dlib finds no face in any of the 2 true held-out pictures" in told
    assert told.count("\n") == 1
    assert not list(tmp_path.glob("report*"))


def test_persons_that_were_trained_on_are_told(pairs, seed, tmp_path, capsys):
    model = write_model(tmp_path / "g.safetensors", seed)
    arguments = [str(model), str(pairs), "--train", str(pairs)]
    assert evaluate.main(arguments) == 2
    assert "6 persons of" in (told := capsys.readouterr().err)
    assert "were trained on" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--limit", "-1"], "--limit is -1"),
        (["-o", "report.txt"], "ends in .json"),
        (["-o", "nowhere/report.json"], "nowhere does not exist"),
        (["--device", "abacus"], "--device abacus cannot be used"),
    ],
)
def test_bad_settings_are_one_sentence(pairs, seed, tmp_path, capsys, arguments, sentence):
    model = write_model(tmp_path / "g.safetensors", seed)
    assert evaluate.main([str(model), str(pairs), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_nobody_held_out_is_told(pairs, seed, tmp_path, capsys):
    config = Config(size=SIZE, base_filters=2, held_out=0.0)
    save_generator(tmp_path / "g.safetensors", build_generator(config), config)
    assert evaluate.main([str(tmp_path / "g.safetensors"), str(pairs)]) == 2
    assert "holds nobody out (8 persons, a share of 0)" in capsys.readouterr().err


def test_the_worst_come_first():
    assert worst_first([0.1, np.inf, 0.3, 0.3, 0.2], 4).tolist() == [1, 2, 3, 4]
    images = np.zeros((5, 16, 16, 3), np.uint8)
    marked = images.copy()
    marked[1] = 200  # the worst: first in the first block, second column
    sheet = draw_worst(images, marked, images, images, [0.1, np.inf, 0.3, 0.3, 0.2])
    assert (sheet[22:38, 16:32] == 200).all()
    assert (sheet[22:38, :16] == 0).all()


class _Means(torch.nn.Module):
    """Mean colours as features."""

    num_features = 3

    def forward(self, images):
        return images.float().mean((2, 3))


@pytest.mark.filterwarnings("ignore::UserWarning:torchmetrics")
def test_fid_and_kid_with_a_network_of_ours(monkeypatch, tmp_path):
    from gan.metrics import frechet_distance

    rng = np.random.default_rng(0)
    one, two = (rng.integers(0, 256, (40, 8, 8, 3)).astype(np.uint8) for _ in range(2))
    fid, kid = inception_distances(one, two, network=_Means())
    wanted = frechet_distance(one.mean((1, 2)), two.mean((1, 2)))
    assert fid == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    assert inception_distances(one, two, network=_Means()) == (fid, kid)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    told = missing_inception(2)
    assert told.startswith("FID and KID are left out; to get them, ")
    assert f"weights-inception-2015-12-05-6726825d.pth into {tmp_path}/checkpoints" in told
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch_fidelity" else real(name)
    )
    assert "pip install torch-fidelity and put https://" in missing_inception(2)
    assert "at least two faces" in missing_inception(1)
