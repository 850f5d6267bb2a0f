"""Edited photographs as files that say of themselves that they were edited."""

from __future__ import annotations

import io
import os
import struct
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from gan.marked_png import EDITED, PROGRAM, one_line, png_entries, xmp_packet
from landmarks.errors import InputError
from landmarks.files import replacing

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
}
"""File ending → format, of pictures that can hold the mark."""

_QUALITY = 95
_LONGEST = 65_533 - 6  # bytes of EXIF in a JPEG file
_KEPT = tuple(
    ExifTags.Base[name].value for name in ("Make", "Model", "DateTime", "Artist", "Copyright")
)
_LEFT_OUT = frozenset(
    ExifTags.Base[name].value
    for name in ("MakerNote", "UserComment", "ExifImageWidth", "ExifImageHeight")
)
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_TAG = 700


class Origin(NamedTuple):
    """What a photograph's file holds beside its pixels, and an edited one keeps.

    Attributes
    ----------
    profile : bytes or None
        ICC profile of the colours.
    exif : PIL.Image.Exif
        Camera, date, author and settings; no place, thumbnail or maker's notes. Upright.
    """

    profile: bytes | None
    exif: Image.Exif


NOWHERE = Origin(None, Image.Exif())
"""Of pixels that no file told more about."""


def read_origin(path: str | os.PathLike[str]) -> Origin:
    """What to keep of a photograph's file.

    Parameters
    ----------
    path : path-like
        A file that `landmarks.read_image` has read.

    Returns
    -------
    origin : Origin
        Damaged entries are left out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as opened:
            profile = opened.info.get("icc_profile")
            kept = _kept(opened)
    # Pixels are RGB: a profile of inks or of grey would describe others.
    of_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB "
    return Origin(profile if of_rgb else None, kept)


def _kept(opened: Image.Image) -> Image.Exif:
    kept = Image.Exif()
    try:
        given = opened.getexif()
        for tag in _KEPT:
            if tag in given:
                kept[tag] = _stored(given[tag])
        details = given.get_ifd(ExifTags.IFD.Exif)
        kept.get_ifd(ExifTags.IFD.Exif).update(
            {tag: _stored(value) for tag, value in details.items() if tag not in _LEFT_OUT}
        )
        kept.tobytes()
    # Pillow raises many types on damaged entries; the pixels are good all the same.
    except Exception:
        return Image.Exif()
    return kept


def _stored(value: Any) -> Any:
    """Text as it was in the file: Pillow reads bytes as Latin-1, and writes ASCII only."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", "replace")
    return value


def check_output(path: str | os.PathLike[str], formats: Any = tuple(FORMATS)) -> None:
    """Refuse a file that cannot hold the mark, or that cannot be written.

    Parameters
    ----------
    path : path-like
    formats : iterable of str, optional
        Endings that will do.

    Raises
    ------
    InputError
    """
    target = Path(path)
    if target.suffix.lower() not in formats:
        raise InputError(
            f"{target} cannot hold the mark that it was edited: expected a name that ends in "
            f"{', '.join(formats)}"
        )
    if target.is_dir():
        raise InputError(f"{target} is a folder: expected the name of a file")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise InputError(f"{target} cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{target} cannot be written: {folder} allows no new files")


def write_edited(
    path: str | os.PathLike[str],
    image: NDArray[np.uint8],
    told: dict[str, str],
    origin: Origin = NOWHERE,
) -> None:
    """Write an edited photograph with its mark, whole or not at all.

    Parameters
    ----------
    path : path-like
        Its ending, one of `FORMATS`, tells the format.
    image : (H, W, 3) uint8 array
        RGB, upright.
    told : dict
        What the mark says beside `EDITED`, such as the emotion.
    origin : Origin, optional
        What to keep of the photograph's file.

    Raises
    ------
    InputError
        The format cannot hold the mark.
    OSError
        The file cannot be written.

    Notes
    -----
    PNG, TIFF and WebP are written without loss; JPEG and GIF change pixels that were not edited.
    EXIF that is too long for a JPEG file is left out.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        check_output(path)
    options = _options(FORMATS[suffix], origin, told)
    encoded = io.BytesIO()  # Pillow seeks in what it writes, and asks files for their names
    Image.fromarray(image).save(encoded, format=FORMATS[suffix], **options)
    with replacing(path, "wb", durable=False) as handle:
        handle.write(encoded.getbuffer())


def _options(kind: str, origin: Origin, told: dict[str, str]) -> dict[str, Any]:
    """What Pillow is told of the mark and of what is kept."""
    sentence, packet = one_line(EDITED, **told), xmp_packet(EDITED, **told).encode()
    if kind == "GIF":
        return {"comment": sentence.encode()}
    profile = {} if origin.profile is None else {"icc_profile": origin.profile}
    if kind == "TIFF":
        tags = {
            ExifTags.Base.ImageDescription: _ascii(sentence),
            ExifTags.Base.Software: PROGRAM,
            ExifTags.Base.Orientation: 1,
            _XMP_TAG: packet,
        }
        return {"tiffinfo": tags, "compression": "tiff_adobe_deflate", **profile}
    exif = _described(origin.exif, sentence)
    if kind == "PNG":
        return {"pnginfo": png_entries(EDITED, **told), "exif": exif, **profile}
    if kind == "WEBP":
        return {"lossless": True, "exif": exif, "xmp": packet, **profile}
    if len(exif.tobytes()) > _LONGEST:
        exif = _described(Image.Exif(), sentence)
    body = _XMP_HEADER + packet
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body
    return {"quality": _QUALITY, "subsampling": 0, "exif": exif, "extra": segment, **profile}


def _described(kept: Image.Exif, sentence: str) -> Image.Exif:
    described = Image.Exif()
    described.update(kept)
    described.get_ifd(ExifTags.IFD.Exif).update(kept.get_ifd(ExifTags.IFD.Exif))
    described[ExifTags.Base.ImageDescription] = _ascii(sentence)
    described[ExifTags.Base.Software] = PROGRAM
    described[ExifTags.Base.Orientation] = 1
    return described


def _ascii(sentence: str) -> str:
    return sentence.encode("ascii", "replace").decode()
