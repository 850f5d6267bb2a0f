"""Shapes, sizes and what the networks say before they are trained; settings; model files."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from landmarks.errors import InputError  # noqa: E402
from landmarks.keypoints.config import Config, ConfigError  # noqa: E402
from landmarks.keypoints.model_file import load_model, save_model  # noqa: E402
from landmarks.keypoints.networks import build_network, multiply_adds  # noqa: E402
from landmarks.keypoints.small import Small, moment_basis, moments  # noqa: E402
from landmarks.keypoints.weights import begin_with  # noqa: E402
from landmarks.runs.tensor_file import ModelError, write_tensors  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["naimishnet", "resnet18", "efficientnet_b0", "small"])
def test_every_network_gives_68_points_of_the_crop(name):
    config = Config(network=name)
    torch.manual_seed(0)
    network = build_network(config).eval()
    with torch.no_grad():
        output = network(torch.zeros(2, config.channels, config.side, config.side))
    assert output.points.shape == (2, 68, 2)
    assert abs(output.points - 0.5).max() < 0.5
    if name == "small":
        assert output.radius.shape == (2, 68)
        assert (output.radius > 0).all()
        assert output.trust.shape == (2,)
    else:
        assert output.radius is output.trust is None


def test_the_dense_layers_of_naimishnet_are_the_published_ones():
    sizes = [tuple(p.shape) for p in build_network(Config(network="naimishnet")).parameters()]
    assert sizes[::2] == [
        (32, 1, 4, 4),
        (64, 32, 3, 3),
        (128, 64, 2, 2),
        (256, 128, 1, 1),
        (1000, 6400),
        (1000, 1000),
        (136, 1000),
    ]


def test_multiply_adds_are_those_counted_by_hand():
    layer = torch.nn.Conv2d(3, 8, 5, stride=2, padding=2)
    assert multiply_adds(layer, 3, 32) == 16 * 16 * 8 * 3 * 5 * 5
    depthwise = torch.nn.Conv2d(4, 4, 3, padding=1, groups=4)
    assert multiply_adds(depthwise, 4, 10) == 10 * 10 * 4 * 9
    dense = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(75, 7))
    assert multiply_adds(dense, 3, 5) == 75 * 7
    # Published: 1.8 thousand millions for three channels.
    assert multiply_adds(build_network(Config(network="resnet18", channels=3)), 3, 224) == (
        pytest.approx(1.814e9, rel=0.001)
    )


def test_small_is_small(tmp_path):
    config = Config()
    network = build_network(config)
    assert multiply_adds(network, config.channels, config.side) < 40e6
    assert sum(p.numel() for p in network.parameters()) < 250_000
    save_model(tmp_path / "small.safetensors", network, config)
    assert (tmp_path / "small.safetensors").stat().st_size < 1_000_000


def test_the_mean_under_a_softmax_is_where_the_peak_is():
    maps = torch.full((1, 2, 28, 28), -50.0)
    maps[0, 0, 3, 20] = 50
    maps[0, 1, 10, 4] = maps[0, 1, 10, 8] = 50
    mean, spread = moments(maps, moment_basis(28))
    np.testing.assert_allclose(mean[0], [[20.5 / 28, 3.5 / 28], [6.5 / 28, 10.5 / 28]], atol=1e-5)
    # A square's own deviation; and of two that are four cells apart.
    np.testing.assert_allclose(spread[0] * 28, [(1 / 6) ** 0.5, (4 + 1 / 6) ** 0.5], atol=1e-3)


def test_radii_and_trust_do_not_pull_at_the_points():
    torch.manual_seed(0)
    network = Small(side=64)
    output = network(torch.randn(4, 1, 64, 64))
    (output.radius.sum() + output.trust.sum()).backward()
    assert network.maps.weight.grad is None
    assert network.moves.weight.grad is None


def test_points_may_lie_outside_of_the_crop():
    network = Small().eval()
    with torch.no_grad():
        network.moves.bias.fill_(2.0)
        assert (network(torch.zeros(1, 1, 112, 112)).points > 1.5).all()


def test_a_model_file_gives_the_network_back(tmp_path):
    config = Config(seed=4, settings={"ema": 0.9})
    torch.manual_seed(1)
    network = build_network(config)
    network(torch.randn(4, 1, 112, 112))  # moves what batches are normalised by
    network.radius_factor[:] = torch.arange(68.0)
    path = tmp_path / "model.safetensors"
    save_model(path, network, config)
    for source in (path, tmp_path):
        read, told = load_model(source)
        assert told == config
        assert not read.training
        state = network.state_dict()
        for name, value in read.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                assert torch.equal(value, state[name]), name
    first = path.read_bytes()
    save_model(path, read, told)
    assert path.read_bytes() == first


def test_files_that_hold_something_else(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        load_model(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match="damaged or no .safetensors"):
        load_model(path)
    write_tensors(path, {"a": torch.zeros(1)}, "{}")
    with pytest.raises(ConfigError, match="no settings of a landmark network"):
        load_model(path)
    write_tensors(path, {"a": torch.zeros(1)}, Config().to_json())
    with pytest.raises(ModelError, match="does not hold the weights that it announces"):
        load_model(path)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"network": "large"}, "network is 'large': expected one of"),
        ({"recipe": "published"}, "small has no published recipe"),
        ({"imagenet": True}, "no ImageNet weights of small"),
        ({"side": 100}, "multiple of 16"),
        ({"side": 1.5}, "whole number"),
        ({"batch": 0}, "batch is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"channels": 2}, "channels is 2: expected one of 1, 3"),
        ({"network": "naimishnet", "side": 112}, "96 pixels, nothing else"),
        ({"seed": -1}, "seed is -1"),
        ({"settings": {"speed": 1}}, "has no setting 'speed'"),
        ({"settings": {"ema": float("nan")}}, "ema is nan"),
    ],
)
def test_settings_that_cannot_be(given, told):
    with pytest.raises(ConfigError, match=told):
        Config(**given)


def test_settings_are_read_as_they_were_written():
    config = Config(network="efficientnet_b0", recipe="published", epochs=3)
    assert Config.from_json(config.to_json()) == config
    assert config.differences(Config(network="efficientnet_b0", recipe="published")) == [
        "epochs is 3, not 100"
    ]
    later = json.dumps({**json.loads(config.to_json()), "version": 99})
    with pytest.raises(ConfigError, match="newer"):
        Config.from_json(later, "x")


def test_weights_of_imagenet_see_a_grey_picture_as_three_equal_channels(tmp_path):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    whole = resnet18().eval()
    torch.save(whole.state_dict(), tmp_path / "resnet18.pth")
    config = Config(network="resnet18", imagenet=True, side=64)
    network = build_network(config).eval()
    begin_with(network, config, tmp_path / "resnet18.pth")
    grey = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        one = network.body.conv1(grey)
        three = whole.conv1(grey.expand(1, 3, 64, 64))
    torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-5)
    assert torch.equal(network.body.layer4[1].conv2.weight, whole.layer4[1].conv2.weight)
    assert network.body.fc.out_features == 136


def test_weights_that_do_not_fit(tmp_path):
    other = Config(network="naimishnet")
    save_model(tmp_path / "n.safetensors", build_network(other), other)
    small = build_network(Config())
    with pytest.raises(ModelError, match="holds weights of naimishnet"):
        begin_with(small, Config(start="x"), tmp_path / "n.safetensors")
    config = Config(network="resnet18", imagenet=True, side=64)
    (tmp_path / "w.pth").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="no file of weights"):
        begin_with(build_network(config), config, tmp_path / "w.pth")


def test_without_a_connection_the_message_says_how_to_get_the_weights(monkeypatch):
    from torchvision.models import ResNet18_Weights

    def fails(self, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", fails)
    config = Config(network="resnet18", imagenet=True, side=64)
    with pytest.raises(InputError, match=r"get https://\S+resnet18\S+\.pth .* --weights FILE"):
        begin_with(build_network(config), config, None)


def test_another_source_moves_points_by_what_it_learnt_and_nothing_of_it_ships(tmp_path):
    torch.manual_seed(0)
    network, images = Small(side=64).eval(), torch.randn(3, 1, 64, 64)
    plain = network(images).points
    network.learn_conventions(3)
    sources = torch.tensor([0, 1, 2])
    torch.testing.assert_close(network(images, sources).points, plain)  # nothing is learnt yet
    (network(images, sources).points[1] * 7).sum().backward()
    learnt = [layer.bias.grad is not None and layer.bias.grad for layer in network.conventions]
    assert float(learnt[0].min()) == float(learnt[0].max()) == 7
    assert not learnt[1].any()
    with torch.no_grad():
        network.conventions[1].bias.fill_(0.25)
    moved = network(images, sources).points - plain
    torch.testing.assert_close(moved[:2], torch.zeros(2, 68, 2))
    torch.testing.assert_close(moved[2], torch.full((68, 2), 0.25))
    save_model(tmp_path / "m.safetensors", network, Config(side=64))
    read = load_model(tmp_path / "m.safetensors")[0]
    torch.testing.assert_close(read(images).points, plain)


class OneCell(torch.nn.Module):
    """Maps (B, 68, 16, 16), each all in one cell of its own."""

    def forward(self, features):
        maps = torch.full((len(features), 68, 16, 16), -50.0)
        number = torch.arange(68)
        maps[:, number, 5 * number % 16, 7 * number % 16] = 50
        return maps


def test_a_narrow_map_keeps_its_spread_in_half_precision():
    network, images = Small(side=64).eval(), torch.randn(2, 1, 64, 64)
    network.maps = OneCell()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        radius = network(images).radius
    # Before anything is learnt the radius is the spread: that of a single cell's square.
    torch.testing.assert_close(radius, torch.full((2, 68), (1 / 6) ** 0.5 / 16), rtol=0.01, atol=0)


def test_what_was_trained_on_test_persons_stays_known(tmp_path):
    save_model(tmp_path / "m.safetensors", Small(), Config(leaks=True))
    begin_with(Small(), Config(leaks=True), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match="was trained on test persons"):
        begin_with(Small(), Config(), tmp_path / "m.safetensors")


def test_imagenets_normalisation_goes_on_with_the_weights(tmp_path):
    config = Config(network="resnet18", imagenet=True)
    save_model(tmp_path / "m.safetensors", build_network(config), config)
    begin_with(build_network(config), config, tmp_path / "m.safetensors")
    other = Config(network="resnet18")
    with pytest.raises(ModelError, match="with ImageNet's mean"):
        begin_with(build_network(other), other, tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("network", "recipe", "setting"),
    [
        ("small", "better", {"wing_curve": 0}),
        ("small", "better", {"wing_width": 0}),
        ("small", "better", {"ema": 1}),
        ("small", "better", {"negatives": 1}),
        ("efficientnet_b0", "published", {"plateau_factor": 1}),
    ],
)
def test_numbers_that_would_fail_in_the_first_steps_are_refused(network, recipe, setting):
    with pytest.raises(ConfigError, match=f"{next(iter(setting))} is [01]: expected"):
        Config(network=network, recipe=recipe, settings=setting)
