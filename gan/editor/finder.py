"""Faces in photographs that are to be edited."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.expression import ExpressionModel
from gan.editor.choice import Faces, NoFaceError, check_faces, choose, cut_off, obstacle
from gan.editor.fine import FinePlacer
from gan.editor.rendered import is_rendered
from gan.editor.row import Reader
from gan.editor.subject import Subject
from gan.editor.wish import as_face
from landmarks.faces import Face
from landmarks.image import as_rgb
from landmarks.keypoints.predictor import SMALL
from landmarks.placing import Placer, is_network, make_placer
from landmarks.search import Search
from landmarks.views import Views

_TOLD = 3  # faces of a photograph whose trouble is told


class Finder:
    """Finds faces, and their landmarks again; models are loaded at the first photograph.

    Parameters
    ----------
    predictor : str or None
        As `landmarks.detect`.
    model : ExpressionModel
        Tells how heads are turned.
    """

    def __init__(self, predictor: str | None, model: ExpressionModel) -> None:
        self._predictor = predictor
        self._model = model

    @cached_property
    def place(self) -> Placer:
        """Places landmarks in faces whose box is known."""
        return self.plain if is_network(self._predictor) else FinePlacer(self.plain)

    @cached_property
    def plain(self) -> Placer:
        """As `landmarks.detect` does it."""
        return make_placer(self._predictor)

    @cached_property
    def _network(self) -> Placer:
        return make_placer(SMALL)

    @cached_property
    def search(self) -> Search:
        """Finds the boxes of faces."""
        return Search()

    def reader(self, model: ExpressionModel) -> Reader:
        """What looks at edited faces; `model` reads what anybody finds in the result."""
        return Reader(self.place, self.plain, model, self.search)

    def detect(self, image: ArrayLike) -> list[Face]:
        """Faces of a photograph (H, W, 3), the surest first."""
        views = Views(as_rgb(image))
        boxes = self.search(views)
        if not boxes:
            return []
        fits = self.place(views, boxes)
        if any(fit.radius is None for fit in fits):
            # dlib's predictor does not tell how sure it is: our network does, for a millisecond.
            sure = self._network(views, boxes)
            fits = [own._replace(points=fit.points) for fit, own in zip(fits, sure, strict=True)]
        return [Face(b, *fit) for b, fit in zip(boxes, fits, strict=True)]

    def points(self, given: ArrayLike | None, name: str) -> NDArray[np.float64] | None:
        """Landmarks (68, 2) as they are given, or of the largest face of a photograph.

        Parameters
        ----------
        given : (68, 2) array_like, (H, W, 3) uint8 array or None
        name : str
            What errors call it.

        Raises
        ------
        ValueError
            The photograph shows no face, or the points are not 68.
        """
        return self.largest(given, name)[0]

    def largest(
        self, given: ArrayLike | None, name: str
    ) -> tuple[NDArray[np.float64] | None, list[str]]:
        """As `points`, with a note where the photograph shows several faces."""
        if given is None:
            return None, []
        array = np.asarray(given)
        if array.ndim != 3:
            return as_face(array, name), []
        found = self.detect(array)
        try:
            [face], _ = choose(found, "largest", array.shape[1::-1])
        except NoFaceError as error:
            raise NoFaceError(f"{name}: {error}") from None
        if len(found) == 1:
            return face.points, []
        return face.points, [f"{name}: {len(found)} faces were found, the largest is taken"]

    def subjects(
        self, picture: NDArray[np.uint8], source: ArrayLike | None, faces: Faces
    ) -> tuple[list[Subject], list[str]]:
        """The faces that are meant and can be edited.

        Parameters
        ----------
        picture : (H, W, 3) uint8 array
        source : (68, 2) array_like or None
            Landmarks of the only face that counts; nothing is then detected.
        faces
            As `choice.choose`.

        Returns
        -------
        subjects : list of Subject
            One at least.
        notes : list of str
            What is left out, and what was decided without being asked.

        Raises
        ------
        ValueError
            There is none.
        """
        if source is not None:
            points = as_face(source, "source")
            if reason := self._obstacle(picture, points):
                raise NoFaceError(reason)
            return [Subject(picture, points)], []
        check_faces(faces)
        chosen, note = choose(self.detect(picture), faces, picture.shape[1::-1])
        subjects, left = [], []
        for number, face in enumerate(chosen, 1):
            if not (reason := self._obstacle(picture, face.points, face.radius)):
                subjects.append(self._subject(picture, face))
            elif len(chosen) == 1:
                raise NoFaceError(reason)
            else:
                left.append(f"number {number} from the left: {reason}")
        if not subjects:
            raise NoFaceError(f"none of the {len(chosen)} faces can be edited; {left[0]}")
        notes = [note] if note else []
        if left:
            many = (
                "1 face stays as it is" if len(left) == 1 else f"{len(left)} faces stay as they are"
            )
            rest = f"; and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
            notes.append(f"{many}; {'; '.join(left[:_TOLD])}{rest}")
        return subjects, notes

    def _subject(self, picture: NDArray[np.uint8], face: Face) -> Subject:
        subject = Subject(picture, face.points, face.box)
        if not is_network(self._predictor):
            [other] = self._network(Views(picture), [face.box])
            subject.rendered = is_rendered(subject, other)
        return subject

    def _obstacle(
        self,
        picture: NDArray[np.uint8],
        points: NDArray[np.float64],
        radius: NDArray[np.float64] | None = None,
    ) -> str:
        if np.ptp(points, axis=0).min() == 0:
            raise NoFaceError("the landmarks lie in one place or on one line: expected a face")
        if reason := cut_off(points, picture.shape[1::-1]):
            return reason
        shown = self._model.estimate(points)
        return obstacle(points, (float(shown.yaw), float(shown.pitch)), radius)
