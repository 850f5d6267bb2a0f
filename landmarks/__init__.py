"""Find faces and their 68 landmarks, read and write them, and measure how good they are.

Names are imported on first use: `import landmarks` loads neither dlib nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landmarks.batch import extract_batch as extract_batch
    from landmarks.draw import landmark_image as landmark_image
    from landmarks.draw import overlay as overlay
    from landmarks.errors import ImageError as ImageError
    from landmarks.errors import InputError as InputError
    from landmarks.errors import PointsError as PointsError
    from landmarks.faces import Face as Face
    from landmarks.faces import Settings as Settings
    from landmarks.faces import detect as detect
    from landmarks.files import read_points as read_points
    from landmarks.files import write_points as write_points
    from landmarks.head_pose import HeadPose as HeadPose
    from landmarks.head_pose import estimate_head_pose as estimate_head_pose
    from landmarks.image import read_image as read_image
    from landmarks.inputs import expand as expand
    from landmarks.ledger import Report as Report
    from landmarks.metrics import area_under_curve as area_under_curve
    from landmarks.metrics import cumulative_error_distribution as cumulative_error_distribution
    from landmarks.metrics import failure_rate as failure_rate
    from landmarks.metrics import inter_ocular_distance as inter_ocular_distance
    from landmarks.metrics import inter_pupil_distance as inter_pupil_distance
    from landmarks.metrics import normalized_mean_error as normalized_mean_error
    from landmarks.outputs import make_output as make_output
    from landmarks.samples import LABELS as LABELS
    from landmarks.samples import Sample as Sample
    from landmarks.samples import split_of as split_of
    from landmarks.shards import read_shards as read_shards
    from landmarks.tables import Row as Row
    from landmarks.tables import read_table as read_table
    from landmarks.tables import write_table as write_table

_HOME = {
    "extract_batch": "batch",
    "landmark_image": "draw",
    "overlay": "draw",
    "ImageError": "errors",
    "InputError": "errors",
    "PointsError": "errors",
    "Face": "faces",
    "Settings": "faces",
    "detect": "faces",
    "read_points": "files",
    "write_points": "files",
    "HeadPose": "head_pose",
    "estimate_head_pose": "head_pose",
    "read_image": "image",
    "expand": "inputs",
    "make_output": "outputs",
    "Report": "ledger",
    "area_under_curve": "metrics",
    "cumulative_error_distribution": "metrics",
    "failure_rate": "metrics",
    "inter_ocular_distance": "metrics",
    "inter_pupil_distance": "metrics",
    "normalized_mean_error": "metrics",
    "LABELS": "samples",
    "Sample": "samples",
    "split_of": "samples",
    "read_shards": "shards",
    "Row": "tables",
    "read_table": "tables",
    "write_table": "tables",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'landmarks' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"landmarks.{_HOME[name]}"), name)
    globals()[name] = value
    return value
