"""Evaluation: the verdict on made-up numbers, and a small run on made-up pairs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan import evaluate, evaluation
from gan.config import Config
from gan.frame import Frame, write_frame
from gan.inception import inception_distances, missing_inception
from gan.model_file import save_generator
from gan.networks import build_generator
from gan.pair_table import PairRecord, write_pair_table
from gan.pairs import is_held_out, read_index
from gan.verdict import Scores, judge
from gan.worst import draw_worst, worst_first
from landmarks import detect


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
    with Image.open(tmp_path / "report.png") as sheet:
        assert sheet.size == (2 * 4 * SIZE + 12, 22 + SIZE + 18)


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
    assert "FID and KID are left out" in missing_inception()
