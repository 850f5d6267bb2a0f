"""What the tests share: a real portrait, and a made-up face."""

from __future__ import annotations

import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


def pytest_configure() -> None:
    # A shell makes what it starts in the background deaf to Ctrl-C, and all that this starts too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def portrait() -> NDArray[np.uint8]:
    """(512, 512, 3) RGB photograph with one face (NASA, public domain)."""
    from skimage import data

    image: NDArray[np.uint8] = data.astronaut()
    return image


@pytest.fixture
def portrait_file(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    path = tmp_path / "portrait.jpg"
    Image.fromarray(portrait).save(path, quality=95)
    return path


@pytest.fixture(scope="session")
def face_points() -> NDArray[np.float64]:
    """(68, 2) pixels of a plausible face: the mean 3-D points of `head_pose`, and rings around."""
    rng = np.random.default_rng(68)
    angles = np.linspace(np.pi, 0, 17)
    jaw = np.stack([np.cos(angles) * 70, np.sin(angles) * 90 + 10], axis=1)
    inner = rng.uniform([-50, -40], [50, 70], size=(51, 2))
    return np.concatenate([jaw, inner]) + [128, 110]


@pytest.fixture(scope="session")
def small(portrait) -> np.ndarray:
    """The portrait at half size: enough for the detector, quick for the tests."""
    return cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def small_png(small) -> bytes:
    encoded: np.ndarray = cv2.imencode(".png", small[..., ::-1])[1]
    return encoded.tobytes()


@pytest.fixture
def folder(tmp_path, small_png) -> Path:
    """Seven pictures: four faces, one without, two that cannot be read."""
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    for name in ["a.png", "b.png", "d.png", "deep/c.png"]:
        (photos / name).write_bytes(small_png)
    Image.new("RGB", (200, 200), "teal").save(photos / "empty.png")
    (photos / "page.jpg").write_text("<html>404</html>")
    (photos / "zero.jpg").touch()
    return photos
