"""Points in pictures: by torch, by ONNX Runtime and by OpenCV the same; what cannot be is told."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from landmarks import detect  # noqa: E402
from landmarks.errors import ImageError, InputError  # noqa: E402
from landmarks.keypoints import Config, build_network, load_predictor, save_model  # noqa: E402
from landmarks.keypoints import export as export_command  # noqa: E402
from landmarks.keypoints.onnx_file import compute, properties  # noqa: E402
from landmarks.keypoints.predictor import SHIPPED  # noqa: E402
from landmarks.keypoints.runtimes import TorchRuntime  # noqa: E402
from landmarks.metrics import normalized_mean_error  # noqa: E402
from landmarks.scheme import mirror  # noqa: E402
from tests.commands import ROOT  # noqa: E402

BOX = (175, 76, 265, 166)
BOXES = [BOX, (170.5, 70.25, 260, 160), (-50, -30, 60, 80), (440, 420, 600, 580)]


def untrained(path, **settings):
    config = Config(**settings)
    torch.manual_seed(0)
    network = build_network(config)
    if config.network == "small":
        with torch.no_grad():
            for _ in range(20):  # what batches are normalised by
                network(torch.rand(8, config.channels, config.side, config.side) * 2 - 1)
            # Maps with peaks, so that points, radii and trust follow what is to be seen.
            network.maps.weight *= 40
            network.spreads.weight += 0.1 * torch.randn_like(network.spreads.weight)
            network.trust[2].weight *= 4
            network.radius_factor[:] = torch.linspace(0.5, 2, 68)
    save_model(path, network, config)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network of few pixels with random weights: .safetensors, and the .onnx made of it."""
    folder = tmp_path_factory.mktemp("networks")
    source = untrained(folder / "tiny.safetensors", side=64)
    found = export_command.export(source, folder / "tiny.onnx", everywhere=True)
    # OpenCV computes it where ONNX Runtime is missing.
    assert "OpenCvRuntime" in found
    assert max(found.values()) < 1e-4
    return source, folder / "tiny.onnx"


@pytest.fixture(scope="module", params=["torch", "onnx"])
def predictor(request, files):
    return load_predictor(files[request.param == "onnx"])


def close(fits, others, tolerance=0.01):
    for one, other in zip(fits, others, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_onnx_and_torch_say_the_same(files, portrait):
    by_torch, by_onnx = (load_predictor(path) for path in files)
    assert by_torch.config == by_onnx.config
    fits = by_torch.predict(portrait, BOXES)
    assert fits.points.shape == (4, 68, 2)
    assert fits.radius.shape == (4, 68)
    assert fits.trust.shape == (4,)
    assert ((fits.trust > 0) & (fits.trust < 1)).all()
    assert np.ptp(fits.trust) > 1e-3  # it depends on the picture
    close(fits, by_onnx.predict(portrait, BOXES))


def test_many_pictures_are_many_single_ones(predictor, portrait, monkeypatch):
    monkeypatch.setattr("landmarks.keypoints.predictor._BATCH", 7)
    pictures = [portrait, portrait[:, ::-1], portrait[..., 0], portrait // 2] * 5
    together = predictor.predict_many(iter(pictures), BOXES * 5)
    for row, (picture, box) in enumerate(zip(pictures, BOXES * 5, strict=True)):
        close([v[row : row + 1] for v in together], predictor.predict(picture, [box]))
    close(predictor.predict(portrait, BOXES * 5), [np.tile(v, (5, *[1] * (v.ndim - 1)))
          for v in predictor.predict(portrait, BOXES)])  # fmt: skip


def test_points_and_radii_are_the_networks_in_pixels(files, portrait):
    from landmarks.keypoints import crop_around, load_model
    from landmarks.keypoints.batches import to_tensor

    network, config = load_model(files[0])
    crop = crop_around(BOX, config.side, factor=config.factor)
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    points, radius, trust = network(to_tensor(crop.cut(grey)[None]))
    fits = load_predictor(files[0]).predict(portrait, [BOX])
    side = 1.35 * 91  # pixels from edge to edge of the crop
    corner = np.array([220, 121]) - side / 2  # of the centre of the box
    np.testing.assert_allclose(fits.points[0], points[0].numpy() * side + corner, atol=0.01)
    np.testing.assert_allclose(fits.radius[0], radius[0].numpy() * side, atol=0.01)
    np.testing.assert_allclose(fits.trust, torch.sigmoid(trust).numpy(), atol=1e-5)


def test_grey_and_colours_and_alpha_are_the_same_picture(predictor, portrait):
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    fits = predictor.predict(portrait, BOXES)
    backwards = np.ascontiguousarray(grey[::-1, ::-1])[::-1, ::-1]  # negative strides
    for image in (grey, grey[..., None], np.dstack([portrait, grey]), backwards):
        close(fits, predictor.predict(image, BOXES))


def test_points_follow_the_picture(predictor, portrait):
    fits = predictor.predict(portrait, [BOX])
    rolled = np.roll(portrait, (20, -30), axis=(0, 1))
    moved = predictor.predict(rolled, [np.add(BOX, (-30, 20, -30, 20))])
    close([moved.points, moved.radius], [fits.points + (-30, 20), fits.radius])
    # In a picture of four times the size everything is four times as far.
    smooth = cv2.GaussianBlur(portrait, (0, 0), 6)
    fits = predictor.predict(smooth, [BOX])
    large = cv2.resize(smooth, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = BOX
    scaled = predictor.predict(large, [(left * 4, top * 4, right * 4 + 3, bottom * 4 + 3)])
    difference = (scaled.points + 0.5) / 4 - 0.5 - fits.points
    assert np.linalg.norm(difference, axis=2).mean() < 1
    np.testing.assert_allclose(scaled.radius / 4, fits.radius, rtol=0.1)


def test_a_border_is_repeated_where_the_box_leaves_the_picture(predictor, portrait):
    boxes = [(-20, -10, 40, 50), (470, 480, 530, 540)]
    wide = np.pad(portrait, ((100, 100), (100, 100), (0, 0)), mode="edge")
    fits = predictor.predict(portrait, boxes)
    padded = predictor.predict(wide, np.add(boxes, 100))
    close([padded.points - 100, padded.radius, padded.trust], fits)


def test_a_face_in_a_picture_wider_than_opencv_can_turn(predictor, portrait):
    row = np.zeros((91, 40_000, 3), np.uint8)
    row[:, 39_000:39_091] = portrait[76:167, 175:266]
    points = predictor.predict(row, [(39_000, 0, 39_090, 90)]).points
    alone = row[:, 38_900:39_191]
    np.testing.assert_allclose(
        points - (38_900, 0), predictor.predict(alone, [(100, 0, 190, 90)]).points, atol=0.01
    )


def test_a_network_of_colours(tmp_path, portrait):
    source = untrained(tmp_path / "rgb.safetensors", channels=3, side=64)
    export_command.export(source, tmp_path / "rgb.onnx")
    one, other = load_predictor(source), load_predictor(tmp_path / "rgb.onnx")
    close(one.predict(portrait, BOXES), other.predict(portrait, BOXES))
    grey = portrait[..., 1]
    close(one.predict(grey, BOXES), one.predict(np.dstack([grey] * 3), BOXES))
    assert abs(one.predict(grey, BOXES).points - one.predict(portrait, BOXES).points).max() > 0.01


def test_no_boxes_no_faces(predictor, portrait):
    for none in ([], np.empty((0, 4))):
        fits = predictor.predict(portrait, none)
        assert [v.shape for v in fits] == [(0, 68, 2), (0, 68), (0,)]


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ((1, 2, 3), r"have shape \(1, 3\): expected \(n, 4\)"),
        ((1, 2, np.nan, 4), "box 0 is 1 2 nan 4: expected four finite"),
        ((1, 2, np.inf, 4), "box 0 is 1 2 inf 4: expected four finite"),
        ((5, 5, 5, 9), "box 0 is 5 5 5 9, which is empty"),
        ((9, 5, 5, 9), "which is empty"),
        ((600, 10, 700, 90), "600 10 700 90, which lies outside of the picture of 512×512 pixels"),
        ((-90, 10, -1, 90), "lies outside"),
        ((0, 0, 1e300, 5), "at most 1,000,000 pixels"),
        (("left", 2, 3, 4), "no array of numbers"),
    ],
)
def test_boxes_that_cannot_be(predictor, portrait, box, told):
    with pytest.raises(InputError, match=told) as error:
        predictor.predict(portrait, [box])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((9, 9, 2), np.uint8), r"shape \(9, 9, 2\): expected"),
        (np.zeros((9, 9, 5), np.uint8), r"shape \(9, 9, 5\)"),
        (np.zeros((9, 9, 3)), "array of float64: expected uint8"),
        (np.zeros((0, 9), np.uint8), r"shape \(0, 9, 1\)"),
        (np.zeros(9, np.uint8), r"shape \(9,\)"),
        ("face.jpg", "is a name, not a picture"),
    ],
)
def test_pictures_that_cannot_be(predictor, image, told):
    with pytest.raises(ImageError, match=told):
        predictor.predict(image, [(0, 0, 8, 8)])
    with pytest.raises(ImageError, match=f"picture 1: .*{told}"):
        predictor.predict_many([np.zeros((9, 9), np.uint8), image], [(0, 0, 8, 8)] * 2)


def test_as_many_pictures_as_boxes(predictor, portrait):
    with pytest.raises(InputError, match="the pictures end after 3, the boxes go on"):
        predictor.predict_many([portrait] * 3, BOXES)
    with pytest.raises(InputError, match="the boxes end after 4, the pictures go on"):
        predictor.predict_many([portrait] * 5, BOXES)


def test_a_published_network_tells_points_alone(tmp_path, portrait):
    source = untrained(tmp_path / "n.safetensors", network="naimishnet")
    fits = load_predictor(source).predict(portrait, BOXES)
    assert fits.points.shape == (4, 68, 2)
    assert fits.radius is fits.trust is None
    assert load_predictor(source).predict(portrait, []).radius is None


def test_opencv_says_the_same_where_onnx_runtime_is_missing(files, portrait):
    data = files[1].read_bytes()
    crops = np.stack([cv2.resize(portrait[..., c], (64, 64)) for c in range(3)])
    one, _ = compute(data, "x")
    other, _ = compute(data, "x", opencv=True)
    for a, b in zip(one(crops), other(crops), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_settings_are_among_the_files_own_properties(files):
    model = onnx.load(str(files[1]))
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert properties(files[1].read_bytes()) == told
    assert Config.from_json(told["config"]) == Config(side=64)
    onnx.checker.check_model(model)


def test_an_export_that_computes_something_else_leaves_no_file(
    files, tmp_path, monkeypatch, capsys
):
    real = export_command.to_onnx

    def off_by_a_pixel(network, config):
        network.moves.bias += 0.01
        data = real(network, config)
        network.moves.bias -= 0.01
        return data

    monkeypatch.setattr(export_command, "to_onnx", off_by_a_pixel)
    (tmp_path / "out.onnx").write_bytes(b"before")
    assert export_command.main([str(files[0]), str(tmp_path / "out.onnx")]) == 2
    assert "is not written" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["out.onnx"]
    assert (tmp_path / "out.onnx").read_bytes() == b"before"


def test_files_that_hold_something_else(files, tmp_path, capsys):
    data = files[1].read_bytes()
    path = tmp_path / "x.onnx"
    for content, told in [
        (b"", "tells no settings"),
        (b"<html>not found</html>", "damaged or no .onnx"),
        (data[: len(data) // 2], "damaged"),
        ((ROOT / "landmarks" / "face_candidates.onnx").read_bytes(), "tells no settings"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=told):
            load_predictor(path)
    model = onnx.load(str(files[1]))
    del model.graph.node[:]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="is damaged"):
        load_predictor(path).predict(np.zeros((9, 9), np.uint8), [(0, 0, 8, 8)])
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_predictor(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="expected no device"):
        load_predictor(files[1], device="cpu")
    with pytest.raises(InputError, match="--device abc cannot be used|abc"):
        load_predictor(files[0], device="abc")
    for arguments, told in [
        ([tmp_path / "none", tmp_path / "o.onnx"], "does not exist"),
        ([files[0], tmp_path / "o.bin"], "does not end in .onnx"),
        ([files[0], tmp_path / "none" / "o.onnx"], "does not exist"),
    ]:
        assert export_command.main([str(a) for a in arguments]) == 2
        assert told in capsys.readouterr().err


def test_a_folder_called_small_is_not_the_network_that_ships(files, tmp_path, monkeypatch):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "model.safetensors").write_bytes(files[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    for source in ("./small", Path("small")):
        assert load_predictor(source).config == Config(side=64)


def test_weights_of_another_architecture(files, tmp_path):
    from safetensors.torch import load_file, save_file

    save_file(
        load_file(files[0]), tmp_path / "x.safetensors", {"config": Config("naimishnet").to_json()}
    )
    with pytest.raises(InputError, match="does not hold the weights that it announces"):
        load_predictor(tmp_path / "x.safetensors")


_WITHOUT_TORCH = """
import json, sys
import numpy as np
import landmarks.keypoints, landmarks.extract, landmarks.faces, landmarks.placing
predictor = landmarks.keypoints.load_predictor(sys.argv[1])
fits = predictor.predict(np.zeros((200, 200), np.uint8), [(50, 50, 150, 150)])
print(json.dumps([fits.points.shape, "torch" in sys.modules, "dlib" in sys.modules]))
"""


def test_an_exported_network_places_points_without_torch(files):
    command = [sys.executable, "-c", _WITHOUT_TORCH, str(files[1])]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == [[1, 68, 2], False, False]


needs_shipped = pytest.mark.skipif(
    not SHIPPED.is_file(), reason="small.onnx is not made yet: python -m scripts.ship_small"
)


@needs_shipped
def test_the_files_that_ship_are_small_and_the_same_network(portrait):
    weights = SHIPPED.with_suffix(".safetensors")
    assert max(path.stat().st_size for path in (SHIPPED, weights)) < 1_000_000
    by_onnx, by_torch = load_predictor("small"), load_predictor("small", device="cpu")
    assert by_onnx.config == by_torch.config
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (20, 112, 112), dtype=np.uint8)
    crops[10:] = [cv2.resize(portrait[k * 9 :, k * 5 :, 1], (112, 112)) for k in range(10)]
    truth = TorchRuntime(weights, device="cpu")(crops)
    for opencv in (False, True):
        runtime, _ = compute(SHIPPED.read_bytes(), "small", opencv=opencv)
        for said, true in zip(runtime(crops), truth, strict=True):
            np.testing.assert_allclose(said, true, rtol=1e-4, atol=1e-4)


@needs_shipped
def test_the_network_that_ships_tells_where_it_comes_from():
    from safetensors import safe_open

    with safe_open(SHIPPED.with_suffix(".safetensors"), "np") as opened:
        told = opened.metadata()
    assert Config.from_json(told["config"]).network == "small"
    assert told["command"].startswith("python -m scripts.build_small ")
    assert json.loads(told["validation"])["validation_nme"] > 0


@needs_shipped
def test_the_network_that_ships_finds_the_astronaut_and_her_mirror_image(portrait):
    from landmarks.detector import Box
    from landmarks.predictor import load_predictor as dlibs

    truth = dlibs()(portrait, Box(*BOX, 1.0))
    small = load_predictor("small")
    fits = small.predict(portrait, [BOX])
    assert normalized_mean_error(fits.points[0], truth) < 0.08
    assert fits.trust[0] > 0.5
    # Radii are of the size of the errors: 90 % of them are above.
    distance = np.linalg.norm(fits.points[0] - truth, axis=1)
    assert 0.2 < fits.radius[0].mean() / distance.mean() < 20
    flipped = (511 - BOX[2], BOX[1], 511 - BOX[0], BOX[3])
    other = small.predict(np.ascontiguousarray(portrait[:, ::-1]), [flipped])
    assert normalized_mean_error(mirror(other.points[0], 512), fits.points[0]) < 0.03
    nothing = small.predict(portrait, [(20, 330, 110, 420)])
    assert nothing.trust[0] < fits.trust[0]


def test_boxes_of_detected_faces_are_boxes(files, portrait):
    predictor = load_predictor(files[1])
    boxes = [face.box for face in detect(portrait)]
    numbers = [[box.left, box.top, box.right, box.bottom] for box in boxes]
    close(predictor.predict(portrait, boxes)[:1], predictor.predict(portrait, numbers)[:1], 0)
