"""The appearance of synthetic people, on the made-up head."""

import dataclasses

import cv2
import numpy as np
import pytest

from data.people import appearance, worn
from data.people.accessories import GLASSES, HANDS, HATS, MASKS
from data.people.eyes import eyeball_centre, turn
from data.people.look import Accessories, draw_accessories, draw_look, dress
from data.people.surface import BROWS, EYES, HAIR, LIPS, OCCLUDER, smooth_normals
from data.people.tone import skin_colour
from data.people.wardrobe import wardrobe
from landmarks.samples import LABELS
from tests import made_up_head

MODEL = made_up_head.head()
NOBODY = np.zeros(len(MODEL.identities))
SIZE = 96


def a_look(seed=0, **changes):
    look = draw_look(np.random.default_rng(seed))
    return dataclasses.replace(look, **changes) if changes else look


def weights_of(**named):
    return np.float32([named.get(name.rsplit("_", 1)[0], 0.0) for name in MODEL.names])


NOTHING = Accessories()


def dressed(look, accessories=NOTHING, weights=None, gaze=(0.0, 0.0)):
    weights = weights_of() if weights is None else weights
    vertices = MODEL.face(NOBODY, weights)
    return dress(MODEL, look, accessories, NOBODY, weights, vertices, texture=SIZE, gaze=gaze)


def named(surfaces, name):
    (found,) = (surface for surface in surfaces if surface.name == name)
    return found


def check(surface):
    """A surface that any renderer can take."""
    where = surface.name
    count = len(surface.vertices)
    assert surface.vertices.shape == (count, 3), where
    assert np.isfinite(surface.vertices).all(), where
    assert surface.triangles.dtype == np.int32, where
    assert surface.triangles.shape[1:] == (3,), where
    assert surface.triangles.min() >= 0, where
    assert surface.triangles.max() < count, where
    albedo = surface.albedo
    assert np.isfinite(albedo).all(), where
    assert albedo.min() >= 0, where
    assert albedo.max() <= 1, where
    assert albedo.shape[-1] == 3
    if albedo.ndim == 3 or np.ndim(surface.label):
        assert surface.uv is not None, where
        assert surface.uv.shape == (count, 2), where
        assert surface.uv.min() >= -1e-4, where
        assert surface.uv.max() <= 1 + 1e-4, where
    assert set(np.unique(surface.label)) <= set(range(len(LABELS))), where
    if surface.normals is not None:
        assert np.linalg.norm(surface.normals, axis=1) == pytest.approx(np.ones(count), abs=1e-3)


def test_the_same_stream_draws_the_same_look_and_another_one_another():
    assert a_look(3) == a_look(3)
    assert a_look(3) != a_look(4)
    first, second = (
        draw_accessories(np.random.default_rng(5), a_look(3)).record() for _ in range(2)
    )
    assert first == second
    record = a_look(3).record()
    assert record["melanin"] == a_look(3).melanin
    assert isinstance(record["hair_colour"], list)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_people_are_made_of_valid_surfaces(seed):
    rng = np.random.default_rng(seed)
    look = draw_look(rng)
    smile = weights_of(mouthSmile=0.8, jawOpen=0.5, browInnerUp=0.5)
    for surface in dressed(look, draw_accessories(rng, look), smile, gaze=(10, -5)):
        check(surface)


@pytest.mark.parametrize("style", appearance.HAIR_STYLES)
def test_every_style_of_hair_is_valid_and_labelled(style):
    surfaces = dressed(a_look(1, hair_style=style, headwear=""))
    for surface in surfaces:
        check(surface)
    sheets = [surface for surface in surfaces if surface.name == "hair"]
    assert len(sheets) == (style not in ("bald", "shaved"))
    assert all(sheet.label == HAIR for sheet in sheets)
    scalp = named(surfaces, "head").label
    assert (scalp == HAIR).any() == (style != "bald")


@pytest.mark.parametrize(
    ("field", "kind"),
    [("headwear", kind) for kind in appearance.HEADWEAR[1:]]
    + [("glasses", kind) for kind in GLASSES[1:]]
    + [("mask", kind) for kind in MASKS[1:]]
    + [("hat", kind) for kind in HATS[1:]]
    + [("hand", kind) for kind in HANDS[1:]],
)
def test_what_is_worn_is_valid_and_labelled_occluder(field, kind):
    bare = {surface.name for surface in dressed(a_look(1, headwear="", hair_style="short"))}
    if field == "headwear":
        surfaces = dressed(a_look(1, headwear=kind, hair_style="short"))
    else:
        look = a_look(1, headwear="", hair_style="short")
        surfaces = dressed(look, Accessories(**{field: kind}))
    added = [surface for surface in surfaces if surface.name not in bare]
    assert added
    for surface in added:
        check(surface)
        assert surface.label == OCCLUDER


def test_beards_and_make_up_are_valid():
    for beard in appearance.BEARDS:
        face = named(dressed(a_look(2, beard=beard, stubble=0.8, make_up=1.0)), "face")
        check(face)
    bare = named(dressed(a_look(2, beard="", stubble=0.0)), "face").albedo
    full = named(dressed(a_look(2, beard="full", stubble=0.0)), "face").albedo
    chin = _texel(8, up=0.08)
    assert full[chin].mean() < 0.8 * bare[chin].mean()


def _texel(landmark, up=0.0):
    canvas = wardrobe(MODEL, SIZE).canvas
    place = canvas.landmarks[landmark] + (0, up, 0)
    away = np.linalg.norm(canvas.face.place - place, axis=-1)
    return np.unravel_index(np.argmin(np.where(canvas.face.inside, away, 9)), away.shape)


def test_lips_lie_within_their_landmarks():
    canvas = wardrobe(MODEL, SIZE).canvas
    lips = (named(dressed(a_look()), "face").label == LIPS).astype(np.uint8)
    outer, inner = canvas.texels[48:60], canvas.texels[60:68]
    for point in inner + 0.3 * (inner - inner.mean(axis=0)) * (0, 1):
        column, row = np.round(point).astype(int)
        assert lips[row, column]
    polygon = np.zeros_like(lips)
    cv2.fillPoly(polygon, [np.round(outer).astype(np.int32)], 1)
    assert (lips & polygon).sum() > 0.9 * polygon.sum()
    assert lips.sum() < 1.25 * polygon.sum()


def test_brows_lie_at_their_landmarks_and_nowhere_else():
    canvas = wardrobe(MODEL, SIZE).canvas
    look = a_look(0, brow_height=0.0, brow_arch=0.0, brow_thickness=0.1, brow_asymmetry=0.0)
    brows = named(dressed(look), "face").label == BROWS
    place = canvas.face.place
    for landmark in (18, 19, 20, 23, 24, 25):
        below = canvas.landmarks[landmark] - (0, 0.05, 0)
        near = np.linalg.norm(place - below, axis=-1) < 0.04
        assert brows[near & canvas.face.inside].mean() > 0.6, landmark
    far = np.linalg.norm(place[:, :, None] - canvas.landmarks[17:27], axis=-1).min(axis=-1)
    assert not brows[far > 0.3].any()


def test_tones_span_the_human_range_and_darken_with_either_pigment():
    light = np.array([skin_colour(d.melanin, d.blood)[1] for d in map(a_look, range(300))])
    assert light.max() / light.min() > 8
    assert np.isclose(np.median(np.log(light)), np.log(light).mean(), atol=0.4)
    fair, dark, flushed = skin_colour([0.01, 0.4, 0.01], [0.01, 0.01, 0.04])
    assert (dark < fair).all()
    assert (flushed < fair).all()
    assert fair[0] > fair[1] > fair[2]  # red, green, blue
    assert flushed[1] / flushed[0] < fair[1] / fair[0]


def test_lines_grow_with_the_expression_and_are_absent_without():
    room, look = wardrobe(MODEL, SIZE), a_look(0, age=0.5)
    assert not room.wrinkles.depth(look, weights_of()).any()
    depths = [
        room.wrinkles.depth(look, weights_of(browInnerUp=level)).sum() for level in (0.2, 0.6, 1)
    ]
    assert 0 < depths[0] < depths[1] < depths[2]
    rest = named(dressed(look), "face").albedo
    skin = room.person(look, tuple(NOBODY.tolist())).skin
    assert rest is skin.face  # nothing is added at rest
    raised = named(dressed(look, weights=weights_of(browInnerUp=1.0)), "face").albedo
    darker = rest.sum(axis=-1) - raised.sum(axis=-1)
    rows = np.argwhere(darker > 0.3 * darker.max())[:, 0]
    heights = wardrobe(MODEL, SIZE).canvas.face.place[rows, SIZE // 2, 1]
    assert darker.max() > 0.02
    assert heights.min() > 0  # on the forehead and between the brows
    old = room.wrinkles.depth(dataclasses.replace(look, age=1.0), weights_of(browInnerUp=1.0))
    assert old.sum() > depths[2]


def test_lines_of_one_side_follow_the_shapes_of_that_side():
    room, look = wardrobe(MODEL, SIZE), a_look()
    weights = np.float32([name == "mouthSmile_L" for name in MODEL.names])
    face = dress(
        MODEL, look, Accessories(), NOBODY, weights, MODEL.face(NOBODY, weights), texture=SIZE
    )
    rest = room.person(look, tuple(NOBODY.tolist())).skin.face
    changed = np.abs(named(face, "face").albedo - rest).sum(axis=-1)
    x = room.canvas.face.place[..., 0]
    assert changed[x > 0].sum() > 20 * changed[x < 0].sum()


@pytest.mark.parametrize(
    ("gaze", "toward"),
    [((0, 0), (0, 0, 1)), ((30, 0), (0.5, 0, 0.866)), ((0, 20), (0, 0.342, 0.94))],
)
def test_gaze_turns_the_pupils_to_the_subjects_left_and_up(gaze, toward):
    assert turn(*gaze) @ (0, 0, 1) == pytest.approx(toward, abs=1e-3)
    for name in ("left eye", "right eye"):
        ball = named(dressed(a_look(), gaze=gaze), name)
        centre = eyeball_centre(ball.vertices)
        pupil = ball.vertices[np.argmin(np.linalg.norm(ball.uv - 0.5, axis=1))] - centre
        assert ball.label == EYES
        assert pupil / np.linalg.norm(pupil) == pytest.approx(toward, abs=0.12)
        middle = len(ball.albedo) // 2
        assert ball.albedo[middle, middle].max() < 0.05 < ball.albedo[middle, 4].max()


def test_hair_stays_while_the_face_moves_and_a_hat_hides_what_it_covers():
    look = a_look(1, hair_style="long", headwear="")
    still = named(dressed(look), "hair").vertices
    moved = named(dressed(look, weights=weights_of(jawOpen=1.0, browInnerUp=1.0)), "hair").vertices
    assert np.array_equal(still, moved)
    hatted = named(dressed(look, Accessories(hat="beanie")), "hair")
    assert hatted.vertices[hatted.triangles][..., 1].max() < still[:, 1].max() - 1


def test_a_mask_covers_nose_and_mouth_of_any_expression():
    for level in (0.0, 1.0):
        weights = weights_of(jawOpen=level)
        points = MODEL.face(NOBODY, weights)[MODEL.landmark_vertices]
        mask = named(dressed(a_look(), Accessories(mask="cloth"), weights), "mask").vertices
        for point in points[[30, 33, 51, 57, 62, 66]]:
            nearest = mask[np.argmin(np.hypot(*(mask - point)[:, :2].T))]
            assert nearest[2] > point[2]


def test_glasses_lie_before_the_eyes():
    points = MODEL.neutral[MODEL.landmark_vertices]
    canvas = wardrobe(MODEL, SIZE).canvas
    lenses = worn.glasses(canvas, points, Accessories(glasses="sunglasses"))[-1]
    for side in (range(36, 42), range(42, 48)):
        middle = points[list(side)].mean(axis=0)
        nearest = lenses.vertices[np.argmin(np.hypot(*(lenses.vertices - middle)[:, :2].T))]
        assert np.hypot(*(nearest - middle)[:2]) < 0.1 * canvas.unit
        assert nearest[2] > middle[2]


def accessories_of(look, seed, pictures=60):
    return [draw_accessories(np.random.default_rng([9, seed, k]), look) for k in range(pictures)]


def test_people_wear_glasses_mostly_or_hardly_ever_and_always_the_same():
    """By hand: in 0.8 · 0.96 + 0.04 = 0.81 of a wearer's pictures, 0.03 · 0.96 + 0.04 = 0.07 else.

    Of 60 pictures these are 4 and 5 standard deviations away from the limits.
    """
    kinds, shares = set(), []
    for seed in range(40):
        worn_by = [drawn.glasses for drawn in accessories_of(a_look(seed), seed)]
        own = set(worn_by) - {"", "sunglasses"}
        assert len(own) <= 1
        kinds |= own
        shares.append(np.mean([kind != "" for kind in worn_by]))
    shares = np.array(shares)
    assert ((shares < 0.25) | (shares > 0.6)).all()
    assert 0.1 < (shares > 0.6).mean() < 0.5
    assert kinds == set(GLASSES[1:4])


def test_accessories_know_the_person_alone():
    """Not skin, hair or beard, only who it is; and what is rare does not depend on that either."""
    plain = a_look(5, headwear="")
    other = dataclasses.replace(
        plain, melanin=0.5, hair_style="long", beard="full", make_up=1.0, stubble=0.9
    )
    assert accessories_of(plain, 5) == accessories_of(other, 5)
    for seed in (5, 6):
        drawn = accessories_of(a_look(seed, headwear=""), 5, 600)
        for field, share in (("mask", 0.025), ("hat", 0.08), ("hand", 0.975 * 0.045)):
            seen = np.mean([getattr(one, field) != "" for one in drawn])
            assert seen == pytest.approx(share, abs=4 * np.sqrt(share / 600)), field
        assert not any(one.mask and one.hand for one in drawn)
    covered = accessories_of(a_look(5, headwear=appearance.HEADWEAR[1]), 5, 200)
    assert not any(one.hat for one in covered)


def test_normals_of_a_sphere_point_outward():
    ball = named(dressed(a_look()), "left eye")
    away = ball.vertices - eyeball_centre(ball.vertices)
    unit = away / np.linalg.norm(away, axis=1, keepdims=True)
    normals = smooth_normals(ball.vertices, ball.triangles)
    assert np.median((unit * normals).sum(axis=1)) > 0.98
