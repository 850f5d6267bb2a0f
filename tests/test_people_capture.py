"""What light, exposure and a camera do to a picture of people."""

import cv2
import numpy as np
import pytest

from data.people.camera import Camera
from data.people.capture import capture, expose
from data.people.light import KINDS, Light, directions, draw_light
from data.people.preview import gloss, quieten, shade
from data.people.raster import rasterise
from data.people.scene import trace
from data.people.sight import Sight, see
from data.people.surface import Surface, smooth_normals
from tests import made_up_head

WHITE = Light("even", np.ones((16, 32, 3), np.float32), None, np.zeros(3))
CAMERA = Camera(np.eye(3), np.zeros(3), np.array([0, 0, -60.0]), 120.0, np.full(2, 23.5), 48)


# --- light --------------------------------------------------------------------------------------


def ball():
    points = made_up_head._sphere([0, 0, 0], 5.0, steps=25)
    index = np.arange(625).reshape(25, 25)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1)
    triangles = quads.reshape(-1, 4)[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3).astype(np.int32)
    vertices = points.reshape(-1, 3).astype(np.float32)
    return Surface("ball", vertices, triangles, None, np.ones(3, np.float32), normals=vertices / 5)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("way", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0.2), (0.5, 0.5, 1)])
def test_preview_and_path_tracer_are_lit_from_the_same_side(way, small):
    ways, _ = directions()
    toward = np.array(way) / np.linalg.norm(way)
    if small:
        # Far away, since the preview knows of no distance; of three colours.
        light = Light("lamp", 0 * WHITE.sphere, 500 * toward, np.array([3.0, 2.0, 1.0]))
    else:
        sphere = (ways @ toward > 0.85)[..., None] * np.ones(3, np.float32)
        light = Light("patch", sphere.astype(np.float32), None, np.zeros(3))
    placed = [CAMERA.place(ball())]
    raster = rasterise(placed, CAMERA)
    traced, coverage = trace(placed, CAMERA, light, samples=64, seed=0)
    shaded = shade(see(placed, raster, CAMERA), light)
    inside = coverage > 0.99
    assert np.corrcoef(traced[inside][:, 1], shaded[inside][:, 1])[0, 1] > 0.99
    if small:
        lit = inside & (shaded[..., 1] > 0.2)
        ratio = traced[lit].mean(axis=0) / shaded[lit].mean(axis=0)
        np.testing.assert_allclose(ratio, 1, atol=0.03)


def test_even_light_makes_a_convex_white_body_as_bright_as_itself():
    placed = [CAMERA.place(ball())]
    sight = see(placed, rasterise(placed, CAMERA), CAMERA)
    shaded = shade(sight, WHITE)[sight.albedo[..., 0] > 0]
    np.testing.assert_allclose(shaded, 1, atol=0.02)


def test_every_kind_of_light_can_be_drawn():
    kinds = {draw_light(np.random.default_rng(seed)).kind for seed in range(200)}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("way", [(0.6, 0.3, 0.7), (-0.6, 0.2, 0.7), (0.2, -0.7, 0.7)])
def test_highlights_lie_where_the_normal_is_half_way_between_light_and_camera(way, small):
    ways, _ = directions()
    toward = np.array(way) / np.linalg.norm(way)
    if small:
        light = Light("lamp", 0 * WHITE.sphere, 100 * toward, np.ones(3))
    else:
        patch = ways @ toward > 0.95
        light = Light("patch", patch[..., None] * WHITE.sphere, None, np.zeros(3))
        toward = ways[patch].mean(axis=0) / np.linalg.norm(ways[patch].mean(axis=0))
    near = CAMERA._replace(focal=240.0)
    placed = [near.place(ball()._replace(roughness=0.3, specular=1.0))]
    sight = see(placed, rasterise(placed, near), near)
    shine = gloss(sight, light, (sight.specular > 0).astype(np.float32))[..., 1]
    brightest = np.unravel_index(shine.argmax(), shine.shape)
    half = toward + sight.toward[brightest]
    cosine = sight.normals[brightest] @ half / np.linalg.norm(half)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 5


def test_the_filter_keeps_edges_and_brightness():
    albedo = np.full((48, 48, 3), 0.8, np.float32)
    albedo[:, 24:] = 0.05
    ahead = np.broadcast_to(np.float32([0, 0, 1]), albedo.shape)
    sight = Sight(albedo, ahead, ahead, *np.zeros((2, 48, 48), np.float32))
    noise = np.random.default_rng(0).uniform(0.5, 1.5, (48, 48, 1)).astype(np.float32)
    noisy = albedo * noise
    quiet = quieten(noisy, sight, 8)
    for half in np.s_[:, :24], np.s_[:, 24:]:
        assert quiet[half].mean() == pytest.approx(noisy[half].mean(), rel=0.02)
        assert quiet[half].std() < 0.5 * noisy[half].std()
    assert np.abs(quieten(noisy, sight, 10**9) - noisy).max() < 1e-6


def test_smooth_normals_of_a_ball_point_outward():
    body = ball()
    normals = smooth_normals(body.vertices, body.triangles)
    inner = np.abs(body.vertices[:, 1]) < 4.5
    assert (np.einsum("nk,nk->n", normals, body.vertices / 5)[inner] > 0.98).all()


# --- exposure and capture -----------------------------------------------------------------------


def test_exposure_follows_the_light_and_takes_out_its_colour():
    rng = np.random.default_rng(0)
    radiance = rng.uniform(0, 1, (16, 16, 1)).astype(np.float32).repeat(3, axis=2)
    coverage, face = np.ones((16, 16), np.float32), np.ones((16, 16), bool)

    def exposed(radiance, white, seed=1):
        rng = np.random.default_rng(seed)
        return expose(radiance, coverage, face, 0.3, white, rng)[0]

    once = exposed(radiance, np.ones(3))
    np.testing.assert_allclose(once, exposed(100 * radiance, np.full(3, 100.0)), rtol=1e-4)
    assert 0.1 < once.mean() < 0.8
    amber = np.array([1.4, 1.0, 0.5], np.float32)
    ratios = []
    for seed in range(60):
        image = exposed(radiance * amber, amber, seed)
        ratios.append(np.log(image[..., 0].mean() / image[..., 2].mean()))
    # On average less than the light's own ratio is left, but not nothing.
    assert 0.05 < np.mean(ratios) < 0.6 * np.log(1.4 / 0.5)


@pytest.mark.parametrize("seed", range(24))
def test_capture_keeps_the_size_and_moves_nothing(seed):
    y, x = np.mgrid[:96, :96]
    where = np.array([43.3, 51.6])
    spot = np.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / (2 * 6**2))
    linear = np.repeat(0.02 + 0.5 * spot[..., None], 3, axis=2).astype(np.float32)
    image, record = capture(linear, np.random.default_rng(seed), np.random.default_rng(99))
    assert image.shape == (96, 96, 3)
    assert image.dtype == np.uint8
    grey = cv2.GaussianBlur(image.mean(axis=2), (0, 0), 2)
    bright = np.clip(grey - (grey.min() + grey.max()) / 2, 0, None)
    found = np.array([(x * bright).sum(), (y * bright).sum()]) / bright.sum()
    np.testing.assert_allclose(found, where, atol=0.4, err_msg=str(record))
