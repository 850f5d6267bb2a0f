"""What a run is to be, found out in a moment: no torch is loaded and no shard decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landmarks.image import read_image
from landmarks.keypoints.config import Config
from landmarks.keypoints.model_file import MODEL_FILE
from landmarks.runs.options import Options as RunOptions
from landmarks.runs.run_folder import RunFolder, opened, refuse_other
from landmarks.runs.state import Progress
from landmarks.shards import shard_files


@dataclass(frozen=True)
class Options(RunOptions):
    """How a run is carried out; none of it changes what is learnt.

    Attributes
    ----------
    feature_maps : str or None
        A picture whose feature maps are drawn too; None takes a validation face.
    """

    feature_maps: str | None = None


@dataclass(frozen=True)
class Plan:
    """A run that may begin or go on.

    Attributes
    ----------
    sources : tuple of path-like
        Each a shard or a folder of them.
    config : Config
    options : Options
    folder : RunFolder
    progress : Progress or None
        Where the folder's run is.
    shown : (H, W, 3) uint8 array or None
        The picture whose feature maps are drawn too.
    """

    sources: tuple[str | os.PathLike[str], ...]
    config: Config
    options: Options
    folder: RunFolder
    progress: Progress | None
    shown: NDArray[np.uint8] | None


@contextmanager
def prepared(
    sources: Sequence[str | os.PathLike[str]],
    modeldir: str | os.PathLike[str],
    config: Config,
    options: Options,
) -> Iterator[Plan]:
    """Check all that can be checked at once, and keep the run's folder for this process.

    Parameters
    ----------
    sources, modeldir, config, options
        As `landmarks.keypoints.training.train`.

    Yields
    ------
    plan : Plan
        Its folder is closed at the end of the block.

    Raises
    ------
    InputError
        A shard is missing; the picture for feature maps cannot be read; the folder cannot be used,
        or holds a run of other settings.
    OSError
        The folder cannot be written.
    """
    for source in sources:
        shard_files(source)
    shown = None if options.feature_maps is None else read_image(options.feature_maps)
    with opened(modeldir, MODEL_FILE, resume=options.resume) as (folder, progress):
        refuse_other(folder, progress, config)
        yield Plan(tuple(sources), config, options, folder, progress, shown)
