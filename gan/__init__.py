"""From a landmark image to a face: train the translator, draw faces with it, and measure them.

Names are imported on first use: `import gan` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.config import Config as Config
    from gan.model_file import load_generator as load_generator
    from gan.model_file import save_generator as save_generator
    from gan.pairs import PairIndex as PairIndex
    from gan.pairs import is_held_out as is_held_out
    from gan.pairs import read_index as read_index
    from gan.pairs import split_persons as split_persons
    from gan.training import train as train

_HOME = {
    "Config": "config",
    "load_generator": "model_file",
    "save_generator": "model_file",
    "PairIndex": "pairs",
    "is_held_out": "pairs",
    "read_index": "pairs",
    "split_persons": "pairs",
    "train": "training",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gan' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gan.{_HOME[name]}"), name)
    globals()[name] = value
    return value
