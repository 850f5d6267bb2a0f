"""What a camera and its files do to a picture: exposure, blur, noise, tone, compression.

Nothing here moves a point: every blur is symmetric and every change of size keeps pixel centres.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_REFERENCE = 128  # pixels; widths below are given for a picture of this size


def expose(
    radiance: Float,
    coverage: Float,
    face: npt.NDArray[np.bool_],
    skin: float,
    white: npt.ArrayLike,
    rng: np.random.Generator,
) -> tuple[Float, dict[str, Any]]:
    """Scale radiance as the automatics of a camera do: exposure and white balance, with errors.

    Parameters
    ----------
    radiance : (S, S, 3) float32 array
        Linear RGB of the head, multiplied by the coverage.
    coverage : (S, S) float32 array
    face : (S, S) bool array
        Where skin is seen; the exposure is measured there.
    skin : float
        Luminance of the skin's own colour, 0 to 1.
    white : (3,) float array
        What a white surface in the place of the face would send, linear RGB.
    rng : numpy.random.Generator

    Returns
    -------
    exposed : (S, S, 3) float32 array
        Linear, 1 is white.
    record : dict
        What was done, for JSON.

    Notes
    -----
    Dark skin stays darker than light skin, though by less than its colour alone would make it.
    """
    adapted = rng.uniform(0.4, 1)  # cameras take out only a part of the light's colour
    amber, green = rng.normal(0, 0.12), rng.normal(0, 0.035)
    colour = np.maximum(np.asarray(white, np.float64), 1e-6)
    balance = (colour / colour.mean()) ** -adapted * np.exp([amber, green, -amber])
    balance = (balance / (balance @ LUMINANCE)).astype(np.float32)
    radiance = radiance * balance
    error = np.clip(rng.normal(0, 0.45), -1.3, 1.1)  # stops
    wanted = 0.33 * (skin / 0.3) ** 0.55 * 2.0**error
    measured = (radiance @ LUMINANCE) / np.maximum(coverage, 1e-3)
    values = measured[face & (coverage > 0.5)]
    level = float(np.mean(values)) if len(values) else float(measured.mean())
    record = {
        "exposure_error_stops": round(float(error), 3),
        "white_balance": [round(float(value), 3) for value in balance],
    }
    return radiance * np.float32(wanted / max(level, 1e-6)), record


def capture(
    linear: Float, rng: np.random.Generator, noise: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """Photograph a scene.

    Parameters
    ----------
    linear : (S, S, 3) float32 array
        Linear RGB as exposed; 1 is white.
    rng : numpy.random.Generator
        Decides what is done.
    noise : numpy.random.Generator
        Makes the noise of this one picture.

    Returns
    -------
    image : (S, S, 3) uint8 array
        RGB.
    record : dict
        What was done, for JSON.
    """
    size = linear.shape[0]
    record: dict[str, Any] = {}
    image = _blurred(linear, rng, record, size / _REFERENCE)
    full = size
    if rng.random() < 0.25 and size >= 32:
        factor = float(rng.uniform(1.2, 3.0))
        small = max(16, round(size / factor))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        record["low_resolution"] = round(size / small, 3)
        size = small
    image = _noisy(np.clip(image, 0, None), rng, noise, record)
    image = _toned(image, rng, record)
    if rng.random() < 0.12:
        grey = image @ np.array([0.299, 0.587, 0.114], np.float32)
        image = np.repeat(grey[..., None], 3, axis=2)
        record["grey"] = True
    picture = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]
        record["jpeg_quality"] = quality
    if size != full:
        picture = cv2.resize(picture, (full, full), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(picture), record


def _blurred(image: Float, rng: np.random.Generator, record: dict[str, Any], scale: float) -> Float:
    defocus = abs(rng.normal(0, 0.5)) * scale
    if defocus > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), defocus)
        record["defocus_px"] = round(float(defocus), 3)
    if rng.random() < 0.1:
        length = float(rng.uniform(1.5, 4.5)) * scale
        angle = float(rng.uniform(0, np.pi))
        image = cv2.filter2D(image, -1, _line(length, angle), borderType=cv2.BORDER_REPLICATE)
        record["motion_px"] = round(length, 3)
        record["motion_degrees"] = round(float(np.degrees(angle)), 1)
    return image


def _line(length: float, angle: float) -> Float:
    """Kernel of a movement along a line, symmetric about its middle."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, max(3, 4 * half + 1)):
        x, y = half + step * np.cos(angle), half + step * np.sin(angle)
        left, top = int(np.floor(x)), int(np.floor(y))
        for row, down in [(top, top + 1 - y), (top + 1, y - top)]:
            for column, across in [(left, left + 1 - x), (left + 1, x - left)]:
                kernel[row, column] += down * across
    return kernel / kernel.sum()


def _noisy(
    image: Float, rng: np.random.Generator, noise: np.random.Generator, record: dict[str, Any]
) -> Float:
    """Photon noise, which grows with the root of the light, and that of reading it out."""
    strength = float(np.exp(rng.uniform(np.log(0.002), np.log(0.035))))
    colourful = rng.uniform(0.3, 1)
    spread = strength * np.sqrt(0.05 + np.clip(image, 0, 1.5))
    grain = noise.standard_normal(image.shape, np.float32)
    shared = noise.standard_normal((*image.shape[:2], 1), np.float32)
    mixed = colourful * grain + np.sqrt(1 - colourful**2) * shared
    record["noise"] = round(strength, 4)
    return np.clip(image + (spread * mixed).astype(np.float32), 0, None)


def _toned(image: Float, rng: np.random.Generator, record: dict[str, Any]) -> Float:
    """Linear to displayed: the curve of sRGB, contrast, saturation, black level."""
    # Bright parts bend towards white instead of breaking off.
    knee = rng.uniform(0.6, 0.95)
    over = np.maximum(image - knee, 0)
    image = np.minimum(image, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    shown = np.where(image <= 0.0031308, 12.92 * image, 1.055 * image ** (1 / 2.4) - 0.055)
    contrast = float(np.exp(rng.normal(0.08, 0.15)))
    gamma = float(np.exp(rng.normal(0, 0.1)))
    saturation = float(np.clip(rng.normal(1, 0.2), 0.2, 1.6))
    black = float(max(0, rng.normal(0, 0.02)))
    shown = np.clip((shown**gamma - 0.45) * contrast + 0.45, 0, 1)
    grey = (shown @ LUMINANCE)[..., None]
    shown = np.clip(grey + (shown - grey) * saturation, 0, 1)
    record["contrast"], record["gamma"] = round(contrast, 3), round(gamma, 3)
    record["saturation"], record["black"] = round(saturation, 3), round(black, 3)
    return (black + (1 - black) * shown).astype(np.float32)
