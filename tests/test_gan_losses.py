"""Losses by hand, and the gradients of a step against the plain loop."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gan import losses
from gan.config import SETTINGS, Config
from gan.networks import build_networks
from gan.recipes import STEPS, all_parameters, make_optimizer
from gan.skip_networks import contour_weight
from gan.store import Batch
from scripts.bench.gan_speed import as_plain, our_step, plain_optimizers, plain_step, random_batch

EXACT = torch.autocast("cpu", torch.bfloat16, enabled=False)


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([math.log(p / (1 - p)) for p in probabilities])


def test_published_losses_by_hand():
    associated, other, fake = logits(0.8, 0.5), logits(0.4, 0.6), logits(0.2, 0.3)
    log = math.log
    real = (log(0.8) + log(0.5)) / 2, (log(0.4) + log(0.6)) / 2
    refused = (log(0.6) + log(0.4)) / 2, (log(0.8) + log(0.7)) / 2
    face = losses.face_discriminator_loss(associated, other, fake)
    assert face.item() == pytest.approx(-(real[0] + real[1] + refused[1]) / 3, abs=1e-6)
    pair = losses.pair_discriminator_loss(associated, other, fake)
    assert pair.item() == pytest.approx(-(real[0] + refused[0] + refused[1]) / 3, abs=1e-6)
    made = losses.generator_loss(logits(0.2), logits(0.9))
    assert made.item() == pytest.approx(-(log(0.2) + log(0.9)) / 2, abs=1e-6)
    assert losses.logistic(torch.zeros(3), real=True).item() == pytest.approx(log(2))
    assert losses.logistic(torch.tensor([1000.0]), real=False).item() == 1000  # no overflow


def test_losses_of_the_better_recipe_by_hand():
    real, mixed, fake = (torch.tensor([[[v]]]) for v in (0.25, -0.5, 2.0))
    assert losses.hinge_discriminator_loss(real, mixed, fake).item() == 0.75 + (0.5 + 3) / 2
    assert losses.hinge_discriminator_loss(2 * torch.ones(1), -fake, -fake).item() == 0
    assert losses.hinge_generator_loss(torch.tensor([1.0, -3.0])).item() == 1
    layers = [torch.tensor([1.0, 3.0]), torch.zeros(4)], [torch.zeros(2), torch.ones(4)]
    assert losses.feature_matching(*layers).item() == (2 + 1) / 2
    faces = torch.zeros(1, 3, 1, 2)
    made = torch.tensor([[[[0.5, 1.0]]]]).expand(1, 3, 1, 2)
    weight = torch.tensor([[[[3.0, 1.0]]]])
    assert losses.weighted_l1(made, faces, weight).item() == (3 * 0.5 + 1) / 4
    both = [
        torch.cat([ours, theirs])
        for ours, theirs in zip(
            (made, faces, weight), (made, faces, torch.ones(1, 1, 1, 2)), strict=True
        )
    ]
    assert losses.weighted_l1(*both).item() == ((3 * 0.5 + 1) / 4 + (0.5 + 1) / 2) / 2


def test_the_gate_compares_the_largest_eigenvalue_with_the_bilinear_form():
    rng = np.random.default_rng(0)
    matrix = np.array([[0.4, 0.7, 0.05], [0.7, 0.03, 0.1], [0.2, 0.3, 0.8]])
    outcomes = set()
    for triple in rng.uniform(0, 2, (200, 3)):
        largest = np.linalg.eigvalsh(np.outer(triple, triple)).max()
        wanted = bool(largest > triple @ matrix @ triple)
        assert losses.gate_is_open(triple.tolist(), matrix.tolist()) == wanted
        outcomes.add(wanted)
    assert outcomes == {True, False}
    assert not losses.gate_is_open([1, 1, 1], np.eye(3).tolist())  # equal is not more


@pytest.mark.parametrize("size", [64, 128])
def test_a_step_is_that_of_the_plain_loop(size):
    config = Config(recipe="published", size=size, base_filters=2)
    networks = build_networks(config).train()
    plain = as_plain(networks)
    torch.manual_seed(2)
    batch = random_batch(size, 4)
    optimizer, optimizers = make_optimizer(networks, config), plain_optimizers(plain, 0.002)
    for number in range(2):
        ours, theirs = (
            our_step(networks, optimizer, batch, config),
            plain_step(plain, optimizers, batch),
        )
        assert ours == pytest.approx(theirs, rel=1e-5)
        if number:
            continue
        for mine, other in zip(all_parameters(networks), all_parameters(plain), strict=True):
            scale = other.grad.abs().max().item()
            torch.testing.assert_close(mine.grad, other.grad, atol=1e-5 * scale, rtol=1e-4)
    running = {n: v for n, v in plain["generator"].state_dict().items() if "running" in n}
    for name, value in running.items():
        torch.testing.assert_close(
            networks["generator"].state_dict()[name], value, atol=1e-4, rtol=1e-3
        )


def test_a_step_of_the_better_recipe_differentiates_each_loss_for_its_own_network():
    settings = {"adversarial": 0.7, "l1": 3.0, "contour": 9.0, "feature_matching": 2.0}
    config = Config(recipe="better", size=64, base_filters=2, settings=settings)
    networks = build_networks(config).train()
    batch = random_batch(64, 2)
    # Power iterations of the spectral norm move with every pass: start both from the same state.
    plain = copy.deepcopy(networks)
    STEPS["better"](networks, batch, config.settings, EXACT, lambda _: True)
    judge, generator = plain["discriminator"], plain["generator"]
    faces = torch.cat([batch.faces, batch.others])
    of_pairs, seen = judge(torch.cat([batch.landmarks] * 2), faces)
    fake = generator(batch.landmarks)
    of_fake, fake_seen = judge(batch.landmarks, fake)
    l1 = losses.weighted_l1(fake, batch.faces, contour_weight(batch.landmarks, 9.0))
    matching = torch.stack(
        [F.l1_loss(a, b[:2].detach()) for a, b in zip(fake_seen, seen, strict=True)]
    ).mean()
    total = -0.7 * of_fake.mean() + 3 * l1 + 2 * matching
    total.backward(retain_graph=True)
    for mine, other in zip(networks["generator"].parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-6, rtol=1e-4)
    judge.zero_grad()
    losses.hinge_discriminator_loss(of_pairs[:2], of_pairs[2:], of_fake).backward()
    for mine, other in zip(networks["discriminator"].parameters(), judge.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-6, rtol=1e-4)


def gradients(networks: torch.nn.ModuleDict, batch: Batch) -> list[torch.Tensor]:
    networks = copy.deepcopy(networks)
    STEPS["better"](networks, batch, SETTINGS["better"], EXACT, lambda _: True)
    return [p.grad for p in all_parameters(networks)]


def test_shares_of_a_batch_give_its_gradients_in_the_mean():
    networks = build_networks(Config(recipe="better", size=64, base_filters=2)).train()
    whole = random_batch(64, 4)
    whole.landmarks.fill_(-1)
    whole.landmarks[0, :, ::4] = 1  # the first half has far more contours than the second
    whole.landmarks[1:, :, 30] = 1
    halves = [
        Batch(whole.landmarks[part], whole.faces[part], whole.others[part])
        for part in (slice(2), slice(2, 4))
    ]
    shares = [gradients(networks, half) for half in halves]
    for all_of_it, *both in zip(gradients(networks, whole), *shares, strict=True):
        torch.testing.assert_close(sum(both) / 2, all_of_it, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("recipe", ["published", "better"])
def test_a_step_that_is_not_allowed_leaves_no_gradient(recipe):
    config = Config(recipe=recipe, size=64, base_filters=2)
    networks = build_networks(config).train()
    told = STEPS[recipe](networks, random_batch(64, 2), config.settings, EXACT, lambda _: False)
    assert torch.isfinite(told).all()
    assert all(p.grad is None for p in networks.parameters())
