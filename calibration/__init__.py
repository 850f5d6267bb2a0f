"""How strong an expression is, and how it looks on the same person at another strength."""

from calibration.estimate import ExpressionEstimate, FaceTooFarError, FarFaceWarning
from calibration.expression import ExpressionModel
from calibration.polynomial import apply_calibration, calibrate
from calibration.procrustes import Similarity, align_similarity, generalized_procrustes
from calibration.shape_model import ShapeModel

__all__ = [
    "ExpressionEstimate",
    "ExpressionModel",
    "FaceTooFarError",
    "FarFaceWarning",
    "ShapeModel",
    "Similarity",
    "align_similarity",
    "apply_calibration",
    "calibrate",
    "generalized_procrustes",
]
