"""Names, pairing, the split by person, and what is drawn for a batch."""

import dataclasses
import os
import tracemalloc

import numpy as np
import pytest
import torch

from gan.pairs import (
    PairError,
    PairName,
    is_held_out,
    pair_name,
    parse_name,
    read_index,
    split_persons,
)
from gan.sampling import draw
from gan.store import load_pairs, unit
from tests.pair_folders import color, make_pairs, write_pair

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("PID7_CLEAN0_IID12.jpg", PairName("7", False, 12)),
        ("PID007_CLEAN1_IID012.PNG", PairName("007", True, 12)),
        ("PIDAda_Lovelace_CLEAN1.jpeg", PairName("Ada_Lovelace", True, None)),
        ("PID7_CLEAN2_IID12.jpg", None),
        ("PID7_CLEAN0_IID.jpg", None),
        ("PID_CLEAN0.jpg", None),
        ("xPID7_CLEAN0.jpg", None),
        ("PID7_CLEAN0.gif", None),
    ],
)
def test_names(name, parsed):
    assert parse_name(name) == parsed


def test_a_name_that_would_be_read_otherwise_is_not_made():
    assert pair_name("7", face=True, image=3) == "PID7_CLEAN1_IID3.jpg"
    with pytest.raises(ValueError, match="no name of a pair"):
        pair_name("7_CLEAN0", face=True, image=None, suffix=".gif")


@pytest.mark.parametrize(("follow", "rule"), [(0, "equal"), (1, "after"), (-1, "before")])
def test_exact_pairs_match_or_follow(tmp_path, follow, rule):
    folder = make_pairs(tmp_path, persons=2, images=3, follow=follow)
    index = read_index(folder)
    numbers = [
        parse_name(pair.face.name).image - parse_name(pair.landmarks.name).image
        for pair in index.pairs
    ]
    assert numbers == [follow] * 6
    assert rule in index.rule
    assert index.persons == ("0", "1")
    assert index.leftovers == ()


def test_pictures_without_a_partner_are_counted(tmp_path):
    make_pairs(tmp_path, persons=2, images=2)
    write_pair(tmp_path, 0, 50, face_image=60)
    write_pair(tmp_path, 9, 50, face_image=60)
    index = read_index(tmp_path)
    assert "4 pairs of 2 persons" in index.describe()
    assert "4 pictures left over" in index.describe()


def test_pairing_by_person_offers_every_landmark_image(tmp_path):
    make_pairs(tmp_path, persons=2, images=2)
    write_pair(tmp_path, 9, 50)
    (tmp_path / "PID9_CLEAN0_IID50.png").unlink()
    index = read_index(tmp_path, pairing="person")
    assert len(index.pairs) == 4
    assert [path.name for path in index.leftovers] == ["PID9_CLEAN1_IID50.png"]
    assert all(len(pair.candidates) == 2 for pair in index.pairs)


def test_bad_folders_are_told(tmp_path):
    with pytest.raises(PairError, match="does not exist"):
        read_index(tmp_path / "nowhere")
    with pytest.raises(PairError, match=r"holds no \.jpg or \.png"):
        read_index(tmp_path)
    (tmp_path / "PID1_CLEAN0_IID1.jpg").touch()
    with pytest.raises(PairError, match="without a partner.*expected PID1_CLEAN1"):
        read_index(tmp_path)
    (tmp_path / "PID1_CLEAN0_IID01.png").touch()
    with pytest.raises(PairError, match="IID1.jpg.*name the same image|IID01.png.*name the same"):
        read_index(tmp_path)
    with pytest.raises(PairError, match="unknown pairing"):
        read_index(tmp_path, pairing="any")


def test_the_first_ten_names_that_do_not_parse_are_listed(tmp_path):
    for number in range(12):
        (tmp_path / f"photo{number:02d}.jpg").touch()
    with pytest.raises(PairError, match="12 of 12 names") as told:
        read_index(tmp_path)
    assert "photo09.jpg, …" in str(told.value)
    assert "photo10" not in str(told.value)


def test_nobody_is_on_both_sides_and_newcomers_move_nobody(tmp_path):
    make_pairs(tmp_path, persons=20, images=1)
    train, held = split_persons(read_index(tmp_path), 0.3, seed=1)
    sides = {pair.person for pair in train}, {pair.person for pair in held}
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]
    for person in range(20, 25):
        write_pair(tmp_path, person, 2)
    again = {pair.person for pair in split_persons(read_index(tmp_path), 0.3, seed=1)[1]}
    assert again & (sides[0] | sides[1]) == sides[1]
    share = np.mean([is_held_out(str(n), 0.3, seed=2) for n in range(4000)])
    assert share == pytest.approx(0.3, abs=0.03)


def test_one_person_alone_has_no_other(tmp_path):
    make_pairs(tmp_path, persons=1)
    with pytest.raises(PairError, match="of 1 person.*another person's face"):
        split_persons(read_index(tmp_path), 0.0, seed=0)


PERSONS = np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 3])


def drawn(step: int, batch: int, seed: int = 5):
    return draw(PERSONS, np.full(10, 3), seed=seed, step=step, batch=batch)


def test_an_epoch_shows_every_pair_once_in_another_order():
    epochs = [drawn(step, 10).pair for step in range(4)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_draws_depend_on_seed_epoch_and_index_alone():
    whole = drawn(0, 60)
    parts = [drawn(step, 4) for step in reversed(range(15))][::-1]  # batches across epoch borders
    for name in ("pair", "choice", "other"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert not np.array_equal(drawn(0, 60, seed=6).other, whole.other)


def test_the_other_face_is_any_face_of_another_person():
    many = drawn(0, 20000)
    assert (PERSONS[many.pair] != PERSONS[many.other]).all()
    for pair in range(10):
        others = np.bincount(many.other[many.pair == pair], minlength=10)
        allowed = PERSONS[pair] != PERSONS
        assert others[allowed] == pytest.approx(2000 / allowed.sum(), rel=0.3)
    assert np.bincount(many.choice) == pytest.approx(20000 / 3, rel=0.05)


@pytest.mark.parametrize("pairing", ["exact", "person"])
def test_a_batch_holds_the_pictures_that_were_drawn(tmp_path, pairing):
    make_pairs(tmp_path, persons=3, images=3)
    store, skipped = load_pairs(read_index(tmp_path, pairing=pairing).pairs, 8, workers=3)
    assert skipped == []
    batch = store.batch(0, seed=3, batch=9, device=CPU)
    seen = []
    for landmarks, face, other in zip(batch.landmarks, batch.faces, batch.others, strict=True):
        (a, b, c) = [
            ((x + 1) * 127.5).round().int()[:, 0, 0].tolist() for x in (landmarks, face, other)
        ]
        seen.append(tuple(b))
        assert (a[2], b[2], c[2]) == (0, 255, 255)
        assert a[0] == b[0] != c[0]
        assert pairing == "person" or a[1] == b[1]
    assert sorted(seen) == sorted(color(p, 2 * i, face=True) for p in range(3) for i in (1, 2, 3))
    halves = [store.batch(0, seed=3, batch=9, device=CPU, rank=r, processes=3) for r in range(3)]
    for field in dataclasses.fields(batch):
        joined = torch.cat([getattr(half, field.name) for half in halves])
        assert torch.equal(joined, getattr(batch, field.name))


@pytest.mark.parametrize("pairing", ["exact", "person"])
@pytest.mark.parametrize("damaged", [False, True])
def test_pictures_are_held_once(tmp_path, pairing, damaged):
    make_pairs(tmp_path, persons=10, images=4)
    for path in tmp_path.glob("PID3_*") if damaged else []:
        path.write_bytes(b"broken")
    pairs = read_index(tmp_path, pairing=pairing).pairs
    load_pairs(pairs, 8)  # loads what is loaded once, for damaged pictures too
    tracemalloc.start()
    store, _ = load_pairs(pairs, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(store) == 40 - 4 * damaged
    assert 2 * len(store) * 64 * 64 * 3 < peak < 1.4 * 2 * 40 * 64 * 64 * 3


@pytest.mark.parametrize("pairing", ["exact", "person"])
def test_damaged_pictures_move_no_other(tmp_path, pairing):
    make_pairs(tmp_path, persons=3, images=3)
    for name in ("PID0_CLEAN0_IID2", "PID1_CLEAN1_IID4", "PID1_CLEAN0_IID6"):
        (tmp_path / f"{name}.png").write_bytes(b"broken")
    store, skipped = load_pairs(read_index(tmp_path, pairing=pairing).pairs, 8)
    assert len(skipped) == 3
    assert len(store) == (6 if pairing == "exact" else 8)
    batch = store.batch(0, seed=1, batch=6 * len(store), device=CPU)
    seen = set()
    for landmarks, face in zip(batch.landmarks, batch.faces, strict=True):
        a, b = (((x + 1) * 127.5).round().int()[:, 0, 0].tolist() for x in (landmarks, face))
        assert (a[2], b[2]) == (0, 255)
        assert a[0] == b[0]
        assert pairing == "person" or a[1] == b[1]
        seen |= {tuple(a), tuple(b)}
    broken = {color(0, 2, face=False), color(1, 4, face=True), color(1, 6, face=False)}
    assert not seen & broken
    assert {color(p, 2 * i, face=True) for p in (0, 2) for i in (2, 3)} <= seen


def test_names_that_are_not_utf8(tmp_path):
    make_pairs(tmp_path, persons=2, images=1)
    try:
        for path in list(tmp_path.iterdir()):
            path.rename(os.fsdecode(os.fsencode(path).replace(b"PID0", b"PID\xff")))
    except OSError:
        pytest.skip("this file system has no such names")
    index = read_index(tmp_path)
    assert index.digest() == read_index(tmp_path).digest()
    assert {is_held_out(person, 0.5, 3) for person in index.persons} <= {True, False}
    store, skipped = load_pairs(index.pairs, 8)
    assert (len(store), skipped) == (2, [])


def test_the_split_is_that_of_earlier_runs():
    held = [person for person in map(str, range(20)) if is_held_out(person, 0.2, 0)]
    assert held == ["7", "15", "18"]


def test_pictures_become_unit_tensors():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(2, 4, 5, 3)
    made = unit(images)
    assert made.shape == (2, 3, 4, 5)
    assert made[0, :, 1, 2].tolist() == pytest.approx([-1, -0.6, 1])


def test_damaged_pictures_are_named_and_left_out(tmp_path):
    make_pairs(tmp_path, persons=2, images=2)
    (tmp_path / "PID0_CLEAN1_IID2.png").write_bytes(b"\x89PNG but no more")
    (tmp_path / "PID1_CLEAN0_IID4.png").write_bytes(b"")
    store, skipped = load_pairs(read_index(tmp_path).pairs, 8)
    assert [pair.face.name for pair in store.pairs] == [
        "PID0_CLEAN1_IID4.png",
        "PID1_CLEAN1_IID2.png",
    ]
    assert {told.path.name for told in skipped} == {"PID0_CLEAN1_IID2.png", "PID1_CLEAN0_IID4.png"}
    assert all(told.path.name in told.reason for told in skipped)
