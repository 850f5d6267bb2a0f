"""A batch of faces in the frontal frame, read and turned by the populations they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.estimate import FAR, FaceTooFarError
from calibration.gaussian import Array
from calibration.population import Population
from calibration.pose import Frame, Pose

#: With the own neutral known, a strength below this is none.
_NOTHING = 0.02
#: Without it, a face on which the wanted emotion reads no more than this is at its zero.
_AT_ZERO = 1e-3
#: A wanted emotion is believed to be the shown one unless it is less probable than this …
_CONTRADICTED = 0.01
#: … while the face shows another more strongly, and at least this strongly.
_CLEARLY_SHOWN = 0.3


class FrontalFaces:
    """B faces with pose undone.

    Parameters
    ----------
    frame : Frame
    populations : list of Population
    points : (B, 68, 2) float array
        Landmarks in pixels.
    neutral : (B, 68, 2) or (1, 68, 2) float array, or None
        Their own neutral faces, in any pose; a single one is that of all.
    roles : (str, str), optional
        What the caller calls points and neutral faces, for errors.

    Raises
    ------
    FaceTooFarError
        Size and turn of the points cannot be found.
    """

    def __init__(
        self,
        frame: Frame,
        populations: list[Population],
        points: Array,
        neutral: Array | None,
        roles: tuple[str, str] = ("landmarks", "neutral"),
    ) -> None:
        count = len(points)
        frontal, pose = frame.frontal(
            points if neutral is None else np.concatenate([points, neutral])
        )
        lost = ~np.isfinite(frontal).all(1)
        if lost.any():
            role = roles[int(lost.argmax() >= count)]
            raise FaceTooFarError(f"{role}: the points are no face: size and turn cannot be found")
        self.frame, self.populations, self.roles = frame, populations, roles
        self.frontal = frontal[:count]
        self.pose = Pose(*(part[:count] for part in pose))
        self.own: Array | None = None
        if neutral is not None:
            self.own = np.broadcast_to(frontal[count:], self.frontal.shape)
        self.named = populations[0].count
        membership = np.stack([p.parts.membership for p in populations])
        score = (self.frontal if self.own is None else self.own) @ membership[:, :-1].T
        self.population = (score + membership[:, -1]).argmax(1)
        rows = [(p, self.population == k) for k, p in enumerate(populations)]
        self._each: list[tuple[Population, Any]] = [
            (p, slice(None) if mine.all() else mine) for p, mine in rows if mine.any()
        ]

    def in_image(self, frontal: Array) -> Array:
        """Pixels (B, 68, 2) by which the points move to become other frontal faces (B, 136)."""
        return self.frame.in_image(frontal - self.frontal, self.pose)

    def recognised(self) -> tuple[Array, Array]:
        """Probability of each emotion (B, E), and of an expression without name (B,)."""
        probability = np.empty((len(self.frontal), self.named))
        unnamed = np.empty(len(self.frontal))
        for population, mine in self._each:
            own = None if self.own is None else self.own[mine]
            probability[mine], unnamed[mine] = population.recognise(self.frontal[mine], own)
        return probability, unnamed

    def strengths(self) -> Array:
        """Strength (B, E + 1) as each emotion, and as an expression without name."""
        strength = np.empty((len(self.frontal), self.named + 1))
        for population, mine in self._each:
            own = None if self.own is None else self.own[mine]
            strength[mine] = population.strengths(self.frontal[mine], own)
        return strength

    def distances(self) -> Array:
        """Standard deviations (1 or 2, B) from known faces, as a root mean square.

        Of the faces and, where they are known, of their neutral faces.
        """
        looked_at = [self.frontal] if self.own is None else [self.frontal, self.own]
        distance = np.empty((len(looked_at), len(self.frontal)))
        for population, mine in self._each:
            for row, frontal in zip(distance, looked_at, strict=True):
                row[mine] = population.distance(frontal[mine])
        return distance

    def farthest(self, first: int | None) -> tuple[float, str]:
        """Largest distance and a sentence on it; `first`: number of the first of several faces."""
        distance = self.distances()
        role, worst = np.unravel_index(distance.argmax(), distance.shape)
        which = "the face" if first is None else f"face {first + worst}"
        return float(distance[role, worst]), (
            f"{self.roles[role]}: {which} is {distance[role, worst]:.1f} standard deviations from "
            f"anything that the model knows (ordinary faces: 1, limit {FAR:g})"
        )

    def along_paths(self, emotion: Array, strength: Array, frontal: Array | None = None) -> Array:
        """Frontal faces (B, 136) at the strengths (B,) of their emotions, neutral unknown."""
        frontal = self.frontal if frontal is None else frontal
        moved = np.empty_like(frontal)
        for k, population in enumerate(self.populations):
            for e in np.unique(emotion):
                mine = (self.population == k) & (emotion == e)
                if mine.any():
                    moved[mine] = population.along_path(frontal[mine], int(e), strength[mine])
        return moved

    def shown_strength(self, probability: Array, unnamed: Array, strength: Array) -> Array:
        """Strength (B,) of what the faces show, named or not.

        Without own neutral, of the path they are on; with it, the expectation.
        """
        if self.own is None:
            shown = np.where(unnamed > 0.5, self.named, probability.argmax(1))
            return strength[np.arange(len(shown)), shown]
        named = (probability * strength[:, :-1]).sum(1)
        return (1.0 - unnamed) * named + unnamed * strength[:, -1]

    def turned(self, wanted: Array, emotion: Array | None) -> Array:
        """Frontal faces (B, 136) at the wanted intensities.

        Parameters
        ----------
        wanted : (B,) float array
        emotion : (B,) int array or None
            None: each face's own.
        """
        probability, unnamed = self.recognised()
        strength = self.strengths()
        rows = np.arange(len(wanted))
        shown = np.where(unnamed > 0.5, self.named, probability.argmax(1))
        if emotion is None:
            now = self.shown_strength(probability, unnamed, strength)
            if self.own is None:
                return self._turned_by_itself(wanted, shown, now)
            return self._from_own(wanted, now, None, probability)
        against = (probability[rows, emotion] < _CONTRADICTED) & (
            strength[rows, shown] > np.maximum(strength[rows, emotion], _CLEARLY_SHOWN)
        )
        if self.own is None:
            # The way up from zero has to be the way down to it: nothing else is taken off.
            against &= np.abs(strength[rows, emotion]) > _AT_ZERO
        if self.own is not None:
            now = np.where(against, 0.0, strength[rows, emotion])
            return self._from_own(wanted, now, emotion, probability)
        if not against.any():
            return self.along_paths(emotion, wanted)
        bare = np.where(
            against[:, None], self.along_paths(shown, np.zeros(len(wanted))), self.frontal
        )
        return self.along_paths(emotion, wanted, bare)

    def _turned_by_itself(self, wanted: Array, shown: Array, strength: Array) -> Array:
        """Along the path of the shown emotion, down to the zero of all emotions.

        At the zero of one emotion another may still be read. Which emotion a face at zero will
        show next is anyone's guess, so it has to be the zero of all of them.
        """
        moved = self.along_paths(shown, wanted)
        share = np.where(strength > 0, 1.0 - wanted / np.maximum(strength, 1e-9), wanted <= 0)
        share = np.clip(share, 0.0, 1.0)
        if share.any():
            zero = self.along_paths(shown, np.zeros(len(wanted)))
            for population, mine in self._each:
                moved[mine] -= share[mine, None] * population.readings(zero[mine])
        return moved

    def _from_own(
        self, wanted: Array, now: Array, emotion: Array | None, probability: Array
    ) -> Array:
        """From the own neutral: the shown displacement scaled down, or the expected one added."""
        assert self.own is not None
        now = np.where(now < _NOTHING, 0.0, now)
        shown = np.where(now[:, None] > 0, self.frontal - self.own, 0.0)
        target = np.empty_like(shown)
        for k, population in enumerate(self.populations):
            for e in (None,) if emotion is None else np.unique(emotion):
                mine = self.population == k
                mine = mine if e is None else mine & (emotion == e)
                if not mine.any():
                    continue
                factor = population.rest_factor(self.own[mine])
                if e is None:
                    full = population.full_displacement(shown[mine], probability[mine], None)
                    factor = (probability[mine] * factor[:, :-1]).sum(1)
                else:
                    full = population.full_displacement(shown[mine], None, int(e))
                    factor = factor[:, e]
                more = (wanted[mine] - now[mine]) / factor
                down = np.divide(
                    wanted[mine], now[mine], out=np.zeros_like(more), where=now[mine] > 0
                )
                target[mine] = np.where(
                    (more >= 0)[:, None],
                    shown[mine] + more[:, None] * full,
                    down[:, None] * shown[mine],
                )
        return self.own + target
