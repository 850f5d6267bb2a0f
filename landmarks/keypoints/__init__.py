"""Our own networks that place the 68 landmarks in a face: crops, training, model files.

Names are imported on first use: `import landmarks.keypoints` does not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landmarks.keypoints.config import Config as Config
    from landmarks.keypoints.crops import Crop as Crop
    from landmarks.keypoints.crops import crop_around as crop_around
    from landmarks.keypoints.model_file import load_model as load_model
    from landmarks.keypoints.model_file import save_model as save_model
    from landmarks.keypoints.networks import build_network as build_network
    from landmarks.keypoints.predictor import Fits as Fits
    from landmarks.keypoints.predictor import Predictor as Predictor
    from landmarks.keypoints.predictor import load_predictor as load_predictor

_HOME = {
    "Config": "config",
    "Crop": "crops",
    "crop_around": "crops",
    "load_model": "model_file",
    "save_model": "model_file",
    "build_network": "networks",
    "Fits": "predictor",
    "Predictor": "predictor",
    "load_predictor": "predictor",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'landmarks.keypoints' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"landmarks.keypoints.{_HOME[name]}"), name)
    globals()[name] = value
    return value
