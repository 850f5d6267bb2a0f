import numpy as np
import pytest

from landmarks import scheme


def test_regions_hold_every_index_once():
    together = [i for region in scheme.REGIONS.values() for i in region]
    assert together == list(range(scheme.COUNT))


def test_mirror_twice_is_the_identity(face_points):
    assert (scheme.MIRROR[scheme.MIRROR] == np.arange(68)).all()
    twice = scheme.mirror(scheme.mirror(face_points, 256), 256)
    np.testing.assert_allclose(twice, face_points)


def test_mirror_maps_regions_onto_their_partners():
    partner = {"right_brow": "left_brow", "right_eye": "left_eye"}
    for name, region in scheme.REGIONS.items():
        other = partner.get(name, {v: k for k, v in partner.items()}.get(name, name))
        assert set(scheme.MIRROR[list(region)]) == set(scheme.REGIONS[other])


def test_mirror_keeps_neighbours():
    edges = {frozenset(edge) for edge in scheme.connectivity()}
    assert {frozenset(scheme.MIRROR[list(edge)]) for edge in edges} == edges


def test_connectivity_counts():
    # Open contours have one edge less than points, the four closed ones as many.
    assert len(scheme.connectivity()) == 68 - (len(scheme.REGIONS) - len(scheme.CLOSED_REGIONS))


def test_mirror_flips_pixel_centres():
    points = np.zeros((68, 2))
    assert scheme.mirror(points, 100)[0, 0] == 99


def test_to_five_takes_eye_centres_and_mouth_corners():
    points = np.arange(136, dtype=float).reshape(68, 2)
    expected = [[77, 78], [89, 90], [60, 61], [96, 97], [108, 109]]
    np.testing.assert_array_equal(scheme.to_five(points), expected)


def test_wrong_shape_is_told():
    with pytest.raises(ValueError, match=r"shape \(67, 2\): expected"):
        scheme.mirror(np.zeros((67, 2)), 10)
