"""One photograph in, the same person with another expression out."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.expression import ExpressionModel
from gan.editor.choice import Faces, check_faces
from gan.editor.edited import Edited, warn
from gan.editor.finder import Finder
from gan.editor.repair import Repairer
from gan.editor.row import Row, drawn, make
from gan.editor.subject import Subject
from gan.editor.threads import spread
from gan.editor.tuning import between, one_thread, tune
from gan.editor.wish import Target, Wish, as_face, as_found, check_emotion, check_intensity
from landmarks.errors import InputError
from landmarks.image import as_rgb

Array = NDArray[Any]
Image = NDArray[np.uint8]

DIAL = (0.0, 0.5, 1.0, 1.5)
"""Intensities of a dial."""

_DIALLED, _KNOTS = 9, 6
# More intensities than these are a film: it is tuned at a few of them, and requests between them
# follow a smooth curve.


class Editor:
    """Edits expressions.

    Use `load`.

    Parameters
    ----------
    repairer : Repairer
    predictor : str or None
        As `landmarks.detect`: places the landmarks.
    model : ExpressionModel, optional
        Left out, the one that ships.
    """

    def __init__(
        self,
        repairer: Repairer,
        predictor: str | None = None,
        model: ExpressionModel | None = None,
    ) -> None:
        self.repairer = repairer
        with one_thread():
            self.model = model or ExpressionModel.load()
        self._of_found = as_found(self.model)
        self.finder = Finder(predictor, self._of_found)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        device: str | None = None,
        predictor: str | None = None,
        warp_only: bool = False,
    ) -> Editor:
        """The editor that ships, or one with other weights.

        Parameters
        ----------
        path : path-like, optional
            Weights, as `Repairer.load`.
        device : str, optional
            Of the network, as torch names it; left out, the processor without torch.
        predictor : str or None, optional
            As `landmarks.detect`.
        warp_only : bool, optional
            Move what the photograph shows and paint nothing.

        Raises
        ------
        InputError
            There are no such weights, or the device cannot be used.
        """
        return cls(Repairer(None) if warp_only else Repairer.load(path, device), predictor)

    def edit(self, image: ArrayLike, **wish: Any) -> Image:
        """The photograph with another expression.

        Parameters
        ----------
        image : (H, W, 3) uint8 array
            RGB.
        **wish
            As `edit_faces`.

        Returns
        -------
        edited : (H, W, 3) uint8 array

        Raises
        ------
        ValueError
            As `edit_faces`.

        Warns
        -----
        UserWarning
            For each of `Edited.notes`.
        """
        edited = self.edit_faces(image, **wish)
        warn(edited.notes)
        return edited.image

    def edit_faces(self, image: ArrayLike, **wish: Any) -> Edited:
        """The photograph with another expression, and what was done.

        Parameters
        ----------
        image : (H, W, 3) uint8 array
            RGB.
        emotion : str, optional
            One of `ExpressionModel.emotions`, or 'neutral'; left out, the face's own expression is
            turned up or down.
        intensity : float, optional
            0 neutral, 1 full (the default), at most 2. With `gold` the default is as strong as
            there.
        gold : (68, 2) array_like or (H, W, 3) uint8 array, optional
            Another face, or a photograph of it, whose expression is taken over.
        landmarks : (68, 2) array_like, optional
            Wanted landmarks in pixels of `image`.
        source : (68, 2) array_like, optional
            The face's landmarks, where they are known: nothing is detected.
        neutral : (68, 2) array_like or (H, W, 3) uint8 array, optional
            The same person without expression.
        faces : 'largest', 'all', int, (float, float), optional
            Which faces: a number counts from the left (1 first), a pair is a place in the face.
        exact : bool, optional
            Look at the result again and correct the request until it shows the intensity. Without,
            and with `neutral`, the face goes the way that is likely for this person.
        check : bool, optional
            Tell `found` and `read` of each face.

        Returns
        -------
        edited : Edited

        Raises
        ------
        ValueError
            No face, one that cannot be edited (`choice.obstacle`), an unknown emotion, an intensity
            outside of 0…2, points that are no face, or two wishes at once.

        Notes
        -----
        Pixels away from the edited faces are those of `image`, to the bit.
        """
        [edited] = self.edit_batch([image], **wish)
        if isinstance(edited, ValueError):
            raise edited
        return edited

    def edit_batch(
        self,
        images: Iterable[ArrayLike],
        *,
        emotion: str | None = None,
        intensity: float | None = None,
        gold: ArrayLike | None = None,
        landmarks: ArrayLike | None = None,
        source: ArrayLike | None = None,
        neutral: ArrayLike | None = None,
        faces: Faces = None,
        exact: bool = True,
        check: bool = False,
    ) -> list[Edited | ValueError]:
        """Several photographs at once; the network sees the faces of all together.

        Parameters
        ----------
        images : iterable of (H, W, 3) uint8 arrays
            Of any sizes.
        emotion, intensity, gold, landmarks, source, neutral, faces, exact, check
            As `edit_faces`, the same for all.

        Returns
        -------
        edited : list of Edited or ValueError
            In the order of `images`; the error of one that cannot be edited.

        Raises
        ------
        ValueError
            The wish itself is wrong.
        """
        other, told = self.finder.largest(gold, "gold")
        wish = Wish(emotion, intensity, other, landmarks)
        check_emotion(emotion, self.model)
        check_faces(faces)
        own, more = self.finder.largest(neutral, "neutral")
        given = None if source is None else as_face(source, "source")
        results: list[Edited | ValueError] = []
        begun: list[tuple[int, Image, list[Row], list[str]]] = []
        for place, image in enumerate(images):
            try:
                picture = as_rgb(image)
                subjects, notes = self.finder.subjects(picture, given, faces)
                rows = [self._row(subject, wish, own, None, exact) for subject in subjects]
            except ValueError as error:
                results.append(error)
            else:
                notes += told + more + [row.target.note for row in rows if row.target.note]
                begun.append((place, picture, rows, notes))
                results.append(ValueError())
        self._make([row for _, _, rows, _ in begun for row in rows], exact)
        shown = spread(drawn, [one[1] for one in begun], [one[2] for one in begun])
        for edited, (place, _, rows, notes) in zip(shown, begun, strict=True):
            done = [row.told(self.finder.place if check else None) for row in rows]
            results[place] = Edited(edited, tuple(done), tuple(dict.fromkeys(notes)))
        return results

    def dial(
        self,
        image: ArrayLike,
        emotions: Sequence[str | None] | None = None,
        intensities: Sequence[float] = DIAL,
        *,
        source: ArrayLike | None = None,
        neutral: ArrayLike | None = None,
        faces: Faces = None,
        exact: bool = True,
    ) -> Image:
        """The photograph at several intensities of several emotions.

        Parameters
        ----------
        image : (H, W, 3) uint8 array
            RGB; all cells are of its size.
        emotions : sequence of str, optional
            Left out, all that the model knows; None among them is the face's own.
        intensities : sequence of float, optional
            0…2, in any order.
        source, neutral, faces, exact
            As `edit_faces`; faces that cannot be edited are left as they are.

        Returns
        -------
        cells : (E, S, H, W, 3) uint8 array

        Raises
        ------
        ValueError
            As `edit_faces`; warnings are those of `edit`.
        """
        named = self.model.emotions if emotions is None else tuple(emotions)
        wishes = [Wish(emotion) for emotion in named]
        picture, subjects, own, notes = self._looked_at(image, source, neutral, faces)
        shown, more = self.shown(picture, subjects, wishes, intensities, own, exact)
        warn([*notes, *more])
        return np.array([list(cells) for cells in shown])

    def frames(
        self,
        image: ArrayLike,
        intensities: Sequence[float],
        *,
        emotion: str | None = None,
        gold: ArrayLike | None = None,
        landmarks: ArrayLike | None = None,
        source: ArrayLike | None = None,
        neutral: ArrayLike | None = None,
        faces: Faces = None,
        exact: bool = True,
    ) -> Iterator[Image]:
        """The photograph at many intensities, one after another.

        Parameters
        ----------
        image, emotion, gold, landmarks, source, neutral, faces, exact
            As `edit_faces`.
        intensities : sequence of float
            0…2, in any order; of `landmarks`, 0 is the photograph and 1 is there.

        Returns
        -------
        frames : iterator of (H, W, 3) uint8 arrays

        Raises
        ------
        ValueError
            As `edit_faces`; or the gold face shows too little to be scaled. Warnings are those of
            `edit`.
        """
        other, told = self.finder.largest(gold, "gold")
        wish = Wish(emotion, None, other, landmarks)
        picture, subjects, own, notes = self._looked_at(image, source, neutral, faces)
        [shown], more = self.shown(picture, subjects, [wish], intensities, own, exact)
        warn([*told, *notes, *more])
        return shown

    def _looked_at(
        self, image: ArrayLike, source: ArrayLike | None, neutral: ArrayLike | None, faces: Faces
    ) -> tuple[Image, list[Subject], Array | None, list[str]]:
        picture = as_rgb(image)
        subjects, notes = self.finder.subjects(picture, source, faces)
        own, more = self.finder.largest(neutral, "neutral")
        return picture, subjects, own, notes + more

    def shown(
        self,
        picture: Image,
        subjects: Sequence[Subject],
        wishes: Sequence[Wish],
        intensities: Sequence[float],
        neutral: Array | None = None,
        exact: bool = True,
    ) -> tuple[list[Iterator[Image]], list[str]]:
        """Faces that are found already, at each intensity of each wish.

        Parameters
        ----------
        picture : (H, W, 3) uint8 array
        subjects : sequence of Subject
            Of `picture`.
        wishes : sequence of Wish
        intensities, neutral, exact
            As `frames`; of `neutral`, the landmarks.

        Returns
        -------
        shown : list of iterators of (H, W, 3) uint8 arrays
            One for each wish.
        notes : list of str
            As `Edited.notes`.

        Raises
        ------
        ValueError
            As `frames`.
        """
        if not len(intensities):
            raise InputError("no intensity is given: expected one or more")
        for intensity in intensities:
            check_intensity(intensity)
        values = np.unique(np.asarray(intensities, dtype=np.float64))
        knots = values if len(values) <= _DIALLED else np.linspace(values[0], values[-1], _KNOTS)
        rows = [
            [self._row(subject, wish, neutral, knots, exact) for subject in subjects]
            for wish in wishes
        ]
        for row in itertools.chain.from_iterable(rows):
            if row.target.faint:
                raise InputError(
                    f"gold shows an expression of intensity {row.target.intensity:.2f}: too little "
                    "to be shown at several"
                )
        self._make(list(itertools.chain.from_iterable(rows)), exact, len(values) > _DIALLED)
        notes = [row.target.note for part in rows for row in part if row.target.note]
        return [self._drawn(picture, part, values, intensities) for part in rows], notes

    def _drawn(
        self, picture: Image, rows: Sequence[Row], values: Array, intensities: Sequence[float]
    ) -> Iterator[Image]:
        if len(rows[0].asked) != len(values):
            for row in rows:
                between(row, values)
            self._make(rows, False)
        for intensity in intensities:
            yield drawn(picture, rows, int(np.searchsorted(values, intensity)))

    def target(
        self, subject: Subject, wish: Wish, neutral: Array | None, exact: bool = True
    ) -> Target:
        """What a wish asks of a face, where `neutral` (68, 2) is the person without expression."""
        model = self._of_found if subject.detected else self.model
        return Target(wish, model, subject.source, neutral, subject.rendered, exact)

    def _row(
        self,
        subject: Subject,
        wish: Wish,
        neutral: Array | None,
        asked: Array | None = None,
        exact: bool = True,
    ) -> Row:
        target = self.target(subject, wish, neutral, exact)
        return Row(subject, target, [target.intensity] if asked is None else asked)

    def _make(self, rows: Sequence[Row], exact: bool, film: bool = False) -> None:
        with one_thread():
            if exact:
                tune(rows, self.repairer, self.finder.reader(self.model), film)
            else:
                make(rows, self.repairer)
