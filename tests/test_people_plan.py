"""Plans of synthetic people: pure, balanced, and silent about the emotion but in the face."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy.stats import kstest

from data.people import plan as plan_module
from data.people import render as render_module
from data.people.background import draw_background
from data.people.camera import draw_camera, turned
from data.people.capture import capture
from data.people.light import draw_light
from data.people.look import draw_accessories, draw_look
from data.people.plan import EMOTIONS, NEUTRAL, SPEECH, Settings, people, plan
from data.people.render import render
from data.people.surface import BACKGROUND
from landmarks.errors import InputError
from scripts.bench import people_leak
from tests import made_up_head

NAMES = tuple(made_up_head.head().names)
SETTINGS = Settings(NAMES, seed=3, people=50, per_person=40)
PLANS = [plan(SETTINGS, index) for index in range(SETTINGS.pictures)]


def same(a, b) -> bool:
    return a.record(NAMES) == b.record(NAMES) and np.array_equal(a.weights, b.weights)


def test_a_picture_needs_nothing_but_settings_and_index():
    plan_module._slots.cache_clear()
    for index in np.random.default_rng(0).permutation(SETTINGS.pictures)[:100]:
        assert same(plan(SETTINGS, index), PLANS[index])


def test_more_people_leave_those_before_as_they_are():
    larger = Settings(NAMES, seed=3, people=5000, per_person=40, size=64)
    assert all(same(plan(larger, index), PLANS[index]) for index in range(0, 400, 7))
    assert not same(plan(Settings(NAMES, seed=4, people=50), 1), PLANS[1])


def test_emotions_are_balanced_and_everybody_has_a_plain_neutral_face():
    counts = Counter(shown.emotion for shown in PLANS)
    assert set(counts) == {*EMOTIONS, NEUTRAL, SPEECH}
    singles = Counter(p.emotion for p in PLANS if p.emotion in EMOTIONS and p.frame is None)
    runs = Counter(p.emotion for p in PLANS if p.frame == 0)
    for each in (singles, runs):
        assert max(each.values()) - min(each.values()) <= 1
    assert sum(p.frame is not None for p in PLANS) == pytest.approx(0.1 * len(PLANS), abs=8)
    for first in PLANS[:: SETTINGS.per_person]:
        assert first.bare
        assert first.frontal
        assert first.emotion == NEUTRAL
    assert sum(shown.bare for shown in PLANS) == SETTINGS.people


def test_neutral_faces_show_nothing_but_where_they_look():
    moved = [not name.startswith(("eyeLook", "eyeBlink")) for name in NAMES]
    at_rest = [shown for shown in PLANS if shown.emotion == NEUTRAL]
    assert all(not shown.weights[moved].any() and shown.intensity == 0 for shown in at_rest)
    blinking = [shown for shown in at_rest if shown.weights[NAMES.index("eyeBlink_L")]]
    assert 0 < len(blinking) < 0.1 * len(at_rest)


def test_intensity_is_spread_evenly_from_nothing_to_beyond_full():
    single = [p.intensity for p in PLANS if p.emotion in EMOTIONS and p.frame is None]
    assert len(set(single)) == len(single) > 1000
    assert kstest(single, "uniform", args=(0.0, 1.2)).pvalue > 0.01


def test_weights_are_within_what_the_head_model_can_show():
    weights = np.array([shown.weights for shown in PLANS])
    assert weights.shape[1] == len(NAMES)
    assert weights.min() >= 0
    assert weights.max() <= 1.2
    assert weights[:, NAMES.index("mouthClose")].max() == 0


def test_a_sequence_rises_from_rest_to_apex_in_one_place():
    runs = {p.sequence for p in PLANS if p.sequence is not None}
    assert len(runs) == SETTINGS.people // 2
    for first in runs:
        frames = PLANS[first : first + SETTINGS.frames]
        assert [p.frame for p in frames] == list(range(SETTINGS.frames))
        assert {(p.person, p.sequence, p.emotion, p.style) for p in frames} == {
            (frames[0].person, first, frames[0].emotion, frames[0].style)
        }
        strength = np.array([p.intensity for p in frames])
        assert strength[0] == 0
        assert strength[-1] >= 0.7
        assert (np.diff(strength) > 0).all()
        assert np.diff(strength).max() < 0.35 * strength[-1]
        gaze = np.array([name.startswith("eyeLook") for name in NAMES])
        assert (np.diff([p.weights[~gaze] for p in frames], axis=0) >= 0).all()
        turns = np.diff([(p.yaw, p.pitch, p.roll) for p in frames], axis=0)
        assert np.abs(turns).max() < 2.5
        for stream in ("light", "background", "camera", "capture", "accessories"):
            assert len({p.rng(stream).random() for p in frames}) == 1
        assert len({p.rng("noise").random() for p in frames}) == SETTINGS.frames


def test_streams_are_apart():
    shown, person = PLANS[1], people(3, 1)
    first = {shown.rng(stream).random() for stream in plan_module.STREAMS}
    first |= {person.rng("look").random(), PLANS[2].rng("light").random()}
    assert len(first) == len(plan_module.STREAMS) + 1  # picture 1 and person 1 have one "look"


def test_nobody_is_there_twice():
    crowd = [people(seed, number).identity for seed in range(5) for number in range(200)]
    crowd = np.array(crowd)
    assert np.abs(crowd).max() <= plan_module.FARTHEST
    assert crowd.std() == pytest.approx(0.9546, abs=0.004)  # of a normal cut at 2.5
    inner = crowd @ crowd.T
    norms = np.diag(inner)
    apart = norms[:, None] + norms - 2 * inner + 1e9 * np.eye(len(crowd))
    assert np.sqrt(apart.min()) > 7
    assert not np.array_equal(people(2**32 - 1, 0).identity, people(0, 2**32 - 1).identity)


def test_poses_are_as_wide_as_those_of_press_photographs():
    pose = np.array([(p.yaw, p.pitch, p.roll) for p in PLANS])
    assert (np.abs(pose) <= [55, 33, 30]).all()
    assert 0.6 < (np.abs(pose[:, 0]) < 15).mean() < 0.9
    assert (np.abs(pose[:, 0]) > 25).mean() > 0.08
    assert np.abs(pose.mean(axis=0) - [0, -3, 0]).max() < 1
    frontal = Settings(NAMES, people=20, frontal=True)
    assert all(plan(frontal, index).frontal for index in range(frontal.pictures))
    looks_at_camera = [abs(p.gaze[0] + p.yaw) < 6 for p in PLANS if abs(p.yaw) < 25]
    assert np.mean(looks_at_camera) > 0.7


def test_only_the_face_tells_the_emotion():
    """What surrounds the face, as it is recorded, names the six emotions as chance does.

    Of n pictures, 3.5 standard deviations of the binomial are left to luck; a pose that follows
    the emotion by half its own spread is found out.
    """
    chosen = [p for p in PLANS if p.emotion in EMOTIONS and p.frame in (None, 7)]
    label = np.array([EMOTIONS.index(p.emotion) for p in chosen])
    person = np.array([p.person for p in chosen])
    neutral = made_up_head.head()
    landmarks = neutral.neutral[neutral.landmark_vertices]
    looks = {number: draw_look(people(3, number).rng("look")) for number in set(person.tolist())}
    records = [
        {
            "pose": p.record(NAMES)["pose"],
            "camera": draw_camera(
                p.rng("camera"), turned(p.yaw, p.pitch, p.roll), landmarks, 64
            ).record(),
            "light": draw_light(p.rng("light")).record(),
            "background": draw_background(p.rng("background"), 16)[0],
            "capture": p.rng("capture").random(4).tolist(),
            "accessories": draw_accessories(p.rng("accessories"), looks[p.person]).record(),
        }
        for p in chosen
    ]
    seen = people_leak.table(records)
    share, spread = people_leak.chance(label)
    limit = share + people_leak.LIMIT * spread
    assert people_leak.recognised(seen, label, person, 0) < limit
    shuffled = np.random.default_rng(0).permutation(label)
    assert people_leak.recognised(seen, shuffled, person, 0) < limit
    pitch = np.array([p.pitch for p in chosen])
    leaking = pitch + 0.5 * pitch.std() * label
    assert people_leak.recognised(leaking[:, None], label, person, 0) > limit


def test_what_surrounds_a_face_stays_as_the_emotion_changes(monkeypatch):
    """Two pictures that differ by the emotion alone have the same surroundings to the last bit."""
    head = made_up_head.head()
    settings = Settings(NAMES, seed=3, people=2, per_person=20, size=64, identities=5)

    def plain(linear, lens, noise):  # of blur and compression the head's edge would go astray
        return linear, capture(linear, lens, noise)[1]

    monkeypatch.setattr(render_module, "capture", plain)
    pictures = []
    one = plan(settings, 7)
    for emotion, style, name in [("fear", "open", "jawOpen"), ("happiness", "", "mouthSmile_L")]:
        weights = 0.7 * np.array([shape == name for shape in NAMES])
        changed = dataclasses.replace(one, emotion=emotion, style=style, weights=weights)
        pictures.append(render(head, changed, settings, path_traced=False))
    fear, happiness = pictures
    assert (fear.points != happiness.points).any()
    for part in people_leak.SURROUNDINGS:
        assert fear.record[part] == happiness.record[part], part
    behind = (fear.labels == BACKGROUND) & (happiness.labels == BACKGROUND)
    behind[int(fear.points[30, 1]) :] = False  # clothes, which are exposed as the face is
    assert behind.mean() > 0.1
    np.testing.assert_array_equal(fear.image[behind], happiness.image[behind])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seed": -1}, "seed: expected 0 to 4294967295, got -1"),
        ({"seed": 1.5}, "seed: expected a whole number, got 1.5"),
        ({"people": 0}, "people: expected 1 to"),
        ({"per_person": True}, "pictures of each person: expected a whole number, got True"),
        ({"people": 2**31, "per_person": 3}, "more than the 4294967296 pictures"),
        ({"sequences": 1.2}, "share of pictures in sequences: expected 0 to 1, got 1.2"),
        ({"sequences": float("nan")}, "expected 0 to 1, got nan"),
        ({"frames": 1}, "frames of a sequence: expected 2 to"),
        ({"expression_names": NAMES[:-1]}, "no expression shape 'noseSneer_R'"),
        ({"expression_names": (*NAMES, NAMES[0])}, "have the same name"),
    ],
)
def test_bad_settings_end_in_one_sentence(values, sentence):
    with pytest.raises(InputError, match=sentence.replace("(", r"\(")):
        Settings(**({"expression_names": NAMES} | values))


def test_there_is_no_picture_beyond_the_last():
    with pytest.raises(InputError, match="number of a picture: expected 0 to 1999, got 2000"):
        plan(SETTINGS, 2000)
    with pytest.raises(InputError, match="number of a person"):
        people(0, -1)


@pytest.mark.parametrize(("per_person", "sequences"), [(1, 0.1), (7, 1), (8, 1), (40, 0), (40, 1)])
def test_every_number_of_pictures_has_its_plan(per_person, sequences):
    settings = Settings(NAMES, people=13, per_person=per_person, sequences=sequences)
    plans = [plan(settings, index) for index in range(settings.pictures)]
    shown = Counter(p.emotion for p in plans if p.emotion in EMOTIONS and p.frame is None)
    assert max(shown.values(), default=0) - min(shown.values(), default=0) <= 1
    share = np.mean([p.frame is not None for p in plans])
    assert share == 0 if sequences == 0 or per_person < 10 else share > 0.5
