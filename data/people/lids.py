"""Lashes and the moist rims of the eyelids, from the head model's own sheets."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from data.people.appearance import Look
from data.people.canvas import Canvas
from data.people.head_model import HeadModel
from data.people.surface import EYES, SKIN, Array, Surface, floats, part
from data.people.tone import skin_colour


class Lids:
    """The sheets of lashes and of lacrimal fluid of a head model.

    Parameters
    ----------
    model : HeadModel
    canvas : Canvas
    """

    def __init__(self, model: HeadModel, canvas: Canvas) -> None:
        self._rims = part(model, "M_LacrimalFluid")
        lashes = part(model, "M_EyeLashes")
        rest = canvas.to_place(model.neutral[lashes.vertex])
        eyes = np.stack([canvas.landmarks[36:42].mean(0), canvas.landmarks[42:48].mean(0)])
        triangles, count = lashes.triangles, len(rest)
        ends = np.concatenate([triangles[:, :2], triangles[:, 1:]])
        links = coo_matrix((np.ones(len(ends)), ends.T), shape=(count, count))
        sheets, which = connected_components(links, directed=False)
        root = np.arange(count)
        reach, strand = np.zeros(count), np.zeros(count, np.int64)
        for sheet in range(sheets):
            own = np.flatnonzero(which == sheet)
            uv = lashes.uv[own] - lashes.uv[own].min(axis=0)
            size = uv.max(axis=0)
            if size.min() <= 0:
                continue
            # A sheet is longer along the lid than from the roots to the tips.
            lid, out = np.moveaxis((uv / size)[:, np.argsort(-size)], -1, 0)
            far = np.linalg.norm(rest[own, None] - eyes, axis=-1).min(axis=1)
            if far[out < 0.3].mean() > far[out > 0.7].mean():
                out = 1 - out
            roots = np.flatnonzero(out < 0.05)
            root[own] = own[roots[np.abs(lid[:, None] - lid[roots]).argmin(axis=1)]]
            reach[own], strand[own] = out, (lid * 18 + 0.5).astype(int)
        # Full at the roots, single strands farther out.
        alternate = strand[triangles].min(axis=1) % 2 == 0
        kept = triangles[(reach[triangles].mean(axis=1) < 0.35) | alternate]
        used, index = np.unique(kept, return_inverse=True)
        self._triangles = index.reshape(-1, 3).astype(np.int32)
        self._vertex, self._root = lashes.vertex[used], lashes.vertex[root[used]]
        self._upper = rest[used, 1] > eyes[:, 1].mean()

    def surfaces(self, vertices: Array, look: Look) -> list[Surface]:
        """Lashes and rims of a head."""
        rim = 0.65 * skin_colour(0.7 * look.melanin, 2 * look.blood)
        rims = Surface(
            "lid rims",
            vertices[self._rims.vertex],
            self._rims.triangles,
            None,
            rim,
            roughness=0.3,
            specular=0.4,
            label=EYES,
        )
        length = np.where(self._upper, 0.25 + 0.75 * look.lashes, 0.1 + 0.5 * look.lashes**2)
        roots = vertices[self._root]
        drawn = roots + length[:, None] * (vertices[self._vertex] - roots)
        colour = np.minimum(floats(look.brow_colour), 0.05) * 0.7
        lashes = Surface(
            "lashes",
            drawn.astype(np.float32),
            self._triangles,
            None,
            colour,
            label=SKIN,
            hides=False,
        )
        return [rims, lashes]
