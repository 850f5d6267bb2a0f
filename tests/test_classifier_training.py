"""Training: what can be learnt is learnt, and a run that was killed ends as one that was not."""

from dataclasses import replace

import numpy as np
import pytest

from classifier.config import Config
from classifier.model import load_classifier
from classifier.splits import PersonsError
from landmarks.errors import InputError
from landmarks.runs.options import Options
from tests.labelled_faces import SHOWN, labelled

torch = pytest.importorskip("torch")

from classifier.batches import Batches, class_weights  # noqa: E402
from classifier.export import export  # noqa: E402
from classifier.model_file import read_classifier, save_classifier  # noqa: E402
from classifier.network import build_network  # noqa: E402
from classifier.run import Run  # noqa: E402
from classifier.training import train_on  # noqa: E402

QUIET = {"report": lambda _: None}
TINY = {"network": "plain", "side": 32, "batch": 16, "epochs": 2}


def options(**changed) -> Options:
    return Options(**{"device": "cpu", "save_every": 0, "log_every": 1, **changed})


def test_a_network_learns_what_pictures_show_and_its_file_says_the_same(tmp_path):
    config = Config(**{**TINY, "epochs": 12, "seed": 1}, settings={"ema": 0.8})
    train, held = labelled("train", 16), labelled("validation", 6)
    train = replace(train, hashes=tuple(range(len(train))))
    outcome = train_on(train, held, tmp_path / "run", config, options(save_every=60), **QUIET)
    assert outcome.validation["validation_accuracy"] == 1
    assert (outcome.step, outcome.interrupted) == (outcome.steps, False)
    classifier = load_classifier(tmp_path / "run", device="cpu")
    assert classifier.classes == SHOWN
    tested = labelled("test", 4, seed=9)
    shares = classifier.judge(tested)
    assert (shares.argmax(1) == tested.labels(SHOWN)).all()
    assert shares.sum(1) == pytest.approx(1)
    export(tmp_path / "run", tmp_path / "made.onnx")
    by_onnx = load_classifier(tmp_path / "made.onnx")
    assert by_onnx.judge(tested) == pytest.approx(shares, abs=1e-4)
    assert by_onnx.persons == classifier.persons
    assert by_onnx.pictures == classifier.pictures == set(range(48))
    assert len(classifier.persons) == 16 + 6
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"config.json", "metrics.jsonl", "events", "samples", "model.safetensors"} <= names


class _KilledError(Exception):
    pass


def test_a_killed_run_ends_in_the_same_bytes(tmp_path, monkeypatch):
    config = Config(**TINY, seed=3)
    train, held = labelled("train", 8), labelled("validation", 3)
    further = labelled("train", 5, seed=4)
    whole = train_on([train, further], held, tmp_path / "whole", config, options(), **QUIET)
    step = Run.one
    for last in (1, 3):

        def one(self, batch, last=last):
            if self.step == last:
                raise _KilledError
            return step(self, batch)

        monkeypatch.setattr(Run, "one", one)
        with pytest.raises(_KilledError):
            train_on([train, further], held, tmp_path / "killed", config, options(), **QUIET)
    monkeypatch.setattr(Run, "one", step)
    again = train_on([train, further], held, tmp_path / "killed", config, options(), **QUIET)
    assert again.validation == whole.validation
    for name in ("model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "config.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    with pytest.raises(InputError, match="seed is 3, not 4"):
        train_on(train, held, tmp_path / "whole", Config(**TINY, seed=4), options(), **QUIET)
    with pytest.raises(InputError, match="on other faces"):
        train_on(train, held, tmp_path / "whole", config, options(), **QUIET)
    fewer = train.take(np.array(train.emotions) != "anger")
    with pytest.raises(InputError, match="emotions is"):
        train_on(fewer, held, tmp_path / "whole", config, options(), **QUIET)


def test_the_picture_of_a_run_shows_its_last_batch(tmp_path, monkeypatch):
    from classifier import run

    shown = []
    drawn = run.faces_picture
    monkeypatch.setattr(run, "faces_picture", lambda images: shown.append(images) or drawn(images))
    config = Config(**TINY, seed=3)
    train = labelled("train", 8)
    outcome = train_on(train, labelled("validation", 3), tmp_path, config, options(), **QUIET)
    batches = Batches([train], Config(**TINY, seed=3, emotions=SHOWN))
    assert len(shown) == config.epochs
    assert torch.equal(shown[-1], batches(outcome.step - 1).images)


def test_steps_that_are_told_go_before_epochs(tmp_path):
    config, held = Config(**TINY, steps=3), labelled("validation", 3)
    for count in (2, 16):  # an epoch is one step, and three
        place = tmp_path / str(count)
        done = train_on(labelled("train", count), held, place, config, options(), **QUIET)
        assert (done.step, done.steps) == (3, 3)


def test_the_same_person_in_both_parts_is_refused(tmp_path):
    faces = labelled("train", 3)
    with pytest.raises(PersonsError, match="3 persons are in both"):
        train_on(faces, faces, tmp_path / "run", Config(**TINY), options(), **QUIET)
    assert not (tmp_path / "run").exists()


def test_landmarks_with_a_machine_learn_too(tmp_path):
    config = Config(network="landmarks_svm")
    train_on(labelled("train", 8), labelled("validation", 3), tmp_path, config, options(), **QUIET)
    tested = labelled("test", 4, seed=9)
    shares = load_classifier(tmp_path).judge(tested)
    assert (shares.argmax(1) == tested.labels(SHOWN)).all()


def test_batches_are_a_function_of_the_step_and_show_each_face_once():
    train, further = labelled("train", 4), labelled("validation", 2)
    config = Config(**TINY, emotions=SHOWN, settings={"share": 0.25})
    batches = Batches([train, further], config)
    assert batches.first == 12
    one, again = batches(2), batches(2)
    assert all((a == b).all() for a, b in zip(one, again, strict=True))
    # Twelve faces of the first source are one batch's share: each is shown once in it.
    assert np.bincount(batches(0).labels[:12]).tolist() == [4, 4, 4]
    assert not (batches(1).images == one.images).all()


@pytest.mark.parametrize(("power", "rare"), [(0, 1.0), (0.5, 2.0), (1, 2.5)])
def test_class_weights_by_hand(power, rare):
    labels = np.array([0] * 8 + [2] * 2)
    weights = class_weights(labels, 3, power)
    assert weights[labels].mean() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(4.0**power)
    assert weights[1] == 0
    assert power != 1 or weights[2] == pytest.approx(rare)


def test_small_begins_with_what_the_landmark_network_sees():
    config = Config(side=32)
    begun, random = build_network(config, begin=True), build_network(config)
    name = "quarter.0.weight"
    assert not torch.equal(begun.state_dict()[name], random.state_dict()[name])
    from landmarks.keypoints.model_file import load_model
    from landmarks.keypoints.predictor import SHIPPED

    seeing, _ = load_model(SHIPPED.with_suffix(".safetensors"))
    assert torch.equal(begun.state_dict()[name], seeing.state_dict()[name])
    images, points = torch.zeros(2, 1, 32, 32), torch.rand(2, 68, 2)
    assert begun.eval()(images, points).shape == (2, 7)
    assert not torch.equal(begun(images, points)[0], begun(images, points)[1])  # they look at both


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "resnet18", "efficientnet_b0"])
def test_torchvisions_networks_are_given_the_classes(name):
    pytest.importorskip("torchvision")
    network = build_network(Config(network=name, channels=1, side=32)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 32, 32), torch.zeros(2, 68, 2)).shape == (2, 7)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"network": "large"}, "network is 'large'"),
        ({"emotions": ("fear", "anger")}, "in the order of"),
        ({"emotions": ("fear",)}, "two or more"),
        ({"emotions": ("fear", "boredom")}, "no emotion is called 'boredom'"),
        ({"network": "plain", "start": "landmarks"}, "no such weights"),
        ({"start": "imagenet"}, "no such weights"),
        ({"side": 33}, "multiple of 16"),
        ({"settings": {"speed": 1}}, "no setting 'speed'"),
        ({"settings": {"dropout": 1}}, "less than 1"),
        ({"least": -1}, "least is -1"),
        ({"steps": -1}, "steps is -1"),
    ],
)
def test_settings_that_cannot_be_are_told(changed, told):
    with pytest.raises(InputError, match=told):
        Config(**changed)
    assert Config.from_json(Config().to_json()) == Config()


def test_files_that_are_no_classifier_are_told(tmp_path):
    with pytest.raises(InputError, match="holds no model.safetensors"):
        read_classifier(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        load_classifier(tmp_path / "none")
    (tmp_path / "page.onnx").write_text("<html>404</html>")
    with pytest.raises(InputError, match="page.onnx"):
        load_classifier(tmp_path / "page.onnx")
    from landmarks.keypoints.predictor import SHIPPED

    with pytest.raises(InputError, match="no classifier"):
        load_classifier(SHIPPED)
    config = Config(**TINY, emotions=SHOWN)
    state = build_network(Config(**TINY)).state_dict()  # of seven classes, not three
    save_classifier(tmp_path / "x.safetensors", state, config, temperature=1.0, persons=[])
    with pytest.raises(InputError, match="does not hold the weights that it announces"):
        read_classifier(tmp_path / "x.safetensors")
