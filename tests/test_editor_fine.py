"""Points of a predictor of whole pixels become finer, and stay where the face is."""

import numpy as np

from gan.editor.fine import FinePlacer
from landmarks.detector import Box
from landmarks.placing import Fit
from landmarks.views import Views


class Whole:
    """Puts each point at a fixed place of the picture, rounded to whole pixels of what it sees."""

    tells = False

    def __init__(self, true, low):
        self.true, self.low, self.asked = true, low, []

    def __call__(self, views, boxes):
        self.asked += [(views.size, box) for box in boxes]
        scale = views.size[0] / (2 * 60)
        return [Fit(np.rint((self.true - self.low + 0.5) * scale - 0.5)) for _ in boxes]


def test_an_enlarged_picture_gives_fractions_of_a_pixel():
    true = np.random.default_rng(0).uniform(80, 120, (68, 2))
    box = Box(70.0, 70.0, 129.0, 129.0, 1.0)
    whole = Whole(true, np.array([40.0, 40.0]))
    [fit] = FinePlacer(whole)(Views(np.zeros((300, 300, 3), np.uint8)), [box])
    assert np.abs(fit.points - true).max() < 0.51 / 5 + 0.01  # enlarged five times
    assert len(whole.asked) == 5
    sizes = [asked.width for _, asked in whole.asked]
    assert max(sizes) - min(sizes) > 10
    assert abs(np.mean(sizes) - 300) < 8


def test_a_box_at_the_edge_is_asked_within_the_picture(portrait):
    box = Box(-20.0, -20.0, 60.0, 60.0, 1.0)
    [fit] = FinePlacer(Whole(np.full((68, 2), 30.0), 0))(Views(portrait), [box])
    assert fit.points.shape == (68, 2)
