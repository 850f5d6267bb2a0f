"""A linear model of shape: Procrustes alignment, then principal components."""

from __future__ import annotations

import os
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.checks import Points, as_points
from calibration.model_file import read_arrays
from calibration.procrustes import Similarity, align_similarity, generalized_procrustes
from landmarks.files import replacing

VERSION = 1
_FIELDS = ("mean", "components", "eigenvalues", "total_variance")


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """Mean, components and eigenvalues of aligned shapes.

    Lengths are in units of the mean's centroid size (the root of the sum of its squares), so
    nothing depends on the size of the photographs.

    Attributes
    ----------
    mean : (N, 2) float array
        Centred, of centroid size 1.
    components : (k, N, 2) float array
        Orthonormal directions of change, the largest variance first. None of them moves, turns
        or scales the mean.
    eigenvalues : (k,) float array
        Variance of the coefficients along each component.
    total_variance : float
        Variance of the aligned shapes along all directions, kept or not.

    References
    ----------
    Cootes, Taylor, Cooper, Graham, "Active shape models - their training and application",
    CVIU 61, 1995.
    """

    mean: Points
    components: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    total_variance: float

    @classmethod
    def fit(
        cls, shapes: ArrayLike, variance: float = 0.98, *, components: int | None = None
    ) -> ShapeModel:
        """Learn the model from shapes in any position, size and rotation.

        Parameters
        ----------
        shapes : (n, N, 2) array_like
            Corresponding points (x, y), n >= 2.
        variance : float, optional
            Keep the fewest components that explain this share of the variance, in (0, 1].
        components : int, optional
            Keep this many instead.

        Returns
        -------
        model : ShapeModel

        Raises
        ------
        ValueError
            Fewer than two shapes, shapes that do not differ, degenerate shapes, `variance`
            outside (0, 1], or more components than the shapes span.

        Notes
        -----
        Moving, turning or scaling single shapes changes the model by a rotation at most.
        """
        # Slow to import, and only fitting needs it.
        from sklearn.decomposition import PCA

        given = as_points(shapes, "shapes", batch=True)
        if given.ndim != 3 or len(given) < 2:
            raise ValueError(
                f"a shape model needs at least two shapes (n, N, 2), got shape {given.shape}"
            )
        if not (isinstance(variance, Real) and 0 < variance <= 1):
            raise ValueError(f"variance must be above 0 and at most 1, got {variance!r}")
        mean, aligned = generalized_procrustes(given, tolerance=1e-12, tangent=True)
        pca = PCA(svd_solver="full").fit((aligned - mean).reshape(len(given), -1))
        # Singular values, not variances, carry the rounding of coordinates of size 1.
        rank = int((pca.singular_values_ > 1e-11 * np.sqrt(len(given))).sum())
        if rank == 0:
            raise ValueError(
                f"the {len(given)} shapes are one shape up to position, size and rotation: "
                "there is no variance to model"
            )
        if components is None:
            share = np.cumsum(pca.explained_variance_ratio_[:rank])
            kept = min(int((share < variance - 1e-12).sum()) + 1, rank)
        else:
            kept = components
            if not (isinstance(kept, Integral) and 1 <= kept <= rank):
                raise ValueError(
                    f"components must be a whole number from 1 to {rank}, the rank, got {kept!r}"
                )
        return cls(
            mean,
            pca.components_[:kept].reshape(kept, *mean.shape),
            pca.explained_variance_[:kept],
            float(pca.explained_variance_.sum()),
        )

    @property
    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Share of the variance along each component, (k,)."""
        return self.eigenvalues / self.total_variance

    def pose(self, points: ArrayLike) -> Similarity:
        """The similarity that carries the mean to the points, by least squares.

        Parameters
        ----------
        points : (N, 2) or (B, N, 2) array_like

        Returns
        -------
        pose : Similarity
            From the model's frame to that of the points.

        Raises
        ------
        ValueError
            Not the model's number of points, not finite, or all points coincide.
        """
        return align_similarity(self.mean, self._own(points))

    def project(self, points: ArrayLike, *, align: bool = True) -> NDArray[np.float64]:
        """Coefficients of the shape nearest to the points.

        Parameters
        ----------
        points : (N, 2) or (B, N, 2) array_like
        align : bool, optional
            False where the points are in the model's frame already.

        Returns
        -------
        coefficients : (k,) or (B, k) float array

        Raises
        ------
        ValueError
            As `pose`.

        Notes
        -----
        Does not depend on position, size and rotation of the points.
        """
        own = self._own(points)
        if align:
            own = align_similarity(self.mean, own).inverse().apply(own)
        return np.einsum("...nd,knd->...k", own - self.mean, self.components)

    def reconstruct(self, coefficients: ArrayLike, similarity: Similarity | None = None) -> Points:
        """The shape that belongs to the coefficients.

        Parameters
        ----------
        coefficients : (k,) or (B, k) array_like
        similarity : Similarity, optional
            Where to put it, as `pose` gives; default: the model's own frame.

        Returns
        -------
        points : (N, 2) or (B, N, 2) float array

        Raises
        ------
        ValueError
            Not k finite coefficients.
        """
        change = np.einsum("...k,knd->...nd", self._coefficients(coefficients), self.components)
        shape = self.mean + change
        return shape if similarity is None else similarity.apply(shape)

    def limit(self, coefficients: ArrayLike, deviations: float = 3.0) -> NDArray[np.float64]:
        """Coefficients cut to what is plausible.

        Parameters
        ----------
        coefficients : (k,) or (B, k) array_like
        deviations : float, optional
            Largest magnitude of each, in its own standard deviations.

        Returns
        -------
        limited : (k,) or (B, k) float array

        Raises
        ------
        ValueError
            Not k finite coefficients, or `deviations` below 0.
        """
        if not (isinstance(deviations, Real) and deviations >= 0):
            raise ValueError(f"deviations must be a number of 0 or more, got {deviations!r}")
        bound = deviations * np.sqrt(self.eigenvalues)
        return np.clip(self._coefficients(coefficients), -bound, bound)

    def sample(self, n: int, rng: np.random.Generator, deviations: float = 3.0) -> Points:
        """Random plausible shapes in the model's frame.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
            The same state gives the same shapes.
        deviations : float, optional
            Coefficients are normal with the model's variances, cut at this many deviations.

        Returns
        -------
        shapes : (n, N, 2) float array

        Raises
        ------
        ValueError
            `n` is no whole number of 1 or more; or as `limit`.
        """
        if not (isinstance(n, Integral) and n >= 1):
            raise ValueError(f"n must be a whole number of 1 or more, got {n!r}")
        normal = rng.standard_normal((n, len(self.eigenvalues))) * np.sqrt(self.eigenvalues)
        return self.reconstruct(self.limit(normal, deviations))

    def fit_to(self, points: ArrayLike, deviations: float | None = None) -> Points:
        """The model's shape nearest to the points, in their place.

        Parameters
        ----------
        points : (N, 2) or (B, N, 2) array_like
            Landmarks (x, y) in pixels.
        deviations : float, optional
            Limit the coefficients, see `limit`; default: no limit.

        Returns
        -------
        fitted : (N, 2) or (B, N, 2) float array
            In pixels of the same photograph.

        Raises
        ------
        ValueError
            As `pose` and `limit`.

        Notes
        -----
        Fitting twice changes nothing, and a similarity of the points moves the result alike.
        """
        own = self._own(points)
        pose = align_similarity(self.mean, own)
        coefficients = self.project(pose.inverse().apply(own), align=False)
        if deviations is not None:
            coefficients = self.limit(coefficients, deviations)
        return self.reconstruct(coefficients, pose)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as .npz: arrays only, no pickle; whole or not at all.

        Parameters
        ----------
        path : path
            Written under this very name.
        """
        with replacing(path, "wb") as file:
            np.savez_compressed(
                file,
                version=np.array(VERSION),
                mean=self.mean,
                components=self.components,
                eigenvalues=self.eigenvalues,
                total_variance=np.array(self.total_variance),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ShapeModel:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path

        Returns
        -------
        model : ShapeModel

        Raises
        ------
        ValueError
            Missing, not a shape model, a newer version, or damaged.
        """
        arrays = read_arrays(path, "shape model")
        try:
            stored = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
        except ValueError as error:
            raise ValueError(f"{path} is a damaged shape model: {error}") from None
        missing = sorted({"version", *_FIELDS} - set(stored))
        if missing:
            raise ValueError(f"{path} is not a shape model: it has no {', '.join(missing)}")
        version = int(stored["version"])
        if version > VERSION:
            raise ValueError(
                f"{path} is a shape model of version {version}; this program reads up to {VERSION}"
            )
        model = cls(
            stored["mean"],
            stored["components"],
            stored["eigenvalues"],
            float(stored["total_variance"]),
        )
        model._refuse_damage(path)
        return model

    def _refuse_damage(self, path: str | os.PathLike[str]) -> None:
        flat = self.components.reshape(len(self.components), -1)
        sound = (
            self.mean.ndim == 2
            and self.mean.shape[1] == 2
            and self.components.shape == (len(self.eigenvalues), *self.mean.shape)
            and all(np.isfinite(array).all() for array in (self.mean, flat, self.eigenvalues))
            and np.allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)
            and (self.eigenvalues > 0).all()
            and self.total_variance > 0
        )
        if not sound:
            raise ValueError(f"{path} is a damaged shape model: its arrays contradict each other")

    def _own(self, points: ArrayLike) -> Points:
        own = as_points(points, "points", batch=True)
        if own.shape[-2:] != self.mean.shape:
            raise ValueError(
                f"points: the model has {len(self.mean)} points, got shape {own.shape}"
            )
        return own

    def _coefficients(self, coefficients: ArrayLike) -> NDArray[np.float64]:
        own = np.asarray(coefficients)
        k = len(self.eigenvalues)
        right = own.dtype.kind in "fiu" and own.ndim in (1, 2) and own.shape[-1] == k
        if not (right and np.isfinite(own).all()):
            raise ValueError(
                f"coefficients: expected {k} finite numbers a shape, got {own.dtype} "
                f"of shape {own.shape}"
            )
        return own.astype(np.float64)
