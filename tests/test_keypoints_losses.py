"""Losses by hand, and what they are smallest for."""

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from landmarks.keypoints.config import BETTER, Config  # noqa: E402
from landmarks.keypoints.losses import (  # noqa: E402
    SCALES_90,
    better,
    inter_ocular,
    published,
    radius_likelihood,
    wing,
)
from landmarks.keypoints.output import Output  # noqa: E402
from landmarks.keypoints.runtimes import Answers  # noqa: E402
from landmarks.keypoints.schedules import make_optimizer, make_plateau, rate_at  # noqa: E402
from landmarks.keypoints.validation import (  # noqa: E402
    judge,
    mean_errors,
    radius_factors,
)


def truth(batch=1, eyes=0.5):
    points = torch.full((batch, 68, 2), 0.5)
    points[:, 36, 0], points[:, 45, 0] = 0.5 - eyes / 2, 0.5 + eyes / 2
    return points


def test_wing_by_hand():
    points = truth()
    assert wing(points, points, width=0.1, curve=0.02) == 0
    moved = points.clone()
    moved[0, 0, 0] += 0.01  # 2 % of the inter-ocular distance: logarithmic
    near = 0.1 * math.log(1 + 0.02 / 0.02)
    moved[0, 1, 1] += 0.2  # 40 %: linear
    far = 0.4 - (0.1 - 0.1 * math.log(1 + 0.1 / 0.02))
    got = wing(moved, points, width=0.1, curve=0.02)
    assert float(got) == pytest.approx((near + far) / 136 / 0.1, rel=1e-5)


def test_wing_is_continuous():
    points = truth()
    values = []
    for offset in (0.0499999, 0.0500001):
        values.append(float(wing(points + torch.tensor([offset, 0.0]), points, width=0.1,
                                 curve=0.02)))  # fmt: skip
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_a_profile_does_not_count_without_bound():
    assert float(inter_ocular(truth(eyes=0.001))[0]) == pytest.approx(0.15)
    assert float(inter_ocular(truth(eyes=0.4))[0]) == pytest.approx(0.4)


def test_ninety_percent_lie_within_the_radius_that_is_most_likely():
    rng = np.random.default_rng(0)
    distance = torch.from_numpy(rng.gamma(2, 0.01, 20_000)).view(1, -1)
    radii = torch.linspace(0.02, 0.06, 401, dtype=torch.float64)
    losses = [radius_likelihood(radius.expand_as(distance), distance) for radius in radii]
    radius = float(radii[int(torch.stack(losses).argmin())])
    assert radius == pytest.approx(SCALES_90 * 0.01, rel=0.02)
    assert float((distance <= radius).double().mean()) == pytest.approx(0.9, abs=0.006)


def test_what_is_no_face_counts_for_trust_alone():
    points, faces = truth(3), torch.tensor([True, True, False])
    said = Output(points.clone(), torch.full((3, 68), 0.05), torch.zeros(3))
    loss, parts = better(said, points, faces, BETTER)
    assert float(parts["points"]) == 0
    assert float(parts["trust"]) == pytest.approx(math.log(2))
    total = BETTER["radius"] * parts["radius"] + BETTER["trust"] * parts["trust"]
    assert float(loss) == pytest.approx(float(total))
    said.points[2] += 10
    said.radius[2] = 0.7
    again = better(said, points, faces, BETTER)[0]
    assert torch.equal(again, loss)


def test_trust_is_for_faces_whose_points_fit():
    points, faces = truth(3), torch.tensor([True, True, False])
    said = points.clone()
    said[1, :, 0] += 0.1  # 20 %
    right = Output(said, None, torch.tensor([9.0, -9.0, -9.0]))
    wrong = Output(said, None, torch.tensor([9.0, 9.0, -9.0]))
    assert better(right, points, faces, BETTER)[1]["trust"] < 0.001
    assert better(wrong, points, faces, BETTER)[1]["trust"] > 2


def test_published_losses_by_hand():
    points = truth()
    said = Output(points + 0.1)
    assert float(published("resnet18", said, points)[0]) == pytest.approx(0.01)
    assert float(published("naimishnet", said, points)[0]) == pytest.approx(0.04)
    assert float(published("efficientnet_b0", said, points)[0]) == pytest.approx(0.005)


def test_radii_are_stretched_to_hold_ninety_percent_in_each_region():
    rng = np.random.default_rng(3)
    distance = rng.gamma(2, 0.01, (4000, 68))
    distance[:, 60:68] *= 3
    radius = rng.uniform(0.01, 0.02, (4000, 68))
    factors = radius_factors(radius, distance, share=0.9)
    inside = distance <= radius * factors
    assert inside[:, 60:68].mean() == pytest.approx(0.9, abs=0.001)
    assert inside[:, :17].mean() == pytest.approx(0.9, abs=0.001)
    assert factors[60] == factors[67] == pytest.approx(3 * factors[0], rel=0.05)


def test_validation_numbers_by_hand():
    points = truth(2).numpy().astype(float)
    said = points.copy()
    said[0, :, 0] += 0.02  # 4 %
    said[1, :, 1] += 0.05  # 10 %
    np.testing.assert_allclose(mean_errors(said, points), [0.04, 0.10])
    got = judge(Answers(said, np.full((2, 68), 0.03), np.zeros(2)), points)
    assert got["validation_nme"] == pytest.approx(0.07)
    assert got["validation_failures"] == 0.5
    assert got["validation_coverage"] == 0.5


def test_the_rate_rises_and_falls():
    rates = [rate_at(step, 1000, BETTER) for step in range(1000)]
    assert max(rates) == pytest.approx(BETTER["learning_rate"], rel=1e-3)
    assert np.argmax(rates) in (49, 50)
    assert rates[0] < 0.03 * max(rates)
    assert 0 <= rates[-1] < 1e-4 * max(rates)
    assert all(a > b for a, b in itertools.pairwise(rates[51:]))


def test_recipes_have_their_optimisers():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    adam = make_optimizer(network, Config(network="resnet18", recipe="published"))
    assert type(adam) is torch.optim.Adam
    assert adam.defaults["lr"] == 1e-4
    config = Config(network="efficientnet_b0", recipe="published")
    plateau = make_plateau(make_optimizer(network, config), config)
    assert (plateau.factor, plateau.patience) == (0.1, 10)
    ours = make_optimizer(network, Config())
    assert type(ours) is torch.optim.AdamW
    assert [len(group["params"]) for group in ours.param_groups] == [1, 3]
    assert [group["weight_decay"] for group in ours.param_groups] == [0.02, 0]
    assert make_plateau(ours, Config()) is None
