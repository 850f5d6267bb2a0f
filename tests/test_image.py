import numpy as np
import pytest
from PIL import Image

from landmarks import ImageError, read_image
from landmarks.image import Picture, as_rgb, crop, resize


def ramp(width: int = 48, height: int = 32) -> np.ndarray:
    """A picture whose four corners differ."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, 255 - x], axis=2).astype(np.uint8)


def save(path, image, **options):
    Image.fromarray(image).save(path, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_undone(tmp_path, orientation):
    # What the camera stores, by the EXIF standard's table, for the same upright scene.
    stored = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.transpose(a, (1, 0, 2)),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](ramp())
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif)
    np.testing.assert_array_equal(read_image(path), ramp())
    assert Picture(path).size == (48, 32)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_grey_of_a_jpeg_is_turned_like_its_colours(tmp_path, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(ramp(70, 45)).convert(mode).save(path, quality=95, exif=exif)
    grey, rgb = Picture(path).grey(), Picture(path).rgb()
    assert grey.shape == rgb.shape[:2] == Picture(path).size[::-1]
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, rgb @ weights, atol=4)


def test_a_jpeg_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.jpg", np.ascontiguousarray(np.rot90(ramp(), 1)), exif=exif, quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg").astype(int), ramp(), atol=12)


def test_an_orientation_that_does_not_exist_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 42
    path = save(tmp_path / "a.jpg", ramp(), exif=exif)
    assert Picture(path).grey().shape == (32, 48)


def test_modes_come_out_as_eight_bit_rgb(tmp_path):
    rgb = Image.fromarray(ramp())
    for mode, suffix in [
        ("L", "png"),
        ("P", "gif"),
        ("CMYK", "jpg"),
        ("1", "png"),
        ("RGBA", "png"),
    ]:
        path = tmp_path / f"{mode}.{suffix}"
        rgb.convert(mode).save(path)
        image = read_image(path)
        assert image.dtype == np.uint8
        assert image.shape == (32, 48, 3)
        tolerance = 130 if mode == "1" else 30
        assert (
            np.abs(image.mean(axis=(0, 1)) - np.asarray(rgb.convert("L")).mean()).max() < tolerance
        )


def test_cmyk_keeps_its_colours(tmp_path):
    Image.fromarray(ramp()).convert("CMYK").save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif"), ramp(), atol=2)


def test_transparent_lies_on_white(tmp_path):
    rgba = np.dstack([ramp(), np.full((32, 48), 0, np.uint8)])
    rgba[:16, :, 3] = 255
    image = read_image(save(tmp_path / "a.png", rgba))
    np.testing.assert_array_equal(image[:16], ramp()[:16])
    assert (image[16:] == 255).all()


@pytest.mark.parametrize("top", [65535, 4095])
def test_sixteen_and_twelve_bits_fill_eight(tmp_path, top):
    grey = np.linspace(0, top, 48).astype(np.uint16)[None].repeat(32, axis=0)
    image = read_image(save(tmp_path / "a.png", grey))
    np.testing.assert_allclose(image[0, :, 0], np.linspace(0, 255, 48), atol=1)


def test_float_pictures_fill_their_range(tmp_path):
    values = np.linspace(-3, 5, 48, dtype=np.float32)[None].repeat(32, axis=0)
    image = read_image(save(tmp_path / "a.tif", values))
    np.testing.assert_allclose(image[0, :, 1], np.linspace(0, 255, 48), atol=1)


def test_first_frame_of_an_animation(tmp_path):
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (20, 10), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=50)
    assert (read_image(tmp_path / "a.gif") == [255, 0, 0]).all()


def test_one_pixel(tmp_path):
    path = save(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8))
    assert read_image(path).shape == (1, 1, 3)
    assert Picture(path).grey().shape == (1, 1)


def bomb(path):
    """20,000 × 20,000 pixels in 400 kB."""
    Image.new("1", (20_000, 20_000)).save(path)
    return path


def test_too_many_pixels_are_refused_before_decoding(tmp_path):
    with pytest.raises(ImageError, match="20000×20000 pixels: at most 100,000,000|more than"):
        Picture(bomb(tmp_path / "a.png"))
    with pytest.raises(ImageError, match="48×32 pixels: at most 1,000 are read"):
        Picture(save(tmp_path / "b.png", ramp()), max_pixels=1000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html><body>404</body></html>", "is not an image: it begins with b'<html>"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "cannot be read as an image|not an image|damaged"),
    ],
)
def test_what_is_no_image_is_told(tmp_path, content, reason):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "tif", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_told(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageError, match=r"a\.\w+ (is|cannot)"):
        read_image(path)


def test_a_truncated_jpeg_is_told_in_grey_too(tmp_path):
    path = save(tmp_path / "a.jpg", ramp(400, 300))
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ImageError, match="damaged"):
        Picture(path).grey()


def test_twelve_bit_jpeg_is_told(tmp_path):
    path = save(tmp_path / "a.jpg", ramp())
    data = bytearray(path.read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12  # the sample precision in the frame header
    path.write_bytes(bytes(data))
    with pytest.raises(ImageError, match=r"a\.jpg"):
        read_image(path)


def test_missing_and_folder(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)


def test_unreadable_permissions_are_told(tmp_path, monkeypatch):
    # A test may run as root, whom no permission stops: the system's answer is played.
    from pathlib import Path

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.jpg").touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ImageError, match="permission denied"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((4, 4, 3)), "float64: expected uint8"),
        (np.zeros((4, 4, 2), np.uint8), r"\(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
    ],
)
def test_arrays_that_are_no_pictures(array, reason):
    with pytest.raises(ImageError, match=reason):
        as_rgb(array)


def test_arrays_with_one_or_four_channels():
    assert as_rgb(ramp()[..., 0]).shape == (32, 48, 3)
    np.testing.assert_array_equal(as_rgb(np.dstack([ramp(), ramp()[..., :1]])), ramp())


def spot(image: np.ndarray) -> np.ndarray:
    """Centre of brightness, (x, y) in pixels."""
    weight = image[..., 0].astype(float)
    y, x = np.indices(weight.shape)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def disc(center: tuple[float, float], size: int = 120) -> np.ndarray:
    y, x = np.indices((size, size))
    distance = np.hypot(x - center[0], y - center[1])
    return np.repeat((np.clip(12 - distance, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("size", [(60, 60), (40, 90), (240, 300), (17, 31)])
def test_resized_points_stay_on_what_they_mark(size):
    resized, moved = resize(disc((70, 50)), [[70, 50]], size)
    np.testing.assert_allclose(spot(resized), moved[0], atol=0.06)


@pytest.mark.parametrize("size", [(64, 64), (31, 50), (200, 160), (11, 11)])
def test_cropped_points_stay_on_what_they_mark(size):
    cropped, moved = crop(disc((70, 50)), [[70, 50]], (40.5, 20.25, 100.5, 80.25), size)
    np.testing.assert_allclose(spot(cropped), moved[0], atol=0.08)


def test_strong_shrinking_averages():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    cropped, _ = crop(stripes, [[0, 0]], (0, 0, 400, 400), (33, 33))
    assert np.abs(cropped[4:-4, 4:-4].astype(int) - 127).max() < 12


def test_crop_of_whole_pixels_is_a_slice():
    cropped, moved = crop(ramp(), [[10, 5]], (4, 2, 24, 12), (20, 10))
    np.testing.assert_array_equal(cropped, ramp()[2:12, 4:24])
    np.testing.assert_array_equal(moved, [[6, 3]])


def test_empty_boxes_and_sizes_are_told():
    with pytest.raises(ValueError, match="is empty"):
        crop(ramp(), [], (5, 5, 5, 9), (10, 10))
    with pytest.raises(ValueError, match="0×10"):
        resize(ramp(), [], (0, 10))
