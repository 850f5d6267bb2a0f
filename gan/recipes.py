"""The two recipes: their losses, their optimiser, and the gradients of one step.

A step computes gradients and changes nothing; `gan.training` applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

import torch
from torch import Tensor, nn

from gan import losses
from gan.config import Config
from gan.convolution import only_inputs
from gan.store import Batch

LOSSES = {
    "published": ("generator", "face_discriminator", "pair_discriminator"),
    "better": ("adversarial", "l1", "feature_matching", "discriminator"),
}
"""Names of what a step returns, in their order."""

Allow = Callable[[Tensor], bool]
Step = Callable[[nn.ModuleDict, Batch, Mapping[str, float], torch.autocast, Allow], Tensor]


def make_optimizer(networks: nn.ModuleDict, config: Config) -> torch.optim.Adam:
    """Adam over all networks; as elements do not mix, that is one Adam for each.

    Parameters
    ----------
    networks : ModuleDict
        As `gan.networks.build_networks` gives them.
    config : Config
        `settings` hold the numbers.
    """
    numbers = config.settings
    rate = numbers["learning_rate"]
    judges = [p for name, net in networks.items() if name != "generator" for p in net.parameters()]
    groups = [
        {"params": list(networks["generator"].parameters()), "lr": rate},
        {"params": judges, "lr": numbers.get("discriminator_learning_rate", rate)},
    ]
    return torch.optim.Adam(groups, betas=(numbers["beta1"], numbers["beta2"]), fused=True)


def published_step(
    networks: nn.ModuleDict,
    batch: Batch,
    settings: Mapping[str, float],
    autocast: torch.autocast,
    allow: Allow,
) -> Tensor:
    """Losses and gradients of the published step.

    Parameters
    ----------
    networks : ModuleDict
        Parameters have no gradients before; afterwards those of their own loss, if allowed.
    batch : Batch
    settings : mapping
        Not used: the published losses have no weights.
    autocast : torch.autocast
        Precision of the forward passes.
    allow : callable
        Is shown the losses and tells whether gradients are wanted.

    Returns
    -------
    losses : (3,) float32 tensor
        As named by `LOSSES`.

    Notes
    -----
    The published loop generates the same faces three times and judges them twice, before any
    weight changes; once is enough, as every loss is differentiated for its own network alone.
    """
    generator = networks["generator"]
    judge_face, judge_pair = networks["face_discriminator"], networks["pair_discriminator"]
    landmarks = batch.landmarks
    real = torch.cat([batch.faces, batch.others])
    with autocast:
        fake = generator(landmarks)
        # Real faces together, each group with its own batch statistics: larger products are faster.
        of_face = [*judge_face(real, groups=2).chunk(2), judge_face(fake)]
        pairs = torch.cat([torch.cat([landmarks, landmarks]), real], 1)
        fakes = torch.cat([landmarks, fake.to(landmarks)], 1)
        of_pair = [*judge_pair(pairs, groups=2).chunk(2), judge_pair(fakes)]
    generator_loss = losses.generator_loss(of_face[2], of_pair[2])
    face_loss = losses.face_discriminator_loss(*of_face)
    pair_loss = losses.pair_discriminator_loss(*of_pair)
    told = torch.stack([generator_loss, face_loss, pair_loss]).detach()
    if allow(told):
        # Through the discriminators to the picture only: none of their weights is differentiated.
        with only_inputs():
            (toward,) = torch.autograd.grad(generator_loss, fake, retain_graph=True)
        judges = [*judge_face.parameters(), *judge_pair.parameters()]
        torch.autograd.backward([face_loss, pair_loss], inputs=judges)
        torch.autograd.backward([fake], [toward], inputs=list(generator.parameters()))
    return told


def better_step(
    networks: nn.ModuleDict,
    batch: Batch,
    settings: Mapping[str, float],
    autocast: torch.autocast,
    allow: Allow,
) -> Tensor:
    """Losses and gradients of the better recipe; arguments and result as `published_step`.

    One discriminator sees landmarks and face together; landmarks with another person's face are
    refused like generated faces, which teaches it to look at the landmarks.
    """
    from gan.skip_networks import contour_weight

    generator, judge = networks["generator"], networks["discriminator"]
    landmarks = batch.landmarks
    with autocast:
        fake = generator(landmarks)
        logits, activations = judge(
            torch.cat([landmarks, landmarks]), torch.cat([batch.faces, batch.others])
        )
        of_fake, fake_activations = judge(landmarks, fake)
    of_real, of_mismatched = logits.chunk(2)
    judge_loss = losses.hinge_discriminator_loss(of_real, of_mismatched, of_fake)
    adversarial = losses.hinge_generator_loss(of_fake)
    weight = contour_weight(landmarks, settings["contour"])
    l1 = losses.weighted_l1(fake, batch.faces, weight)
    matching = losses.feature_matching(
        fake_activations, [activation.chunk(2)[0] for activation in activations]
    )
    told = torch.stack([adversarial, l1, matching, judge_loss]).detach()
    if allow(told):
        total = (
            settings["adversarial"] * adversarial
            + settings["l1"] * l1
            + settings["feature_matching"] * matching
        )
        (toward,) = torch.autograd.grad(total, fake, retain_graph=True)
        torch.autograd.backward([judge_loss], inputs=list(judge.parameters()))
        torch.autograd.backward([fake], [toward], inputs=list(generator.parameters()))
    return told


STEPS: dict[str, Step] = {"published": published_step, "better": better_step}


def all_parameters(networks: nn.ModuleDict) -> list[nn.Parameter]:
    """Parameters of all networks, in a fixed order."""
    return list(chain.from_iterable(net.parameters() for net in networks.values()))
