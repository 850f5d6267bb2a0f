"""What an edit gives back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landmarks.metrics import normalized_mean_error

_SHORT = 0.35
# Less than was asked for by so much is told.


@dataclass(frozen=True, eq=False)
class EditedFace:
    """One face that was edited.

    Attributes
    ----------
    source, wanted : (68, 2) float array
        Landmarks in pixels of the photograph: as they were, and as they were asked for in the end.
    emotion : str or None
        What was asked for; None where landmarks were.
    intensity : float
        What was asked for.
    found : (68, 2) float array or None
        Landmarks found again in the result, where that was checked.
    read : float or None
        Intensity that they show.
    tuned : bool
        What is read decides how far the face goes.
    """

    source: NDArray[np.float64] = field(repr=False)
    wanted: NDArray[np.float64] = field(repr=False)
    emotion: str | None
    intensity: float
    found: NDArray[np.float64] | None = field(default=None, repr=False)
    read: float | None = None
    tuned: bool = True


@dataclass(frozen=True, eq=False)
class Edited:
    """An edited photograph.

    Attributes
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    faces : tuple of EditedFace
    notes : tuple of str
        Faces that were left out, and what was decided without being asked.
    """

    image: NDArray[np.uint8] = field(repr=False)
    faces: tuple[EditedFace, ...]
    notes: tuple[str, ...] = ()


def asked(edited: Edited) -> tuple[str, str]:
    """Emotion and intensity of an edit in words."""
    first = edited.faces[0]
    shown = ", ".join(f"{face.read:.2f}" for face in edited.faces if face.read is not None)
    if first.emotion is None:
        return "as the landmarks given", "as the landmarks given"
    emotions = dict.fromkeys(str(face.emotion) for face in edited.faces)
    return ", ".join(emotions), f"{first.intensity:.3g} asked, {shown} read back"


def told(edited: Edited) -> str:
    """What an edit shows, in words."""
    many = "1 face" if len(edited.faces) == 1 else f"{len(edited.faces)} faces"
    first = edited.faces[0]
    if first.emotion is None:
        assert first.found is not None
        error = normalized_mean_error(first.found, first.wanted)
        return f"{many}, landmarks found {100 * error:.1f} % of the inter-ocular distance away"
    return f"{many}, {', intensity '.join(asked(edited))}"


def short_of(edited: Edited, exact: bool = True) -> tuple[str, ...]:
    """A sentence for each face that shows much less than was asked for, looked for or not."""
    why = "more was not found without losing the likeness"
    if not exact:
        why = "nothing was corrected, since --once was asked for"
    return tuple(
        f"asked for {face.emotion} at {face.intensity:.3g}, the result shows {face.read:.2f}: {why}"
        for face in edited.faces
        if face.read is not None and face.tuned and face.intensity - face.read > _SHORT
    )


def warn(notes: Iterable[str]) -> None:
    """Tell notes to whoever called what calls this."""
    for note in notes:
        warnings.warn(note, stacklevel=3)
