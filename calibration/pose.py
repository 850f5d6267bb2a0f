"""Position, size and turn of a face, taken off and put back exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calibration.gaussian import Array

_ROUNDS = 12
_EXACT = 2e-6  # of the gauge; and of depth, in eye-corner distances, times ten
_INNER = 3
_LARGEST_TURN = 0.87  # radians (50°); beyond it half of the landmarks would be hidden
_GRID = 15  # turns per axis at which the Newton step is tabulated


class Pose(NamedTuple):
    """How a batch of B frontal, unit-sized faces lies in its images.

    Attributes
    ----------
    similarity : (B,) complex array
        Size and in-plane turn: pixels per unit of the frontal frame, angle = roll.
    shift : (B,) complex array
        Position x + iy in pixels.
    yaw, pitch : (B,) float array
        Turns out of the image plane in radians. Yaw is positive when the nose moves to larger x,
        pitch when it moves to smaller y.
    """

    similarity: Array
    shift: Array
    yaw: Array
    pitch: Array


class Frame:
    """The frontal frame: what a face looks like seen from the front at unit size.

    Landmarks are modelled as x = T(rotate(X, Z(X); yaw, pitch)) with T a similarity in the image,
    X the frontal landmarks and Z their depth, linear in X. Pose is fixed by six linear
    *gauge* functionals of X that are chosen to respond as little as possible to identity and
    expression; a displacement with zero gauge therefore leaves the pose where it was, exactly.

    Parameters
    ----------
    mean : (68, 3) float array
        Mean neutral face: x right, y down, z toward the viewer, outer eye corners 1 apart.
    depth : (136, 68) float array
        Change of depth with the frontal landmarks (x and y interleaved).
    gauge : (6, 136) float array
        Functionals that read size, roll, shift, yaw and pitch off a nearly frontal face.
    first : (4, 136) float array
        Functionals for the first guess of the similarity, of a face at any turn.

    References
    ----------
    The least variance among unbiased linear functionals: Gauss and Markov; see Rao, "Linear
    Statistical Inference and Its Applications", 1973, section 4a.
    """

    def __init__(self, mean: Array, depth: Array, gauge: Array, first: Array) -> None:
        self.mean = np.asarray(mean, np.float64)
        self.gauge = np.asarray(gauge, np.float64)
        self.first = np.asarray(first, np.float64)
        self.projection = np.eye(136) - _jacobian(self.mean) @ self.gauge
        # Depth must not follow an error of the pose, or the two would chase each other.
        self.depth = self.projection.T @ np.asarray(depth, np.float64)
        self._flat = self.mean[:, :2].reshape(136)
        self._depth = np.float32(self.depth)
        seen = np.zeros((136, 4, 6))
        for axis in (0, 1):
            seen[axis::2, axis] = self.gauge[:, 0::2].T
            seen[axis::2, 2 + axis] = self.gauge[:, 1::2].T
        self._seen = seen.reshape(136, 24)
        self._steps = self._newton_steps()

    @classmethod
    def fit(cls, mean: Array, depth: Array, covariance: Array) -> Frame:
        """The frame for faces that vary by `covariance` around `mean`.

        Parameters
        ----------
        mean : (68, 3) float array
            All depths equal: nothing is known of depth, and turns are not undone.
        depth : (136, 68) float array
        covariance : (136, 136) float array
            Covariance of frontal landmarks by identity, expression and noise together.
        """
        jacobian = _jacobian(np.asarray(mean))
        flat = np.ptp(mean[:, 2]) == 0
        known = jacobian[:, :4] if flat else jacobian
        gauge = np.zeros((6, 136))
        gauge[: known.shape[1]] = _unbiased(known, covariance)
        # The first guess must stand a turned head, so turns of some 14° count as noise for it.
        turned = covariance + 0.06 * jacobian[:, 4:] @ jacobian[:, 4:].T
        return cls(mean, depth, gauge, _unbiased(jacobian[:, :4], turned))

    def _newton_steps(self) -> Array:
        """Inverse derivative of the gauge by the pose, for the mean face at a grid of turns."""
        turns = np.linspace(-_LARGEST_TURN, _LARGEST_TURN, _GRID)
        yaw, pitch = (a.ravel() for a in np.meshgrid(turns, turns, indexing="ij"))
        face = np.broadcast_to(self.mean[:, :2].reshape(136), (len(yaw), 136))
        still = Pose(np.ones(len(yaw), complex), np.zeros(len(yaw), complex), yaw, pitch)
        image = _turn(face, self.mean[:, 2], still)
        small = 1e-5
        changes = []
        for k in range(6):
            by = small * np.eye(6)[k]
            plane = (image - by[2] - 1j * by[3]) / (1.0 + by[0] + 1j * by[1])
            moved = _unturn(plane.real, plane.imag, self.mean[:, 2], yaw + by[4], pitch + by[5])
            changes.append((moved - face) @ self.gauge.T / small)
        return np.linalg.pinv(np.stack(changes, 2)).reshape(_GRID, _GRID, 6, 6)

    def frontal(self, points: Array) -> tuple[Array, Pose]:
        """Frontal landmarks and the pose that was undone.

        Parameters
        ----------
        points : (B, 68, 2) float array
            Landmarks in pixels.

        Returns
        -------
        frontal : (B, 136) float array
            x and y interleaved, outer eye corners about 1 apart, centred.
        pose : Pose
        """
        flat = points.reshape(len(points), 136)
        first = flat @ self.first.T
        pose = Pose(
            first[:, 0] + 1j * first[:, 1],
            first[:, 2] + 1j * first[:, 3],
            np.zeros(len(points)),
            np.zeros(len(points)),
        )
        seen = (flat @ self._seen).reshape(len(points), 4, 6)
        frontal = np.empty((len(points), 136))
        depth = np.repeat(self.mean[None, :, 2], len(points), 0)
        busy: Array | slice = slice(None)
        for _ in range(_ROUNDS):
            now = Pose(*(part[busy] for part in pose))
            now = self._settle(now, seen[busy], depth[busy])
            plane = _plane(points[busy], now)
            face = _unturn(*plane, depth[busy], now.yaw, now.pitch)
            frontal[busy] = face
            for part, new in zip(pose, now, strict=True):
                part[busy] = new
            better = self.mean[:, 2] + np.float32(face - self._flat) @ self._depth
            wrong = np.abs(better - depth[busy]).max(1) > 10 * _EXACT
            depth[busy] = better
            if not wrong.any():
                break
            if 2 * np.count_nonzero(wrong) < len(wrong):
                busy = np.arange(len(points))[busy][wrong]
        return frontal, pose

    def _settle(self, pose: Pose, seen: Array, depth: Array) -> Pose:
        """The pose at which the gauge of faces with known depth is that of the mean face.

        Only the gauge of the image and of the depth is needed, not the points; `seen` (B, 4, 6)
        holds the x functionals of x and y and the y functionals of x and y of the image.
        """
        similarity, shift, yaw, pitch = pose
        by_x, by_y = self.gauge[:, 0::2], self.gauge[:, 1::2]
        sum_x, sum_y = by_x.sum(1), by_y.sum(1)
        deep_x, deep_y = depth @ by_x.T, depth @ by_y.T
        cell = (_GRID - 1) / (2 * _LARGEST_TURN)
        for _ in range(_INNER):
            inverse = 1.0 / similarity
            origin = shift * inverse
            a, b = inverse.real[:, None], inverse.imag[:, None]
            x_u = a * seen[:, 0] - b * seen[:, 1] - origin.real[:, None] * sum_x
            y_u = a * seen[:, 2] - b * seen[:, 3] - origin.real[:, None] * sum_y
            y_v = b * seen[:, 2] + a * seen[:, 3] - origin.imag[:, None] * sum_y
            sin_yaw, cos_yaw = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
            sin_pitch, cos_pitch = np.sin(pitch)[:, None], np.cos(pitch)[:, None]
            off = (x_u - sin_yaw * deep_x) / cos_yaw
            across = (y_u - sin_yaw * deep_y) / cos_yaw
            off += (y_v + sin_pitch * (cos_yaw * deep_y - sin_yaw * across)) / cos_pitch
            off[:, 0] -= 1.0
            if np.abs(off).max() < _EXACT:
                break
            row = np.rint((yaw + _LARGEST_TURN) * cell).astype(int)
            column = np.rint((pitch + _LARGEST_TURN) * cell).astype(int)
            step = -np.matmul(self._steps[row, column], off[:, :, None])[:, :, 0]
            shift = shift + similarity * (step[:, 2] + 1j * step[:, 3])
            similarity = similarity * (1.0 + step[:, 0] + 1j * step[:, 1])
            yaw = np.clip(yaw + step[:, 4], -_LARGEST_TURN, _LARGEST_TURN)
            pitch = np.clip(pitch + step[:, 5], -_LARGEST_TURN, _LARGEST_TURN)
        return Pose(similarity, shift, yaw, pitch)

    def in_image(self, change: Array, pose: Pose) -> Array:
        """A change of frontal landmarks as a change of pixels.

        Parameters
        ----------
        change : (B, 136) float array
        pose : Pose

        Returns
        -------
        pixels : (B, 68, 2) float array
        """
        moved = _turn(change, change @ self.depth, pose) * pose.similarity[:, None]
        return np.stack([moved.real, moved.imag], -1)


def _turn(frontal: Array, z: Array, pose: Pose) -> Array:
    """Image (B, 68) complex, before the similarity, of turned landmarks with depth `z`."""
    x, y = frontal[:, 0::2], frontal[:, 1::2]
    sin_yaw, cos_yaw = np.sin(pose.yaw)[:, None], np.cos(pose.yaw)[:, None]
    sin_pitch, cos_pitch = np.sin(pose.pitch)[:, None], np.cos(pose.pitch)[:, None]
    across = cos_yaw * x + sin_yaw * z
    down = cos_pitch * y - sin_pitch * (cos_yaw * z - sin_yaw * x)
    return across + 1j * down


def _jacobian(mean: Array) -> Array:
    """Derivative (136, 6) of the image by size, roll, shift x and y, yaw and pitch."""
    x, y, z = mean.T
    one, zero = np.ones(68), np.zeros(68)
    columns = [(x, y), (-y, x), (one, zero), (zero, one), (z, zero), (zero, -z)]
    return np.stack([np.stack(column, 1).ravel() for column in columns], 1)


def _unbiased(jacobian: Array, covariance: Array) -> Array:
    """Generalised least squares: functionals that read each column of `jacobian` as 1."""
    weighted = np.linalg.solve(covariance, jacobian)
    return np.linalg.solve(jacobian.T @ weighted, weighted.T)


def _plane(points: Array, pose: Pose) -> tuple[Array, Array]:
    """Image x and y (B, 68) with the similarity undone."""
    inverse = 1.0 / pose.similarity
    a, b = inverse.real[:, None], inverse.imag[:, None]
    x = points[..., 0] - pose.shift.real[:, None]
    y = points[..., 1] - pose.shift.imag[:, None]
    return a * x - b * y, b * x + a * y


def _unturn(x: Array, y: Array, z: Array, yaw: Array, pitch: Array) -> Array:
    """Frontal (B, 136) landmarks whose turned image is x, y (B, 68), given their depth."""
    sin_yaw, cos_yaw = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
    sin_pitch, cos_pitch = np.sin(pitch)[:, None], np.cos(pitch)[:, None]
    frontal = np.empty((len(x), 136))
    across = (x - sin_yaw * z) / cos_yaw
    frontal[:, 0::2] = across
    frontal[:, 1::2] = (y + sin_pitch * (cos_yaw * z - sin_yaw * across)) / cos_pitch
    return frontal
