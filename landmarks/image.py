"""Pictures from files: (H, W, 3) uint8 RGB, turned the way they were taken."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from landmarks.errors import ImageError

MAX_PIXELS = 100_000_000
"""Pictures with more pixels than this are refused before they are decoded (a zip bomb is small)."""

MAX_BYTES = 1 << 30
"""Files larger than this are refused."""

SUFFIXES = frozenset(
    ".bmp .dib .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff .webp".split()
)
"""File endings that a folder is searched for, in lower case."""

Decoded = TypeVar("Decoded")

_EXIF_ORIENTATION = 0x0112
_SWAPS_SIDES = {5, 6, 7, 8}


class Picture:
    """An image file, read once and decoded when somebody looks at it.

    Parameters
    ----------
    path : path-like
        The image file.
    data : bytes, optional
        What the file holds, where that is at hand (it lies in an archive); `path` is then only the
        name that errors tell.
    max_pixels : int, optional
        Refuse pictures with more; above 178 million Pillow refuses on its own.

    Raises
    ------
    ImageError
        The file is missing, unreadable, empty, no image, or too large. Damage deeper in the file
        is told by `grey` and `rgb`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        data: bytes | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.name = os.fspath(path)
        self._data = _read_bytes(self.name) if data is None else data
        self._rgb: NDArray[np.uint8] | None = None
        with self._open() as opened:
            self._stored = opened.size
            width, height = opened.size
            self.is_jpeg = opened.format in ("JPEG", "MPO")  # MPO: two JPEGs, from phones
            self._plain_jpeg = self.is_jpeg and opened.mode in ("L", "RGB")
        if width * height > max_pixels:
            raise ImageError(
                f"{self.name} has {width}×{height} pixels: at most {max_pixels:,} are read"
            )
        # Of a JPEG the header tells it; other formats may hold EXIF data behind the pixels.
        self._orientation = self._decode(_orientation) if self.is_jpeg else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as turned by EXIF."""
        if self._orientation is None:
            height, width = self.rgb().shape[:2]
            return width, height
        width, height = self._stored
        return (height, width) if self._orientation in _SWAPS_SIDES else (width, height)

    def grey(self) -> NDArray[np.uint8]:
        """The picture in grey.

        Returns
        -------
        grey : (H, W) uint8 array
            Luma (BT.601) of the 8-bit colours, as `cv2.cvtColor` makes it. The luma that a JPEG
            stores would be at hand sooner, but differs by a level here and there, and dlib's
            predictor, which compares single pixels, then moves its points.

        Raises
        ------
        ImageError
            The image data is damaged.
        """
        if self._rgb is None:
            bgr = self._whole_jpeg()
            if bgr is not None:
                return cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        return cv2.cvtColor(self.rgb(), cv2.COLOR_RGB2GRAY)

    def rgb(self) -> NDArray[np.uint8]:
        """The whole picture.

        Returns
        -------
        image : (H, W, 3) uint8 array
            RGB; transparent parts lie on white, 16-bit values are scaled to 8 bits.

        Raises
        ------
        ImageError
            The image data is damaged.
        """
        if self._rgb is None:
            bgr = self._whole_jpeg()
            self._rgb = (
                self._decode(_to_rgb) if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            )
        return self._rgb

    def _whole_jpeg(self) -> NDArray[np.uint8] | None:
        """A plain JPEG in OpenCV's colour order, turned by EXIF: twice as fast as Pillow.

        OpenCV fills what is missing with grey and says nothing, so a file without its end mark is
        left to Pillow, which tells what is wrong.
        """
        if not self._plain_jpeg or not self._data.endswith(b"\xff\xd9"):
            return None
        return cv2.imdecode(np.frombuffer(self._data, np.uint8), cv2.IMREAD_COLOR)

    def _open(self) -> Image.Image:
        with warnings.catch_warnings():
            # Our own limit is told in our own words, before anything is decoded.
            warnings.simplefilter("ignore")
            try:
                return Image.open(io.BytesIO(self._data))
            except UnidentifiedImageError:
                start = self._data[:16]
                raise ImageError(f"{self.name} is not an image: it begins with {start!r}") from None
            except Image.DecompressionBombError:
                raise ImageError(
                    f"{self.name} has more than {MAX_PIXELS:,} pixels: too large to read"
                ) from None
            except Exception as error:
                raise ImageError(f"{self.name} cannot be read as an image: {error}") from None

    def _decode(self, convert: Callable[[Image.Image], Decoded]) -> Decoded:
        with self._open() as image, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return convert(image)
            except MemoryError:
                raise ImageError(f"{self.name} does not fit into memory") from None
            # Pillow's format readers raise many types on damaged data (OSError, SyntaxError,
            # struct.error, IndexError, …); each means that this file cannot be decoded.
            except Exception as error:
                reason = str(error) or type(error).__name__
                raise ImageError(f"{self.name} is a damaged image: {reason}") from None


def _read_bytes(name: str) -> bytes:
    try:
        status = os.stat(name)
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ImageError(f"{name} is not a file: expected an image file")
        if status.st_size > MAX_BYTES:
            raise ImageError(f"{name} has {status.st_size:,} bytes: at most {MAX_BYTES:,} are read")
        data = Path(name).read_bytes()
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist: expected an image file") from None
    except IsADirectoryError:
        raise ImageError(f"{name} is a folder: expected an image file") from None
    except PermissionError:
        raise ImageError(f"{name} may not be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read: {getattr(error, 'strerror', error)}") from None
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)")
    return data


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_EXIF_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)  # decodes; of a film only the first frame
    if image.mode.startswith("I") or image.mode == "F":
        grey = _to_eight_bits(np.asarray(image))
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")))


def _to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 12- and 16-bit grey to 8 bits; float images from their own range."""
    numbers = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    if values.dtype.kind == "f":
        low, high = float(numbers.min()), float(numbers.max())
    else:
        low, top = 0.0, float(numbers.max())
        high = next((limit for limit in (255.0, 4095.0, 65535.0) if top <= limit), top)
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return np.clip(np.round((numbers - low) * (255 / (high - low))), 0, 255).astype(np.uint8)


def read_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read a photograph, turned as its EXIF data says.

    Parameters
    ----------
    path : path-like
        JPEG, PNG, TIFF, WebP, GIF (first frame), BMP, …; grey, palette, CMYK, alpha (on white) and
        16-bit pictures too.
    max_pixels : int, optional
        Refuse pictures with more, before they are decoded; above 178 million Pillow refuses on
        its own.

    Returns
    -------
    image : (H, W, 3) uint8 array
        RGB.

    Raises
    ------
    ImageError
        The file is missing, unreadable, empty, no image, damaged, or too large.
    """
    return Picture(path, max_pixels=max_pixels).rgb()


def as_rgb(image: ArrayLike) -> NDArray[np.uint8]:
    """Check an array that a caller hands over as a picture.

    Parameters
    ----------
    image : (H, W, 3), (H, W, 4), (H, W, 1) or (H, W) uint8 array_like
        RGB, RGBA (alpha is ignored) or grey.

    Returns
    -------
    image : (H, W, 3) uint8 array
        RGB.

    Raises
    ------
    ImageError
        Another shape or another dtype.
    """
    array = np.asarray(image)
    if array.dtype.kind in "US":
        raise ImageError(f"{image!r} is a name, not a picture: read it with read_image first")
    if array.dtype != np.uint8:
        raise ImageError(f"the image is an array of {array.dtype}: expected uint8 in 0…255")
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim == 3 and array.size == 0:
        raise ImageError(f"the image has shape {array.shape}: it has no pixels")
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ImageError(
            f"the image has shape {array.shape}: expected (H, W, 3), (H, W, 4) or (H, W)"
        )
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array[..., :3])


def resize(
    image: NDArray[np.uint8], points: ArrayLike, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Resize a picture and carry its landmarks along.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    points : (..., 2) array_like
        (x, y) in pixels of `image`.
    size : (int, int)
        Wanted width and height in pixels.

    Returns
    -------
    resized : (height, width, 3) uint8 array
    moved : (..., 2) float array
        The points in the resized picture.
    """
    height, width = image.shape[:2]
    if min(size) < 1:
        raise ValueError(f"the wanted size is {size[0]}×{size[1]}: expected at least 1×1")
    shrinks = size[0] * size[1] < width * height
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    ratio = np.array([size[0] / width, size[1] / height])
    # Pixel centres, not corners, are the whole numbers.
    moved = (np.asarray(points, dtype=np.float64) + 0.5) * ratio - 0.5
    return resized, moved


def crop(
    image: NDArray[np.uint8],
    points: ArrayLike,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut out a box, resize it, and carry the landmarks along.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    points : (..., 2) array_like
        (x, y) in pixels of `image`.
    box : (left, top, right, bottom)
        Edges in pixels, where 0 is the left edge of the first pixel (its centre less one half).
        Parts outside the picture repeat its border.
    size : (int, int)
        Wanted width and height in pixels.

    Returns
    -------
    cropped : (height, width, 3) uint8 array
    moved : (..., 2) float array
        The points in the cropped picture.
    """
    left, top, right, bottom = box
    if not (right > left and bottom > top):
        raise ValueError(f"the box {box} is empty: expected left < right and top < bottom")
    if min(size) < 1:
        raise ValueError(f"the wanted size is {size[0]}×{size[1]}: expected at least 1×1")
    ratio = np.array([size[0] / (right - left), size[1] / (bottom - top)])
    shift = 0.5 * ratio - 0.5 - np.array([left, top]) * ratio
    shrink = 1 / float(ratio.min())
    if shrink > 2:
        # Bilinear sampling skips pixels beyond a half: average first.
        kernel = float(shrink) / 3
        image = cv2.GaussianBlur(image, (0, 0), kernel, borderType=cv2.BORDER_REPLICATE)
    matrix = np.array([[ratio[0], 0, shift[0]], [0, ratio[1], shift[1]]])
    cropped = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return cropped, np.asarray(points, dtype=np.float64) * ratio + shift
