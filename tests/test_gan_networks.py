"""Networks of both recipes, and the file of a generator."""

import copy
import dataclasses
import math

import pytest
import torch
from safetensors.torch import save_file

from gan.config import Config, ConfigError
from gan.convolution import DoublingConv, HalvingConv, only_inputs
from gan.model_file import load_generator, save_generator
from gan.networks import build_networks
from gan.skip_networks import contour_weight, ink
from landmarks.runs.tensor_file import ModelError, write_tensors


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def faces(size: int, number: int = 2) -> torch.Tensor:
    return torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_published_networks_have_the_published_sizes():
    networks = build_networks(Config(recipe="published", size=64, base_filters=96))
    assert count(networks["generator"]) == 12_399_552
    assert count(networks["face_discriminator"]) == 6_212_736
    assert count(networks["pair_discriminator"]) == 6_217_344


@pytest.mark.parametrize("recipe", ["published", "better"])
@pytest.mark.parametrize("size", [64, 128, 256])
def test_every_size_gives_faces_of_that_size(recipe, size):
    networks = build_networks(Config(recipe=recipe, size=size, base_filters=2))
    made = networks["generator"](faces(size))
    assert made.shape == (2, 3, size, size)
    assert made.abs().max() <= 1
    if recipe == "published":
        assert networks["face_discriminator"](made).shape == (2,)
        assert networks["pair_discriminator"](torch.cat([made, made], 1)).shape == (2,)
    else:
        assert networks["discriminator"](made, made)[0].shape == (2, 1, size // 16, size // 16)


def test_weights_come_from_the_seed_alone():
    first, second, other = (
        build_networks(Config(recipe="published", size=64, base_filters=2, seed=seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    weight = "generator.layers.0.weight"
    assert not torch.equal(first[weight], other[weight])
    assert first[weight].abs().max() <= 1 / (3 * 4 * 4) ** 0.5  # torch's own initialisation


def test_one_pass_moves_running_statistics_as_three_published_ones():
    ours = build_networks(Config(recipe="published", size=64, base_filters=2))["generator"].train()
    plain = build_networks(Config(recipe="published", size=64, base_filters=2))["generator"].train()
    for module in plain.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1
    ours(faces(64))
    for _ in range(3):
        plain(faces(64))
    wanted = plain.state_dict()
    for name, value in ours.state_dict().items():
        if "running" in name:
            torch.testing.assert_close(value, wanted[name])


@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_have_the_gradients_of_torchs_own(transposed):
    ours = (DoublingConv if transposed else HalvingConv)(3, 5)
    theirs = (torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d)(
        3, 5, 4, 2, 1, bias=False
    )
    theirs.weight = torch.nn.Parameter(ours.weight.detach().clone())
    seen, made = [], []
    for layer in (ours, theirs):
        images = faces(4 if transposed else 8).requires_grad_()
        out = layer(images)
        (out * torch.linspace(0, 1, out.numel()).view(out.shape)).sum().backward()
        seen.append(images.grad)
        made.append(out)
    torch.testing.assert_close(*made)
    torch.testing.assert_close(*seen)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    with only_inputs():
        again = torch.autograd.grad(ours(images).sum(), [images, ours.weight], allow_unused=True)
    assert again[0] is not None
    assert again[1] is None


def test_groups_are_normalised_as_if_passed_one_by_one():
    networks = build_networks(Config(recipe="published", size=64, base_filters=2))
    judge = networks["face_discriminator"].train()
    apart = copy.deepcopy(judge)
    images = faces(64, 4)
    together = judge(images, groups=2)
    torch.testing.assert_close(together, torch.cat([apart(images[:2]), apart(images[2:])]))
    for name, value in apart.state_dict().items():
        torch.testing.assert_close(judge.state_dict()[name], value)
    assert not torch.allclose(together, judge(images))


def test_a_face_of_the_better_generator_does_not_depend_on_its_batch():
    generator = build_networks(Config(recipe="better", size=64, base_filters=4))["generator"]
    images = faces(64, 3)
    torch.testing.assert_close(generator(images)[1:2], generator(images[1:2]), atol=1e-5, rtol=1e-4)


def test_contours_weigh_more_whatever_the_colour_of_the_paper():
    drawing = -torch.ones(1, 3, 64, 64)
    drawing[..., 30:32, 10:50] = 1
    assert torch.equal(ink(drawing), ink(-drawing))
    weight = contour_weight(drawing, 4.0)
    assert 4.5 < weight[0, 0, 31, 30] <= 5
    assert weight[0, 0, 5, 30] == pytest.approx(1)
    assert torch.equal(weight, contour_weight(-drawing, 4.0))


@pytest.mark.parametrize("recipe", ["published", "better"])
def test_a_saved_generator_draws_the_same_faces(tmp_path, recipe):
    gate = ((1, 0, 0),) * 3 if recipe == "published" else None
    config = Config(recipe=recipe, size=64, base_filters=2, gate=gate, drawing={"a": [1, None]})
    generator = build_networks(config)["generator"]
    path = tmp_path / "g.safetensors"
    save_generator(path, generator, config)
    loaded, told = load_generator(path)
    assert told == config
    assert not loaded.training
    assert torch.equal(loaded(faces(64)), generator.eval()(faces(64)))
    before = path.read_bytes()
    save_generator(path, loaded, told)
    assert path.read_bytes() == before


def test_files_that_hold_no_generator_are_told(tmp_path):
    config = Config(size=64, base_filters=2)
    generator = build_networks(config)["generator"]
    with pytest.raises(ModelError, match="does not exist"):
        load_generator(tmp_path / "nothing.safetensors")
    with pytest.raises(ModelError, match="holds no generator.safetensors"):
        load_generator(tmp_path)
    path = tmp_path / "g.safetensors"
    save_generator(path, generator, config)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        load_generator(path)
    path.write_text("<html>")
    with pytest.raises(ModelError, match="damaged"):
        load_generator(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match="tells no settings"):
        load_generator(path)
    write_tensors(path, generator.state_dict(), "{}")
    with pytest.raises(ConfigError, match="no settings"):
        load_generator(path)
    save_generator(path, generator, dataclasses.replace(config, base_filters=3))
    with pytest.raises(ModelError, match="does not hold the weights"):
        load_generator(path)
    newer = config.to_json().replace('"version": 1', '"version": 9')
    write_tensors(path, generator.state_dict(), newer)
    with pytest.raises(ConfigError, match="update the software"):
        load_generator(path)
    with pytest.raises(ModelError, match="run's folder"):
        load_generator(path, ema=False)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size": 100}, "size is 100: expected one of 64, 128, 256"),
        ({"recipe": "best"}, "recipe is 'best'"),
        ({"base_filters": 0}, "base_filters is 0: expected a whole number of 1 or more"),
        ({"batch": -1}, "batch is -1"),
        ({"batch": 10**9}, "batch is 1000000000: expected a whole number of 1 to 65536"),
        ({"held_out": 1.0}, "held_out is 1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5: expected a whole number"),
        ({"gate": ((1.0,),)}, "not 3×3"),
        ({"gate": ((1.0, 0, 0),) * 3}, "the gate weighs the three losses of the published recipe"),
        ({"settings": {"L1": 1.0}}, "has no setting 'L1': expected some of learning_rate"),
        ({"settings": {"l1": math.nan}}, "l1 is nan: expected a number of 0 or more"),
        ({"settings": {"l1": "much"}}, "l1 is 'much'"),
    ],
)
def test_settings_outside_of_what_can_be_trained_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        Config(**wrong)


def test_what_is_not_given_follows_from_the_recipe_and_the_pictures():
    better, published = Config(), Config(recipe="published")
    assert (better.recipe, better.base_filters, published.base_filters) == ("better", 32, 96)
    assert published.settings["learning_rate"] == 0.002
    assert Config(drawing={"frame": {"size": 128}}).size == 128
    assert Config(drawing={"frame": {"size": 100}}).size == 64
    assert Config(drawing={"frame": {"size": 128}}, size=256).size == 256
    wide, small = {"frame": {"size": 128}}, {"frame": {"size": 64}}
    assert [better.for_pictures(told).size for told in (wide, small, {})] == [128, 64, 64]
    assert Config(size=64).for_pictures(wide) == Config(size=64, drawing=wide)
    assert Config(drawing=small).for_pictures({}).drawing == small
    with pytest.raises(ConfigError, match="size is not known yet"):
        build_networks(better)
    assert Config(settings={"l1": 3}).settings == {**better.settings, "l1": 3}


def test_differences_are_told_in_words():
    assert Config(batch=16).differences(Config(batch=8)) == ["batch is 16, not 8"]
