"""The same person with another expression: a photograph is warped, repaired and put back.

Names are imported on first use: `import gan.editor` loads neither dlib nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.editor.edited import Edited as Edited
    from gan.editor.edited import EditedFace as EditedFace
    from gan.editor.editor import Editor as Editor

_HOME = {"Edited": "edited", "EditedFace": "edited", "Editor": "editor"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gan.editor' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gan.editor.{_HOME[name]}"), name)
    globals()[name] = value
    return value
