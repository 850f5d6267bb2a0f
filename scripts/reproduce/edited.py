"""Pictures of weak and calibrated faces made of the person's own photographs, by the editor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan.editor import Editor
from gan.frame import Frame
from scripts.reproduce.arms import Teacher
from scripts.reproduce.photographs import Photographs
from scripts.reproduce.pictures import Images, cut_pictures
from scripts.reproduce.protocols import Trials, neutral_of

Array = NDArray[np.float64]

SIDE = 128
"""Of the pictures; the editor's own."""

MADE = 0.6, 1.0
"""Intensities at which our model makes expressions to learn from; 0.6 and more count as full."""


class Lesson(NamedTuple):
    """Which neutral photographs get which expressions.

    Attributes
    ----------
    photograph : (n,) int array
    emotion : list of n str
    intensity : (n,) float array
        Within `MADE`.
    trial : (n,) int array
        One of that emotion, of another person where there is one.
    """

    photograph: NDArray[np.intp]
    emotion: list[str]
    intensity: Array
    trial: NDArray[np.intp]


class Editing:
    """Edits the weak face of a person to what a method makes of its landmarks.

    Parameters
    ----------
    found : Photographs
        Those that `trials` are of.
    trials : Trials
    teacher : Teacher
    editor : Editor
    protocol : {'quarter', 'photographed'}
        Where weak photographs come from: a neutral photograph of the person that was edited to
        the landmarks of the weak face, or as they were taken.

    Attributes
    ----------
    trials : Trials
        As given, with landmarks in pixels of the pictures that are edited; their neutral face is
        that of the photograph, under `quarter`.
    refused : frozenset of str
        Digests of faces that the editor refused to edit, which stay as they were; those of `of`
        with them.
    """

    name = "editor"

    def __init__(
        self,
        found: Photographs,
        trials: Trials,
        teacher: Teacher,
        editor: Editor,
        protocol: str = "quarter",
    ) -> None:
        self.frame = Frame(size=SIDE)
        self._found, self._teacher, self._editor = found, teacher, editor
        self._flat = teacher.model.frame
        self._weak: dict[int, NDArray[np.uint8]] = {}
        self._refused, self._others = set[str](), list[Editing]()
        self._as_taken = protocol == "photographed"
        self._source = trials.row if self._as_taken else neutral_of(found, trials)
        placed = np.array([self.frame.place(face) for face in found.landmarks[self._source]])
        if self._as_taken:
            self.trials = trials._replace(low=placed)
            return
        low, full, zero = (
            self._flat.frontal(faces)[0] for faces in (trials.low, trials.full, trials.zero)
        )
        pose = self._flat.frontal(placed)[1]
        moves = (self._flat.in_image(faces - zero, pose) for faces in (low, full))
        self.trials = trials._replace(
            zero=placed, **dict(zip(("low", "full"), (placed + m for m in moves), strict=True))
        )

    def of(self, trials: Trials, protocol: str) -> Editing:
        """The same for other trials."""
        self._others.append(Editing(self._found, trials, self._teacher, self._editor, protocol))
        return self._others[-1]

    @property
    def refused(self) -> frozenset[str]:
        return frozenset(self._refused).union(*(other.refused for other in self._others))

    def paint(self, arm: str, rows: NDArray[np.intp]) -> tuple[Images, Array]:
        """Weak faces as an arm leaves them: pictures, and the landmarks that were asked for.

        Every arm begins with the same weak picture; `raw` is that picture itself.

        Parameters
        ----------
        arm : str
        rows : (m,) int array
            Trials.

        Returns
        -------
        images : (m, SIDE, SIDE, 3) uint8 array
        placed : (m, 68, 2) float array
        """
        weak, low = self._pictures(rows), self.trials.low[rows]
        if arm == "raw":
            return weak, low
        treated = self._teacher.treat(arm, self.trials, rows)
        # What the gold face's photograph was like in size and place says nothing of this one.
        before, pose = self._flat.frontal(low)
        wanted = low + self._flat.in_image(self._flat.frontal(treated)[0] - before, pose)
        return self._edited(weak, low, wanted), wanted

    def made(self, lesson: Lesson) -> tuple[Images, Array]:
        """Neutral photographs with emotions that they did not show, by the teacher's model.

        Returns
        -------
        images, placed
            As `paint`.
        """
        images, placed = cut_pictures(self._found.take(lesson.photograph), self.frame)
        wanted = self._teacher.intensified(
            placed, placed, np.asarray(lesson.emotion), lesson.intensity
        )
        return self._edited(images, placed, wanted), wanted

    def carried(self, lesson: Lesson) -> tuple[Images, Array]:
        """Neutral photographs with the full expressions of other people, as they truly were.

        Returns
        -------
        images, placed
            As `paint`.
        """
        images, placed = cut_pictures(self._found.take(lesson.photograph), self.frame)
        full, zero = (
            self._flat.frontal(faces[lesson.trial])[0]
            for faces in (self.trials.full, self.trials.zero)
        )
        wanted = placed + self._flat.in_image(full - zero, self._flat.frontal(placed)[1])
        return self._edited(images, placed, wanted), wanted

    def neutral(self, rows: NDArray[np.intp]) -> Images:
        """The photographs that weak faces of trials were made of."""
        return cut_pictures(self._found.take(self._source[rows]), self.frame)[0]

    def _pictures(self, rows: NDArray[np.intp]) -> Images:
        """Weak faces, made once."""
        new = np.array([row for row in rows if row not in self._weak], dtype=np.intp)
        if len(new):
            images, placed = cut_pictures(self._found.take(self._source[new]), self.frame)
            if not self._as_taken:
                images = self._edited(images, placed, self.trials.low[new])
            self._weak.update(zip(new.tolist(), images, strict=True))
        return np.stack([self._weak[row] for row in rows.tolist()])

    def _edited(self, images: Images, source: Array, wanted: Array) -> Images:
        made = images.copy()
        for row, image in enumerate(images):
            asked: dict[str, Any] = {"source": source[row], "landmarks": wanted[row]}
            try:
                made[row] = self._editor.edit_faces(image, **asked, exact=False).image
            except ValueError:
                # A run that goes on may ask again, and must not count one twice.
                asked_for = image.tobytes() + wanted[row].tobytes()
                self._refused.add(hashlib.sha256(asked_for).hexdigest()[:16])
        return made


def make_lesson(
    found: Photographs,
    still: NDArray[np.intp],
    trials: Trials,
    known: NDArray[np.intp],
    wanted: Sequence[str],
    seed: int,
) -> Lesson:
    """Neutral photographs and expressions to learn from.

    Parameters
    ----------
    found : Photographs
    still : (n,) int array
        Neutral ones; each person gets one turn before any gets a second one.
    trials : Trials
    known : (m,) int array
        Trials whose expressions may be taken.
    wanted : sequence of str
        Emotions, one for each face; those of which `known` shows none are left out.
    seed : int
    """
    turns: dict[str, int] = {}
    turn = []
    for name in found.person[still].tolist():
        turn.append(turns.get(name, 0))
        turns[name] = turn[-1] + 1
    ordered = still[np.argsort(turn, kind="stable")]
    shown = found.emotion[trials.row[known]]
    rng = np.random.default_rng(seed)
    emotions = [str(name) for name in rng.permutation(wanted) if name in shown]
    photograph = np.resize(ordered, len(emotions))
    taken = np.empty(len(emotions), dtype=np.intp)
    for place, (emotion, row) in enumerate(zip(emotions, photograph, strict=True)):
        alike = known[shown == emotion]
        others = alike[trials.person[alike] != found.person[row]]
        taken[place] = rng.choice(others if len(others) else alike)
    return Lesson(photograph, emotions, rng.uniform(*MADE, size=len(emotions)), taken)
