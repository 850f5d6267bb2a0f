"""Which emotion a face shows: train, judge and use classifiers.

Names are imported on first use: `import classifier` loads neither dlib nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifier.dataset import Faces as Faces
    from classifier.dataset import load_faces as load_faces
    from classifier.dataset import make_faces as make_faces
    from classifier.emotions import EMOTIONS as EMOTIONS
    from classifier.emotions import emotion_of as emotion_of
    from classifier.emotions import emotions_of as emotions_of
    from classifier.model import Classifier as Classifier
    from classifier.model import load_classifier as load_classifier
    from classifier.sources import Entry as Entry
    from classifier.sources import read_entries as read_entries

_HOME = {
    "Classifier": "model",
    "EMOTIONS": "emotions",
    "Entry": "sources",
    "Faces": "dataset",
    "emotion_of": "emotions",
    "emotions_of": "emotions",
    "load_classifier": "model",
    "load_faces": "dataset",
    "make_faces": "dataset",
    "read_entries": "sources",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'classifier' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"classifier.{_HOME[name]}"), name)
    globals()[name] = value
    return value
