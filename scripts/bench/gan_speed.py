"""Speed of a training step: ours against the plain loop of the published code, same mathematics.

    python -m scripts.bench.gan_speed
    python -m scripts.bench.gan_speed --recipe better --size 128 --base-filters 32

Both are timed by turns in the same process, with the same weights and the same batch. The plain
loop generates three times a step, judges with gradients for every weight, and uses three Adams in
float32, with torch's own layers. Rounds are short, so that other work on the machine hits both;
medians are compared. Where the machine is busy, the ratio of processor time is the steadier one.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan.config import SETTINGS, Config
from gan.convolution import DoublingConv, HalvingConv
from gan.networks import BATCH_NORM_MOMENTUM, build_networks
from gan.recipes import STEPS, make_optimizer
from gan.store import Batch


def plain_step(
    networks: nn.ModuleDict, optimizers: dict[str, torch.optim.Optimizer], batch: Batch
) -> list[float]:
    """One step of the published loop, restated: the reference for mathematics and speed.

    Parameters
    ----------
    networks : ModuleDict
        Of the published recipe.
    optimizers : dict
        One for each network.
    batch : Batch

    Returns
    -------
    losses : list of 3 floats
        Of the generator, the face discriminator and the pair discriminator.
    """
    generator = networks["generator"]
    judge_face, judge_pair = networks["face_discriminator"], networks["pair_discriminator"]
    landmarks, faces, others = batch.landmarks, batch.faces, batch.others

    def loss(logits: Tensor, label: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    def pair(images: Tensor) -> Tensor:
        return torch.cat([landmarks, images], 1)

    real = loss(judge_face(faces), 1) + loss(judge_face(others), 1)
    face_loss = (real + loss(judge_face(generator(landmarks).detach()), 0)) / 3
    fake = generator(landmarks).detach()
    associated, mixed = loss(judge_pair(pair(faces)), 1), loss(judge_pair(pair(others)), 0)
    pair_loss = (associated + mixed + loss(judge_pair(pair(fake)), 0)) / 3
    fake = generator(landmarks)
    generator_loss = (loss(judge_face(fake), 1) + loss(judge_pair(pair(fake)), 1)) / 2
    wanted = {
        "generator": generator_loss,
        "face_discriminator": face_loss,
        "pair_discriminator": pair_loss,
    }
    for name, value in wanted.items():
        optimizers[name].zero_grad()
        value.backward()
        optimizers[name].step()
    return [value.item() for value in wanted.values()]


def plain_optimizers(networks: nn.ModuleDict, rate: float) -> dict[str, torch.optim.Optimizer]:
    """Three Adams with torch's own settings."""
    return {name: torch.optim.Adam(net.parameters(), lr=rate) for name, net in networks.items()}


def random_batch(size: int, count: int, device: str = "cpu") -> Batch:
    """Pictures of noise: convolutions take as long for them as for faces."""
    drawn = (torch.rand(3, count, 3, size, size) * 2 - 1).to(device)
    return Batch(*(part.contiguous(memory_format=torch.channels_last) for part in drawn))


def our_step(
    networks: nn.ModuleDict,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: Config,
) -> Tensor:
    """One step as `gan.training` does it; the losses stay on the device."""
    kind = batch.faces.device.type
    autocast = torch.autocast(kind, torch.bfloat16, enabled=config.precision == "bf16")
    optimizer.zero_grad(set_to_none=True)
    told: list[Tensor] = []

    def allow(losses: Tensor) -> bool:
        told.append(losses)
        return True

    STEPS[config.recipe](networks, batch, config.settings, autocast, allow)
    optimizer.step()
    return told[0]


def main(argv: list[str] | None = None) -> int:
    """Print images per second of both, and the ratio."""
    parser = argparse.ArgumentParser(prog="gan_speed", description=__doc__)
    parser.add_argument("--recipe", choices=["published", "better"], default="published")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--base-filters", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=1, help="in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch = random_batch(args.size, args.batch, args.device)
    common = {"size": args.size, "base_filters": args.base_filters, "batch": args.batch}
    ways: dict[str, Callable[[], object]] = {}
    plain = Config(recipe="published", **common)
    ways["plain loop, fp32"] = _plain_way(plain, batch)
    for precision in args.precision:
        settings = SETTINGS[args.recipe]
        config = Config(recipe=args.recipe, precision=precision, settings=settings, **common)
        ways[f"ours, {args.recipe}, {precision}"] = _our_way(config, batch)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(args.rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            for _ in range(args.steps):
                way()
            if args.device != "cpu":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                now = time.perf_counter(), time.process_time()
                times[name].append((now[0] - start[0], now[1] - start[1]))
    base = times["plain loop, fp32"]
    print(
        f"{args.threads} threads, batch {args.batch}; times the plain loop in wall, processor time"
    )
    for name, taken in times.items():
        rate = args.steps * args.batch / statistics.median(wall for wall, _ in taken)
        wall, processor = (
            statistics.median(b[clock] / t[clock] for b, t in zip(base, taken, strict=True))
            for clock in (0, 1)
        )
        print(f"{name:28s} {rate:7.1f} images/s {wall:7.2f} {processor:7.2f}")
    return 0


def as_plain(networks: nn.ModuleDict) -> nn.ModuleDict:
    """A copy in torch's default layout, with torch's own convolutions and batch normalisation."""
    plain = copy.deepcopy(networks).to(memory_format=torch.contiguous_format)
    for module in plain.modules():
        if isinstance(module, HalvingConv):
            module.__class__ = nn.Conv2d  # type: ignore[assignment]
        elif isinstance(module, DoublingConv):
            module.__class__ = nn.ConvTranspose2d  # type: ignore[assignment]
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM  # the generator sees each batch three times
    return plain


def _plain_way(config: Config, batch: Batch) -> Callable[[], object]:
    networks = as_plain(build_networks(config)).to(batch.faces.device).train()
    optimizers = plain_optimizers(networks, 0.002)
    plain = Batch(*(part.contiguous() for part in (batch.landmarks, batch.faces, batch.others)))
    return lambda: plain_step(networks, optimizers, plain)


def _our_way(config: Config, batch: Batch) -> Callable[[], object]:
    networks = build_networks(config).to(batch.faces.device).train()
    optimizer = make_optimizer(networks, config)
    return lambda: our_step(networks, optimizer, batch, config)


if __name__ == "__main__":
    sys.exit(main())
