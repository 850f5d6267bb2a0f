"""Expressions of synthetic people: they follow the tables, grow with intensity, keep habits."""

import numpy as np
import pytest

from data.people import expressions, prototypes
from data.people.expressions import EMOTIONS, SPEECH, Habits, express, no_expression
from tests import made_up_head

NAMES = tuple(made_up_head.head().names)
AVERAGE = Habits(
    0.0, np.zeros(len(expressions.UNITS)), np.ones(len(expressions.UNITS)), np.full(6, 0.5)
)


def drawn(emotion, seed, intensity=1.0, habits=None, **options):
    rng = np.random.default_rng([7, seed])
    return express(emotion, NAMES, intensity, habits or Habits.draw(rng), rng, **options)


def weight(shown, stem):
    return np.mean([shown.weights[NAMES.index(stem + side)] for side in "LR"])


def test_every_table_names_units_and_shapes_that_are_there():
    for emotion in EMOTIONS:
        assert sum(style.share for style in prototypes.STYLES[emotion]) == pytest.approx(1)
        tables = [style.units for style in prototypes.STYLES[emotion]]
        tables += [prototypes.FREQUENT[emotion]]
        for table in tables:
            assert all(
                unit in prototypes.SHAPES and 0 < often <= 1 for unit, often in table.items()
            )
        for text in prototypes.GUIDE[emotion]:
            assert set(expressions._combination(text)) <= set(prototypes.SHAPES)
        assert set(prototypes.COMPOUNDS[emotion]) <= set(EMOTIONS) - {emotion}
    assert expressions._combination("1+5B+26?") == {1: (1, False), 5: (1, True), 26: (0.5, False)}
    expressions.check_shapes(NAMES)


def test_emotions_move_what_their_units_move():
    mean = {
        emotion: np.mean([drawn(emotion, seed).weights for seed in range(150)], axis=0)
        for emotion in EMOTIONS
    }

    def highest(stem):
        return max(EMOTIONS, key=lambda emotion: mean[emotion][NAMES.index(stem)])

    assert highest("mouthSmile_L") == highest("cheekSquint_R") == "happiness"
    assert highest("browOuterUp_L") == highest("jawOpen") == "surprise"
    assert highest("mouthStretch_L") == "fear"
    assert highest("mouthPress_L") == "anger"
    assert highest("noseSneer_L") == "disgust"
    assert highest("eyeLookDown_L") == "sadness"


@pytest.mark.parametrize("emotion", [*EMOTIONS, SPEECH])
def test_weights_grow_with_intensity_at_rates_of_their_own(emotion):
    amounts = np.linspace(0, 1.2, 13)
    apart = 0.0
    for seed in range(20):
        rising = np.array([drawn(emotion, seed, amount).weights for amount in amounts])
        assert not rising[0].any()
        assert (np.diff(rising, axis=0) >= 0).all()
        assert rising.max() <= 1.2
        full = rising[10]
        assert np.isclose(amounts[10], 1)
        assert full.max() > 0.1
        assert np.abs(rising[5] - full / 2).max() < 0.25  # mildly bent, not more
        used = (full > 0.1) & (rising[12] < 1.2)
        apart = max(apart, float(np.ptp(rising[5][used] / full[used])))
    assert apart > 0.05 or emotion == SPEECH


def test_a_person_keeps_style_side_and_units():
    def spread(habits):
        shown = [drawn("anger", seed, habits=habit, blends=0) for seed, habit in enumerate(habits)]
        return shown, np.var([one.weights for one in shown], axis=0).sum()

    own = [Habits.draw(np.random.default_rng(k)) for k in range(200)]
    within = np.mean([spread([habit] * 60)[1] for habit in own[:20]])
    among = spread(own)[1]
    assert within < 0.97 * among
    favourite = AVERAGE._replace(favourite=np.full(6, 0.999))
    styles = [drawn("anger", seed, habits=favourite).style for seed in range(200)]
    assert styles.count("bared") > 100
    one_sided = AVERAGE._replace(side=0.4)
    for seed in range(10):
        shown = drawn("happiness", seed, habits=one_sided, blends=0)
        left, right = (shown.weights[NAMES.index("mouthSmile_" + side)] for side in "LR")
        assert left > 1.3 * right or left == 1.2


def test_mouths_are_open_and_closed():
    for emotion in EMOTIONS:
        jaws = [drawn(emotion, seed).weights[NAMES.index("jawOpen")] for seed in range(200)]
        lips = [weight(drawn(emotion, seed), "mouthLowerDown_") for seed in range(200)]
        open_mouths = np.mean((np.array(jaws) > 0.08) | (np.array(lips) > 0.1))
        assert 0.05 < open_mouths < 0.99, emotion


def test_blends_hold_a_second_emotion():
    blended = [drawn("surprise", seed, blends=1) for seed in range(120)]
    assert {shown.second for shown in blended} == set(prototypes.COMPOUNDS["surprise"])
    happy = [weight(shown, "mouthSmile_") for shown in blended if shown.second == "happiness"]
    pure = [weight(drawn("surprise", seed, blends=0), "mouthSmile_") for seed in range(100)]
    assert np.mean(happy) > 0.25 > 10 * np.mean(pure)
    assert 0.06 < np.mean([drawn("fear", k).second is not None for k in range(500)]) < 0.18


def test_speech_moves_the_mouth_and_little_else():
    mouth = [name.startswith(("mouth", "jaw")) for name in NAMES]
    brows = [name.startswith("brow") for name in NAMES]
    rest = ~(np.array(mouth) | np.array(brows))
    shown = [drawn(SPEECH, seed) for seed in range(100)]
    assert not any(one.weights[rest].any() for one in shown)
    assert {one.style for one in shown} == set(prototypes.VISEMES)
    assert 0.15 < np.mean([one.weights[brows].any() for one in shown]) < 0.45


def test_lids_follow_the_eyes():
    weights, gaze = no_expression(NAMES).with_eyes((15.0, -6.0), 0.0, NAMES)
    shown = {name: w for name, w in zip(NAMES, weights, strict=True) if w}
    assert shown == pytest.approx(
        {"eyeLookOut_L": 0.5, "eyeLookIn_R": 0.5, "eyeLookDown_L": 0.2, "eyeLookDown_R": 0.2}
    )
    assert gaze == (15.0, -6.0)
    cast_down = no_expression(NAMES)._replace(
        weights=np.array([0.5 * name.startswith("eyeLookDown") for name in NAMES])
    )
    weights, gaze = cast_down.with_eyes((0.0, 5.0), 0.75, NAMES)
    assert gaze == (0.0, -10.0)
    assert weights[NAMES.index("eyeLookDown_R")] == pytest.approx(1 / 3)
    assert weights[NAMES.index("eyeBlink_L")] == 0.75
