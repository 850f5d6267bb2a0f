"""What a run does with its settings: backgrounds, moving average, what it tells of its faces."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from landmarks.keypoints.config import Config  # noqa: E402
from landmarks.keypoints.dataset import load_faces  # noqa: E402
from landmarks.keypoints.model_file import MODEL_FILE, save_model  # noqa: E402
from landmarks.keypoints.run import Run  # noqa: E402
from landmarks.keypoints.small import Small  # noqa: E402
from landmarks.keypoints.training import Options, train  # noqa: E402
from landmarks.keypoints.weights import begin_with  # noqa: E402
from landmarks.runs.run_folder import RunFolder  # noqa: E402
from landmarks.samples import Sample, encode_sample  # noqa: E402
from landmarks.shard_set import writing_set  # noqa: E402
from tests.drawn_faces import drawn_face, persons, write_faces  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "shards", train=5, validation=2, test=3)


def lines_of(sources, modeldir, *, backgrounds=(), **config):
    """What a run of one step tells."""
    told = []
    options = Options(device="cpu", log_every=1, save_every=1000, sample_every=100)
    train(sources, modeldir, Config(side=32, steps=1, **config), options,
          backgrounds=backgrounds, report=told.append)  # fmt: skip
    return told


def test_a_run_draws_what_is_no_face_from_the_backgrounds_too(tmp_path, shards, monkeypatch):
    Image.new("L", (90, 60), 77).save(tmp_path / "wall.png")
    drawn = []
    monkeypatch.setattr(
        "landmarks.keypoints.batches.piece",
        lambda picture, side, rng: drawn.append(picture) or np.zeros((side, side), np.uint8),
    )
    wall = [str(tmp_path / "wall.png")]
    lines_of([shards], tmp_path / "run", backgrounds=wall, batch=8, settings={"negatives": 0.75})
    assert drawn
    assert all((picture == 77).all() for picture in drawn)


def test_whose_faces_a_run_has_is_told(tmp_path, shards):
    (known,) = persons("validation", 1)
    with writing_set(tmp_path / "more", {}) as target:
        for number, name in enumerate([*persons("train", 2), *persons("train", 1), known, known]):
            image, points = drawn_face(20 + number)
            sample = Sample(f"{number}", image, points, None, None, {"person": name})
            target.add(sample.key, encode_sample(sample))
        for number in range(12):
            parts = encode_sample(sample._replace(key=f"spoilt{number}"))
            target.add(f"spoilt{number}", {**parts, "jpg": parts["jpg"][:300]})
    told = lines_of([tmp_path / "more", shards], tmp_path / "run", batch=4)
    assert "12 samples or shards cannot be read and are skipped" in told
    named = [line for line in told if line.startswith("skipped: ")]
    assert len(named) == 10  # the others are counted
    assert "sample spoilt0" in named[0]
    whose = next(line for line in told if "training persons" in line)
    assert whose.startswith("8 faces of 5 training persons, 2 of 1 validation persons; ")
    assert whose.endswith("3 of test persons are left alone")
    told = lines_of([shards], tmp_path / "leaks", batch=4, leaks=True)
    whose = next(line for line in told if "training persons" in line)
    assert whose.startswith("8 faces of 8 training persons, 2 of 2 validation persons; ")
    assert whose.endswith("THIS LEAKS: test persons are trained on")


def test_the_moving_average_follows_the_weights_at_its_decay(tmp_path, shards):
    config = Config(side=32, batch=4, steps=9, settings={"ema": 0.23})
    run = Run(config, load_faces([shards], config), [], "", torch.device("cpu"))
    folder = RunFolder(tmp_path / "run", MODEL_FILE)
    folder.lock()
    run.open(folder, None, None, clear=False)
    network, name = run._network.state_dict(), "maps.weight"
    expected = network[name].clone()
    # Early on the average moves faster than the setting has it: (1 + step) / (10 + step).
    for step, decay in enumerate((2 / 11, 0.23, 0.23)):
        run.one(run.batch(step))
        expected = decay * expected + (1 - decay) * network[name]
        torch.testing.assert_close(run._judged().state_dict()[name], expected)
        assert (expected - network[name]).abs().max() > 1e-6
    folder.close()


def test_radii_of_an_earlier_run_are_measured_anew(tmp_path):
    earlier, network, config = Small(side=32), Small(side=32), Config(side=32)
    earlier.radius_factor[:] = 3
    save_model(tmp_path / "m.safetensors", earlier, config)
    begin_with(network, config, tmp_path / "m.safetensors")
    assert torch.equal(network.maps.weight, earlier.maps.weight)
    assert (network.radius_factor == 1).all()
