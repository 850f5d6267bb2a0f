"""Losses of the editor's training, its critic and its judge are what they say."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gan.editor import losses  # noqa: E402
from gan.editor.inputs import CHANNELS  # noqa: E402
from gan.editor.judge import Judge, Seen  # noqa: E402
from gan.editor.network import Critic, Critics  # noqa: E402
from gan.editor.square import SIDE  # noqa: E402
from landmarks import detect  # noqa: E402
from landmarks.keypoints.crops import square  # noqa: E402


def test_similarity_is_that_of_scikit_image():
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (40, 40)).astype(np.float32)
    b = (0.6 * a + 0.4 * rng.uniform(-1, 1, (40, 40))).astype(np.float32)
    _, each = structural_similarity(
        a, b, data_range=2, win_size=7, use_sample_covariance=False, full=True
    )
    found = losses.similarity(*(torch.from_numpy(v)[None, None].repeat(1, 3, 1, 1) for v in (a, b)))
    np.testing.assert_allclose(found[0, 0, 4:-4, 4:-4], each[4:-4, 4:-4], atol=1e-4)


def test_landmark_distance_by_hand():
    wanted = torch.zeros(1, 68, 2)
    wanted[0, 45, 0] = 40.0
    points = wanted + torch.tensor([3.0, 4.0])
    assert float(losses.landmark_distance(points, wanted)) == pytest.approx(5 / 40)


def test_features_are_compared_in_their_own_spread():
    true = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)
    assert float(losses.feature_distance([true + 1], [true])) == pytest.approx(1 / true.std())


def test_before_there_is_a_critic_no_part_is_on_another_device():
    def made(*shape: int) -> torch.Tensor:
        return torch.ones(*shape, device="meta")

    face, weight, points = made(2, 3, 16, 16), made(2, 1, 16, 16), made(2, 68, 2)
    seen = Seen(points, (made(2, 4, 8, 8),))
    share = dict.fromkeys(("l1", "structure", "landmarks", "perception"), 1.0)
    share |= {"adversarial": 0.0, "matching": 0.0}
    loss, parts = losses.generator_loss(
        face, face, weight, points, (seen, seen), ([], [], []), share
    )
    assert {part.device.type for part in (loss, *parts.values())} == {"meta"}


def test_the_critics_are_right_about_what_they_are_sure_of():
    sure = [torch.full((2, 1, 3, 3), 1.5), torch.full((2, 1, 5, 5), 1.5)]
    unsure = [-values for values in sure]
    assert float(losses.critic_loss(sure, unsure)) == 0
    assert float(losses.critic_loss(unsure, sure)) == pytest.approx(5.0)
    half = [sure[0], unsure[1]]  # each critic counts alike, however large its map is
    assert float(losses.critic_loss(half, unsure)) == pytest.approx(1.25)


def test_one_critic_looks_at_the_face_and_one_at_the_mouth():
    torch.manual_seed(0)
    critics = Critics().eval()
    wanted = torch.full((2, 68, 2), 64.0)
    wanted[1, 48:] = 127.0  # a mouth at the edge
    planes = torch.zeros(2, CHANNELS, SIDE, SIDE)

    def logits(faces):
        with torch.no_grad():
            found, features = critics(faces, planes, wanted)
        assert [f.shape[1] for f in features] == [32, 64, 112, 32, 64]
        return found

    plain = logits(torch.zeros(2, 3, SIDE, SIDE))
    assert plain[0].shape == (2, 1, 16, 16)
    assert plain[1].shape == (2, 1, 12, 14)
    faces = torch.zeros(2, 3, SIDE, SIDE)
    faces[:, :, 90:, 100:] = 1.0  # in the second one's window alone
    other = logits(faces)
    assert (other[0] != plain[0]).any(dim=-1).any(dim=-1).all()
    assert (other[1][0] == plain[1][0]).all()
    assert (other[1][1] != plain[1][1]).any()


def test_the_critics_weights_have_largest_singular_value_one():
    torch.manual_seed(0)
    critic = Critic((8, 8)).train()
    with torch.no_grad():
        for _ in range(60):
            critic(torch.zeros(1, 6, 32, 32))
    for layer in (*critic.layers, critic.last):
        values = torch.linalg.svdvals(layer.weight.detach().flatten(1))
        assert float(values[0]) == pytest.approx(1, abs=0.02)


def test_the_judge_sees_landmarks_in_the_square_and_can_be_differentiated(portrait):
    found = detect(portrait, predictor="small", faces="largest")[0].points
    crop = square(found[30], 250, SIDE)
    face = torch.from_numpy(crop.cut(portrait)).permute(2, 0, 1)[None] / 127.5 - 1
    points = torch.from_numpy(crop.to_crop(found) * SIDE - 0.5)[None].float()
    judge = Judge().eval().requires_grad_(False)
    face.requires_grad_(True)
    seen = judge(face, judge.crops(points))
    assert float(losses.landmark_distance(seen.points, points).detach()) < 0.02
    assert [f.shape[1] for f in seen.features] == [24, 48]
    losses.landmark_distance(seen.points, points + 3).backward()
    assert face.grad.abs().sum() > 0


def test_the_judge_loses_no_pixels_in_bfloat16():
    class Fixed(torch.nn.Module):
        def forward(self, seen):
            looked.append(seen)
            return SimpleNamespace(points=placed)

    judge, looked = Judge(), []
    placed = torch.rand(1, 68, 2, generator=torch.manual_seed(0))
    judge.network = Fixed()
    crops = torch.tensor([[[0.7, 0.1, 21.3], [-0.1, 0.7, 19.6]]])
    face = torch.linspace(-1, 1, SIDE).expand(1, 3, SIDE, SIDE)  # brighter to the right
    whole = judge(face, crops).points
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(judge(face, crops).points, whole)
    assert torch.equal(*looked)
