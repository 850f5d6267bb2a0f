"""Rendered people: points lie where they are seen, labels are what is seen."""

import dataclasses

import cv2
import numpy as np
import pytest

from data.people import render as render_module
from data.people.camera import Camera, draw_camera, turned
from data.people.canvas import make_canvas
from data.people.lids import Lids
from data.people.light import Light
from data.people.look import Accessories, draw_look
from data.people.plan import Settings, plan
from data.people.raster import project, rasterise
from data.people.render import render
from data.people.scene import trace
from data.people.surface import EYES, LIPS, MOUTH, OCCLUDER, SKIN, TEETH, Surface
from data.people.truth import find_marks, labels_of, landmarks_of, slide_jaw, visible
from landmarks.scheme import MIRROR
from tests import made_up_head

NOTHING = Accessories()
WHITE = Light("even", np.ones((16, 32, 3), np.float32), None, np.zeros(3))


@pytest.fixture(scope="module")
def model():
    return made_up_head.head()


@pytest.fixture(scope="module")
def marks(model):
    return find_marks(model)


@pytest.fixture(scope="module")
def settings(model):
    return Settings(
        tuple(model.names), seed=3, people=3, per_person=4, size=64, identities=5, sequences=0
    )


@pytest.fixture(scope="module")
def pair(model, settings):
    """The same picture, path-traced and previewed."""
    one = plan(settings, 5)
    return [render(model, one, settings, samples=16, path_traced=p) for p in (True, False)]


def camera(size=48, focal=120.0, yaw=0.0, pitch=0.0, roll=0.0, centre=None):
    middle = np.full(2, (size - 1) / 2) if centre is None else np.asarray(centre, float)
    return Camera(
        turned(yaw, pitch, roll), np.zeros(3), np.array([0, 0, -60.0]), focal, middle, size
    )


def square(at, half, colour=(1.0, 1.0, 1.0), **how):
    """A square that faces along z."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * half + at
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    albedo = np.asarray(colour, np.float32)
    return Surface("square", corners.astype(np.float32), triangles, uv, albedo, **how)


def skin_of(model, vertices):
    return Surface(
        "skin",
        vertices,
        model.triangles[model.part("M_Face", "M_BackHead")],
        None,
        np.full(3, 0.5, np.float32),
        label=SKIN,
    )


# --- pose and projection ------------------------------------------------------------------------


def test_turned_has_the_documented_signs():
    nose, left = np.array([0, 0, 1.0]), np.array([1.0, 0, 0])
    np.testing.assert_allclose(turned(30, 0, 0) @ nose, [0.5, 0, np.sqrt(0.75)], atol=1e-12)
    np.testing.assert_allclose(turned(0, 30, 0) @ nose, [0, 0.5, np.sqrt(0.75)], atol=1e-12)
    np.testing.assert_allclose(turned(0, 0, 30) @ left, [np.sqrt(0.75), 0.5, 0], atol=1e-12)
    both = turned(20, 10, 40)
    np.testing.assert_allclose(both @ both.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("landmark", [8, 30, 36, 54])
@pytest.mark.parametrize("view", [(0, 0, 0, None), (25, -10, 15, (17.3, 26.8))])
def test_a_marker_is_rendered_where_the_landmark_is_said_to_be(model, marks, landmark, view):
    yaw, pitch, roll, centre = view
    cam = camera(yaw=yaw, pitch=pitch, roll=roll, centre=centre)
    point = marks.places.of(model.neutral)[landmark]
    found = landmarks_of(model, marks, model.neutral, cam)
    marker = square(cam.view(point), 1.0)
    radiance, coverage = trace([marker], cam, WHITE, samples=64, seed=0)
    y, x = np.mgrid[: cam.size, : cam.size]
    centroid = np.array([(x * coverage).sum(), (y * coverage).sum()]) / coverage.sum()
    np.testing.assert_allclose(centroid, found.fixed[landmark], atol=0.06)
    np.testing.assert_allclose(radiance[coverage > 0.99].mean(), 1, atol=0.02)


def test_a_mirrored_head_has_mirrored_points(model, marks):
    seen = landmarks_of(model, marks, model.neutral, camera(yaw=35))
    other = landmarks_of(model, marks, model.neutral, camera(yaw=-35))
    mirrored = other.points[MIRROR] * [-1, 1] + [47, 0]
    # The triangles of the made-up head are cut along one diagonal on both sides.
    np.testing.assert_allclose(seen.points, mirrored, atol=0.35)
    np.testing.assert_allclose(seen.fixed, other.fixed[MIRROR] * [-1, 1] + [47, 0], atol=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_neutral_face_is_in_the_frame(model, seed):
    points = model.neutral[model.landmark_vertices]
    rng = np.random.default_rng(seed)
    cam = draw_camera(rng, turned(*rng.uniform(-20, 20, 3)), points, 100)
    pixels = cam.pixels(cam.view(points))
    assert pixels.min() > -0.5
    assert pixels.max() < 99.5
    assert 35 <= np.ptp(pixels, axis=0).max() <= 75


@pytest.mark.parametrize("seed", range(5))
def test_a_pose_is_told_against_the_line_of_sight(model, seed):
    points = model.neutral[model.landmark_vertices]
    cam = draw_camera(np.random.default_rng(seed), turned(0, 0, 0), points, 100)
    ahead = cam.rotation @ [0, 0, 1]
    np.testing.assert_allclose(ahead, -cam.shift / np.linalg.norm(cam.shift), atol=1e-12)


# --- the jaw's outline --------------------------------------------------------------------------


def test_the_jaw_lies_where_it_is_first_seen_and_on_the_outline_where_it_is_hidden(model, marks):
    ways = marks.ways(model.neutral)
    own = marks.places.of(model.neutral)[:17]
    assert np.linalg.norm(ways - own[:, None], axis=2).min(axis=1).max() < 1e-4
    assert (ways[[0, 1, 2, 3], 0, 2] < own[[0, 1, 2, 3], 2]).all()  # they begin nearer to the ear
    cam = camera(
        size=96, focal=250, yaw=40
    )  # the nose turns to the subject's left, whose jaw is then hidden
    found = landmarks_of(model, marks, model.neutral, cam)
    moved = np.linalg.norm(found.points - found.fixed, axis=1)
    near = cam.pixels(cam.view(ways[:8, 0]))
    np.testing.assert_allclose(found.points[:8], near, atol=1e-3)
    assert moved[12:16].min() > 2
    assert (moved[17:] == 0).all()
    # What slid lies on the outline: nothing of the face is seen beyond it.
    raster = rasterise([cam.place(skin_of(model, model.neutral))], cam)
    for x, y in found.points[12:16]:
        row = np.flatnonzero(raster.surface[round(y)] >= 0)
        assert abs(row.max() - x) < 1.5


def test_sliding_finds_where_a_ball_turns_away(marks):
    # Ways along meridians of a unit ball, from behind to the front.
    angles = np.linspace(np.radians(150), 0, 40)
    ball = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], -1)
    one = marks._replace(
        corners=np.repeat(np.arange(40)[None, :, None], 3, axis=2),
        weights=np.tile([1.0, 0.0, 0.0], (1, 40, 1)),
    )
    away = np.array([0, 0, -4.0])
    point = slide_jaw(one, ball + away, ball)[0] - away
    # Seen from 4 radii away, the outline lies where the cosine is 1/4.
    slid, outline = np.degrees(np.arccos([point[2] / np.linalg.norm(point), 0.25]))
    assert slid == pytest.approx(outline, abs=0.5)


# --- what hides what ----------------------------------------------------------------------------


def seen_behind(model, marks, *covers, cam=None):
    cam = cam or camera()
    surfaces = [cam.place(skin_of(model, model.neutral)), *(cam.place(c) for c in covers)]
    found = landmarks_of(model, marks, model.neutral, cam)
    triangles = project(surfaces, cam)
    return visible(found, surfaces, triangles, rasterise(surfaces, cam, triangles))


def test_a_covered_landmark_is_not_visible(model, marks):
    bare = seen_behind(model, marks)
    assert bare.all()
    mouth = model.neutral[model.landmark_vertices[48:]].mean(axis=0) + [0, 0, 2]
    masked = seen_behind(model, marks, square(mouth, 3.2, label=OCCLUDER))
    assert not masked[48:].any()
    assert masked[17:31].all()
    # A cover behind the face hides nothing.
    assert seen_behind(model, marks, square(mouth - [0, 0, 12], 3.2)).all()


def test_lashes_hide_no_lid_though_they_lie_before_it(model, marks):
    look = draw_look(np.random.default_rng(0))
    _, lashes = Lids(model, make_canvas(model, 32, 32)).surfaces(model.neutral, look)
    before = lashes._replace(vertices=lashes.vertices + np.float32([0, 0, 1]))
    assert seen_behind(model, marks, before).all()
    hidden = ~seen_behind(model, marks, before._replace(hides=True))
    assert hidden[[37, 38, 43, 44]].any()
    assert not hidden[[*range(36), *range(48, 68)]].any()


def test_lips_that_touch_hide_no_inner_lip(model, marks):
    inner = model.neutral[model.landmark_vertices[60:]]
    at = np.array([0, inner[:, 1].mean(), inner[:, 2].max()])
    touching, apart = (
        seen_behind(model, marks, square(at + [0, 0, gap], 3.5, label=LIPS)) for gap in (0.6, 1.2)
    )
    assert touching[60:].all()
    assert not touching[53:60].any()  # the outer edge of the lower lip
    assert not apart[48:].any()


def test_points_off_the_picture_are_not_visible(model, marks):
    seen = seen_behind(model, marks, cam=camera(centre=(23.5, 40)))
    assert not seen[8]
    assert seen[27]


# --- labels -------------------------------------------------------------------------------------


def test_labels_follow_the_texture_and_the_nearest_surface():
    cam = camera()
    label = np.full((2, 2), LIPS, np.uint8)
    label[1, 1] = EYES  # below, to the right
    surfaces = [
        cam.place(square(np.zeros(3), 5, label=label)),
        cam.place(square(np.array([0, 0, 3.0]), 1, label=OCCLUDER)),
    ]
    labels = labels_of(surfaces, rasterise(surfaces, cam))
    assert labels[0, 0] == 0
    assert labels[23, 23] == OCCLUDER
    assert labels[15, 15] == labels[15, 32] == labels[32, 15] == LIPS
    assert labels[32, 32] == EYES


def test_the_depth_buffer_agrees_with_the_path_tracer(model):
    """Mitsuba's coverage is an independent oracle of which pixels see the head."""
    cam = camera(size=64, focal=200, yaw=20, roll=10)
    skin = cam.place(skin_of(model, model.neutral))
    raster = rasterise([skin], cam)
    _, coverage = trace([skin], cam, WHITE, samples=32, seed=0)
    clear = (coverage < 0.02) | (coverage > 0.98)
    assert clear.mean() > 0.9
    np.testing.assert_array_equal((raster.surface >= 0)[clear], coverage[clear] > 0.5)


def test_depth_and_weights_are_those_of_the_surface():
    cam = camera()
    slope = square(np.zeros(3), 6)
    slope.vertices[:, 2] = slope.vertices[:, 0]
    placed = cam.place(slope)
    raster = rasterise([placed], cam)
    here = raster.surface == 0
    assert here.sum() > 300
    places = raster.interpolate([placed], 0, placed.vertices)
    np.testing.assert_allclose(-places[:, 2], raster.depth[here], rtol=1e-6)
    y, x = np.nonzero(here)
    np.testing.assert_allclose(cam.pixels(places), np.stack([x, y], 1), atol=1e-4)
    np.testing.assert_allclose(places[:, 2] + 60, places[:, 0], atol=1e-4)


def test_nothing_at_all_and_things_behind_the_camera_leave_the_picture_empty():
    cam = camera()
    behind = square(np.array([0, 0, 70.0]), 5)
    for surfaces in ([], [cam.place(behind)]):
        raster = rasterise(surfaces, cam)
        assert (raster.surface == -1).all()
        assert (labels_of(surfaces, raster) == 0).all()


# --- whole pictures -----------------------------------------------------------------------------


def test_preview_and_path_tracer_show_the_same(pair):
    traced, preview = (picture.image.astype(float).mean(axis=2) for picture in pair)
    assert (traced != preview).any()
    head = pair[0].labels > 0
    assert np.corrcoef(traced[head], preview[head])[0, 1] > 0.9


def test_a_picture_needs_nothing_but_its_plan(model, settings, pair):
    _, first = pair
    render(model, plan(settings, 9), settings, path_traced=False)  # somebody else in between
    again = render(model, plan(settings, 5), settings, path_traced=False)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert first.record == again.record


def test_the_same_paths_give_the_same_bytes(model, settings, pair):
    again = render(model, plan(settings, 5), settings, samples=16)
    np.testing.assert_array_equal(pair[0].image, again.image)


def test_a_picture_has_everything_that_is_promised(pair):
    picture = pair[0]
    assert picture.image.shape == (64, 64, 3)
    assert picture.image.dtype == picture.labels.dtype == np.uint8
    assert picture.points.shape == (68, 2)
    assert picture.visible.shape == (68,)
    assert {SKIN, LIPS} <= set(np.unique(picture.labels).tolist())
    wanted = {"emotion", "weights", "pose", "camera", "light", "background", "capture", "look"}
    assert wanted <= set(picture.record)


def test_expressions_move_the_points_but_not_the_frame(model, settings):
    one = plan(settings, 0)
    weights = np.zeros(53)
    weights[model.names.index("jawOpen")] = 1
    neutral, opened = (
        render(model, type(one)(**{**vars(one), "weights": w}), settings, path_traced=False)
        for w in (np.zeros(53), weights)
    )
    assert neutral.record["camera"] == opened.record["camera"]
    assert opened.points[57, 1] > neutral.points[57, 1] + 2
    np.testing.assert_allclose(opened.points[36:48], neutral.points[36:48], atol=0.3)


@pytest.fixture
def studio(model, monkeypatch):
    """Takes pictures without the faults of a camera, before a white wall that outshines the face.

    The images are not rounded: linear light, the wall 10.
    """
    monkeypatch.setattr(render_module, "capture", lambda linear, *_: (linear, {}))
    wall = np.full((128, 128, 3), 10, np.float32)
    monkeypatch.setattr(render_module, "draw_background", lambda *_: ("wall", wall))
    shot = Settings(
        tuple(model.names), seed=3, people=3, per_person=4, size=128, identities=5, sequences=0
    )

    def take(worn=NOTHING, path_traced=False, **changes):
        monkeypatch.setattr(render_module, "draw_accessories", lambda *_: worn)
        one = dataclasses.replace(plan(shot, 6), weights=np.zeros(53), **changes)
        return render(model, one, shot, samples=2, path_traced=path_traced)

    return take


def overlap(a, b, right=0, down=0):
    """Intersection ÷ union of two masks, the first moved."""
    a = np.roll(a, (down, right), axis=(0, 1))
    return (a & b).sum() / (a | b).sum()


def area(*outlines):
    """Pixels inside of outlines."""
    mask = np.zeros((128, 128), np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32) for outline in outlines], 1)
    return mask > 0


@pytest.mark.parametrize("path_traced", [False, True])
@pytest.mark.parametrize("yaw", [25.0, -25.0])
def test_picture_points_and_labels_lie_on_each_other(studio, yaw, path_traced):
    shown = studio(yaw=yaw, pitch=0.0, roll=8.0, path_traced=path_traced)
    above = np.arange(128)[:, None] < shown.points[48:60, 1].min()  # where no clothes are
    pairs = {
        "head": ((shown.labels > 0) & above, (shown.image.min(axis=2) < 5) & above, 0.975),
        "mouth": (np.isin(shown.labels, [LIPS, MOUTH, TEETH]), area(shown.points[48:60]), 0.75),
        "eyes": (shown.labels == EYES, area(shown.points[36:42], shown.points[42:48]), 0.5),
    }
    for name, (labels, other, least) in pairs.items():
        best = overlap(labels, other)
        assert best > least, name
        for right, down in [(2, 0), (-2, 0), (0, 2), (0, -2)]:
            assert overlap(labels, other, right, down) < best - 0.02, name


def test_a_mask_hides_the_mouth_and_not_the_eyes(studio):
    masks = (NOTHING, Accessories(mask="cloth"))
    bare, masked = (studio(worn=worn, yaw=0.0, pitch=0.0) for worn in masks)
    assert bare.visible[17:].all()
    assert not masked.visible[48:60].any()
    assert masked.visible[17:28].all()
    assert masked.visible[36:48].all()
    assert not np.isin(masked.labels, [LIPS, MOUTH, TEETH]).any()


def test_irises_go_where_the_gaze_goes(studio):
    """To the picture's right for the subject's left, and up."""

    def irises(*gaze):
        shown = studio(yaw=0.0, pitch=0.0, roll=0.0, gaze=gaze)
        light, (y, x) = shown.image.mean(axis=2), np.mgrid[:128, :128]
        places = []
        for side in (x < shown.points[27, 0], x > shown.points[27, 0]):
            eye = side & (shown.labels == EYES)
            dark = eye & (light <= np.quantile(light[eye], 0.25))
            places.append([x[dark].mean(), y[dark].mean()])
        return np.array(places)

    across = irises(25.0, 0.0) - irises(-25.0, 0.0)
    assert (across[:, 0] > 2).all()
    down = irises(0.0, -20.0) - irises(0.0, 20.0)
    assert (down[:, 1] > 0.3).all()
