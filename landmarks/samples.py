"""One sample of a shard: a picture, its landmarks, its mask, and the bytes that hold them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from landmarks import scheme
from landmarks.errors import ImageError, InputError
from landmarks.image import Picture

LABELS = (
    "background",
    "skin",
    "lips",
    "mouth_interior",
    "teeth",
    "eyes",
    "brows",
    "hair",
    "occluder",
)
"""What a pixel shows; the position is its value in the label picture."""

LABEL_COLORS = (
    (0, 0, 0),
    (224, 172, 140),
    (200, 40, 70),
    (90, 20, 40),
    (255, 255, 255),
    (60, 140, 230),
    (120, 70, 30),
    (170, 120, 60),
    (110, 200, 110),
)
"""Their colours (RGB) in the palette of a label picture."""

PICTURES = ("jpg", "jpeg", "png")
"""Endings that the picture of a sample may have."""

_KINDS: dict[str, tuple[type, ...]] = {
    "person": (str, int),
    "emotion": (str,),
    "intensity": (int, float),
}
"""What the fields that many readers look at may be, where they are there and known."""

_DECIMALS = 2  # of points: a hundredth of a pixel
_DIGITS = 5  # of the record's numbers


class ShardError(InputError):
    """A shard is missing, damaged, or holds something else; the message names it and the sample."""


class Sample(NamedTuple):
    """One picture and what is known of it.

    Attributes
    ----------
    key : str
        Its name in the shard, without a dot.
    image : (H, W, 3) uint8 array
        RGB.
    points : (68, 2) float array
        (x, y) in pixels.
    visible : (68,) bool array or None
        Whether the camera sees each point; None where nobody knows.
    labels : (H, W) uint8 array or None
        Values of `LABELS`.
    record : dict
        Everything else, as JSON holds it.
    """

    key: str
    image: NDArray[np.uint8]
    points: NDArray[np.float64]
    visible: NDArray[np.bool_] | None
    labels: NDArray[np.uint8] | None
    record: dict[str, Any]


def decode_sample(key: str, members: dict[str, bytes], shard: str = "") -> Sample:
    """A sample from the files of a shard.

    Parameters
    ----------
    key : str
    members : dict
        What the files hold, by ending: 'jpg', 'jpeg' or 'png'; 'json'; 'labels.png' (optional).
        Others are ignored.
    shard : str, optional
        Where they come from, for the error.

    Returns
    -------
    sample : Sample

    Raises
    ------
    ShardError
        A file is missing or damaged; there are not 68 finite points; the labels are of another
        size or hold an unknown value.
    """
    where = f"{shard}: sample {key}" if shard else f"sample {key}"
    found = [ending for ending in PICTURES if ending in members]
    if len(found) != 1:
        told = f"{len(found)} pictures" if found else "no picture"
        raise ShardError(f"{where} has {told}: expected one of .{', .'.join(PICTURES)}")
    if "json" not in members:
        raise ShardError(f"{where} has no .json file: expected one with its points")
    record = _read_json(members["json"], where)
    points = _points(record.pop("points", None), where)
    visible = _visible(record.pop("visible", None), where)
    _check_record(record, where)
    try:
        image = Picture(f"{where}, .{found[0]}", data=members[found[0]]).rgb()
    except ImageError as error:
        raise ShardError(str(error)) from None
    labels = None
    if "labels.png" in members:
        labels = _labels(members["labels.png"], image.shape[:2], where)
    return Sample(key, image, points, visible, labels, record)


def _read_json(data: bytes, where: str) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise ShardError(f"{where}: its .json holds {name}: expected finite numbers")

    try:
        record = json.loads(data, parse_constant=refuse)
    except ShardError:
        raise
    except ValueError as error:  # not JSON, or not UTF-8
        raise ShardError(f"{where}: its .json is damaged: {error}") from None
    if not isinstance(record, dict):
        raise ShardError(f"{where}: its .json is a {type(record).__name__}: expected an object")
    return record


def _points(value: object, where: str) -> NDArray[np.float64]:
    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ShardError(f"{where}: its points are not 68 pairs of numbers") from None
    if points.shape != (scheme.COUNT, 2):
        got = "no points" if value is None else f"points of shape {points.shape}"
        raise ShardError(f"{where} has {got}: expected (68, 2)")
    if not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise ShardError(f"{where}: point {row} is not finite")
    return points


def _visible(value: object, where: str) -> NDArray[np.bool_] | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != scheme.COUNT or not set(value) <= {"0", "1"}:
        raise ShardError(f"{where}: 'visible' is {str(value)[:20]!r}…: expected 68 digits 0 or 1")
    return np.frombuffer(value.encode(), np.uint8) == ord("1")


def _check_record(record: dict[str, Any], where: str) -> None:
    for name, kinds in _KINDS.items():
        value = record.get(name)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ShardError(f"{where}: {name!r} is {str(value)[:40]!r}: expected {wanted}")


def _labels(data: bytes, size: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            # Told from the header, before a picture of any size is decoded.
            if opened.mode not in ("P", "L") or opened.size != size[::-1]:
                got = f"mode {opened.mode} and {opened.width}×{opened.height} pixels"
                raise ShardError(
                    f"{where}: its labels have {got}: expected a palette and {size[1]}×{size[0]}"
                )
            labels = np.asarray(opened)
    except ShardError:
        raise
    # Pillow's readers raise many types on damaged data.
    except Exception as error:
        reason = "no PNG" if isinstance(error, UnidentifiedImageError) else error
        raise ShardError(f"{where}: its labels are damaged: {reason}") from None
    _check_labels(labels, size, where)
    return labels.astype(np.uint8)


def _check_labels(labels: NDArray[Any], size: tuple[int, ...], where: str) -> None:
    if labels.shape != size:
        raise ShardError(f"{where}: its labels have shape {labels.shape}: its picture {size}")
    if labels.min() < 0 or labels.max() >= len(LABELS):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ShardError(
            f"{where}: its labels hold the value {wrong}: expected 0 to {len(LABELS) - 1}"
        )


def encode_sample(sample: Sample, *, quality: int | None = 90) -> dict[str, bytes]:
    """The files of a sample; equal samples give equal bytes.

    Parameters
    ----------
    sample : Sample
        Points are rounded to a hundredth of a pixel, other numbers of the record to five digits;
        numpy's numbers and arrays become plain ones.
    quality : int or None, optional
        Of the JPEG, 1 to 100; None writes a PNG, without loss.

    Returns
    -------
    members : dict
        Ending → bytes, in the order in which they are stored.

    Raises
    ------
    ShardError
        What `decode_sample` would refuse to read.
    """
    where = f"sample {sample.key}"
    if not sample.key or "." in sample.key.rpartition("/")[2]:
        raise ShardError(f"{sample.key!r} is no key of a sample: expected a name without a dot")
    points = np.round(_points(sample.points, where), _DECIMALS) + 0.0  # no negative zero
    content: dict[str, Any] = {"points": _plain(points, where, "points", digits=12)}
    if sample.visible is not None:
        content["visible"] = "".join("01"[bool(seen)] for seen in sample.visible)
        _visible(content["visible"], where)
    content |= {
        name: _plain(value, where, name)
        for name, value in sample.record.items()
        if name not in ("points", "visible")
    }
    _check_record(content, where)
    members = _picture(sample.image, quality, where)
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    members["json"] = text.encode()
    if sample.labels is not None:
        _check_labels(sample.labels, sample.image.shape[:2], where)
        height, width = sample.labels.shape
        values = sample.labels.astype(np.uint8).tobytes()
        picture = Image.frombytes("P", (width, height), values)
        picture.putpalette([value for color in LABEL_COLORS for value in color])
        members["labels.png"] = _saved(picture, format="PNG", bits=4, optimize=True)
    return members


def _picture(image: NDArray[np.uint8], quality: int | None, where: str) -> dict[str, bytes]:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        got = f"{image.dtype} {image.shape}"
        raise ShardError(f"{where}: its picture is {got}: expected uint8 (H, W, 3)")
    picture = Image.fromarray(image)
    if quality is None:
        return {"png": _saved(picture, format="PNG", optimize=True)}
    return {"jpg": _saved(picture, format="JPEG", quality=quality, optimize=True)}


def _saved(picture: Image.Image, **options: Any) -> bytes:
    handle = io.BytesIO()
    picture.save(handle, **options)
    return handle.getvalue()


def _plain(value: Any, where: str, name: str, digits: int = _DIGITS) -> Any:
    """What JSON can hold, with numbers of a few digits."""
    if isinstance(value, Mapping):
        return {str(k): _plain(item, where, f"{name}.{k}") for k, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item, where, name, digits) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not np.isfinite(value):
            raise ShardError(f"{where}: {name} is {value}: expected a finite number")
        rounded = float(f"{value:.{digits}g}")
        return int(rounded) if rounded.is_integer() else rounded
    raise ShardError(f"{where}: {name} is a {type(value).__name__}: JSON cannot hold it")


def split_of(person: object) -> str:
    """Which split a person belongs to, by a rule that everybody can apply without a list.

    Parameters
    ----------
    person : object
        Its text is what counts: the name, or the number of a synthetic person.

    Returns
    -------
    split : {'train', 'validation', 'test'}
        By the first byte of the SHA-256 of the text: below 51 'test', below 77 'validation'
        (20 % and 10 % of all people).
    """
    byte = hashlib.sha256(str(person).encode()).digest()[0]
    return "test" if byte < 51 else "validation" if byte < 77 else "train"
