"""Render a set of synthetic people into shards: many processes, the same bytes as with one."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import PIL
import scipy
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.people.head_model import ATTRIBUTION, HeadModel, read_head_model
from data.people.settings import Settings, check_storing
from data.progress import progress as telling
from data.progress import say
from landmarks.errors import InputError
from landmarks.pool import Died, OrderedPool
from landmarks.samples import Sample, encode_sample
from landmarks.shard_set import PER_SHARD, ShardSet, writing_set

GENERATOR = 2
"""Raise it whenever a change alters pictures or records: no set is made of two generators."""

_LOOK = ("melanin", "age", "hair_style", "beard", "headwear")
"""What is told of a person's look in each picture; the rest follows from the seed."""

_TOGETHER = 10  # pictures of one task: a person's later ones are faster than the first


@dataclass(frozen=True)
class Order:
    """What is rendered, and how it is stored.

    Attributes
    ----------
    model : str
        Folder of the head model.
    settings : Settings
        Who is shown, and how.
    samples : int
        Light paths of each pixel; Mitsuba fills a nearly square grid with them (5 × 7 for 32).
    preview : bool
        Rasterise instead of tracing light: fast, without shadows.
    quality : int or None
        Of the JPEGs; None stores PNGs.

    Raises
    ------
    InputError
        A number is not whole or outside its range.
    """

    model: str
    settings: Settings
    samples: int = 8
    preview: bool = False
    quality: int | None = 90

    def __post_init__(self) -> None:
        check_storing(self.samples, self.quality)


def painter(order: Order) -> Callable[[int], Sample]:
    """What renders picture after picture of one order in this process.

    Parameters
    ----------
    order : Order

    Returns
    -------
    paint : callable
        Index of a picture → `Sample`.
    """
    from data.people.plan import plan
    from data.people.render import render

    model = read_head_model(order.model)

    def paint(index: int) -> Sample:
        picture = render(
            model,
            plan(order.settings, index),
            order.settings,
            samples=order.samples,
            path_traced=not order.preview,
        )
        return Sample(
            f"{index:06d}",
            picture.image,
            picture.points,
            picture.visible,
            picture.labels,
            picture.record | {"look": {name: picture.record["look"][name] for name in _LOOK}},
        )

    return paint


_paint: Callable[[int], Sample] | None = None
_quality: int | None = None


_BYTES = {"jpeg": (5000, 18, 0.096), "png": (5000, 83, 0.64)}
"""What a picture takes in a shard with its record and mask, as a polynomial of its width; fitted to
path-traced ones of 64 to 512 pixels at quality 90."""


def stored_bytes(order: Order, pictures: int) -> float:
    """About how much disk some pictures of an order take."""
    fixed, side, area = _BYTES["png" if order.quality is None else "jpeg"]
    size = order.settings.size
    return pictures * (fixed + side * size + area * size**2)


def _announce(order: Order, shards: ShardSet) -> None:
    pictures = order.settings.pictures - shards.done
    needed, free = stored_bytes(order, pictures), shutil.disk_usage(shards.told.parent).free
    told = f"{pictures:,} pictures to render, about {max(needed / 1e6, 1):,.0f} MB on disk"
    short = "more than the" if needed > free else "of"
    say(f"{told}, {short} {free / 1e6:,.0f} MB that are free; the time is told on the way")


@contextmanager
def one_thread() -> Iterator[None]:
    """Work on one thread in this process, and give its threads back at the end."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(before)


def _prepare(order: Order) -> None:
    global _paint, _quality
    # The processes fill the cores; and sums in another order would end in other digits.
    cv2.setNumThreads(1)
    threadpool_limits(1)
    _paint, _quality = painter(order), order.quality


def _work(indices: range) -> list[tuple[str, dict[str, bytes]]]:
    assert _paint is not None
    done = []
    for index in indices:
        try:
            sample = _paint(index)
            done.append((sample.key, encode_sample(sample, quality=_quality)))
        except InputError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"picture {index} cannot be rendered: {reason}") from error
    return done


def _tasks(done: int, settings: Settings) -> Iterator[range]:
    """Runs of pictures, none of two persons."""
    first = done
    while first < settings.pictures:
        person_ends = (first // settings.per_person + 1) * settings.per_person
        last = min(first + _TOGETHER, person_ends, settings.pictures)
        yield range(first, last)
        first = last


def describe(order: Order, model: HeadModel) -> dict[str, Any]:
    """Everything that shapes the bytes of a set, for its set.json.

    Parameters
    ----------
    order : Order
    model : HeadModel
        As read from the order's folder.

    Returns
    -------
    settings : dict
        Flat; equal for equal sets.
    """
    settings = order.settings
    path_traced = not order.preview
    made_with = {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
    }
    if path_traced:
        made_with["mitsuba"] = importlib.metadata.version("mitsuba")
    return {
        "set": "synthetic people",
        "generator": GENERATOR,
        "attribution": ATTRIBUTION,
        "model": fingerprint(model),
        "seed": settings.seed,
        "people": settings.people,
        "per_person": settings.per_person,
        "size": settings.size,
        "frontal": settings.frontal,
        "sequences": settings.sequences,
        "frames": settings.frames,
        "renderer": "path tracer" if path_traced else "preview",
        "samples": order.samples if path_traced else None,
        "pictures": "png" if order.quality is None else f"jpeg, quality {order.quality}",
        "made_with": ", ".join(f"{name} {version}" for name, version in made_with.items()),
        # Records hold the weights that are not zero, by name.
        "expressions": list(settings.expression_names),
    }


def fingerprint(model: HeadModel) -> str:
    """The first 16 digits of the SHA-256 of the model's numbers."""
    digest = hashlib.sha256()
    for name, value in model._asdict().items():
        digest.update(name.encode())
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update("\n".join(value).encode())
    return digest.hexdigest()[:16]


def write_people(
    target: str,
    order: Order,
    model: HeadModel,
    *,
    per_shard: int = PER_SHARD,
    jobs: int = 1,
    resume: bool = False,
    progress: bool = False,
) -> ShardSet:
    """Render a set of people into shards.

    Parameters
    ----------
    target : str
        A folder, or a `.tar` file for a small set.
    order : Order
    model : HeadModel
        As read from the order's folder.
    per_shard : int, optional
        Pictures of a shard.
    jobs : int, optional
        Processes; the bytes do not depend on it.
    resume : bool, optional
        Go on behind the finished shards of an earlier run.
    progress : bool, optional
        Show a bar on stderr, where that is a terminal, else a line a minute.

    Returns
    -------
    shards : ShardSet
        Finished.

    Raises
    ------
    InputError
        As `landmarks.shard_set.writing_set`; or a process ended without an answer.
    KeyboardInterrupt
        Its text says what is kept.
    RuntimeError
        The processes cannot start, or a picture cannot be rendered.
    """
    settings = order.settings
    with writing_set(target, describe(order, model), per_shard=per_shard, resume=resume) as shards:
        pool = OrderedPool(_work, functools.partial(_prepare, order), jobs, ahead=3)
        if progress and not shards.finished:
            _announce(order, shards)
        begun = min(shards.done, settings.pictures)
        # With one job the work is done in this process.
        with (
            telling(settings.pictures, done=begun, shown=progress) as update,
            one_thread() if jobs == 1 else nullcontext(),
        ):
            for indices, result in pool.run(_tasks(shards.done, settings)):
                if isinstance(result, Died):
                    raise InputError(
                        f"the process that rendered pictures {indices[0]} to {indices[-1]} ended"
                        f" (out of memory, or a crash); {shards.kept}"
                    )
                for key, members in result:
                    shards.add(key, members)
                update(len(indices))
    return shards
