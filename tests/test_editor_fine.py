"""Points of a predictor of whole pixels become finer, and stay where the face is."""

import numpy as np
import pytest

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


class Brightest:
    """Puts all points at the brightest pixel of what it sees."""

    tells = False

    def __call__(self, views, boxes):
        image = views.rgb()[..., 0]
        row, column = np.unravel_index(image.argmax(), image.shape)
        return [Fit(np.tile([float(column), float(row)], (68, 1))) for _ in boxes]


@pytest.mark.parametrize("corner", [(-20.0, -12.0), (61.0, 33.0)])
def test_points_in_a_box_over_the_edge_are_where_they_are(corner):
    bright = np.array([73.0, 41.0]) if corner[0] > 0 else np.array([22.0, 30.0])
    y, x = np.mgrid[:80, :100]
    spot = 250 * np.exp(-((x - bright[0]) ** 2 + (y - bright[1]) ** 2) / 18)
    image = np.repeat(np.rint(spot).astype(np.uint8)[..., None], 3, axis=2)
    left, top = corner
    [fit] = FinePlacer(Brightest())(Views(image), [Box(left, top, left + 59, top + 59, 1.0)])
    assert np.abs(fit.points - bright).max() < 0.3  # of a pixel of five
