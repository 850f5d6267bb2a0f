"""The contact sheet: which pictures stand where, and that points and masks lie on them."""

import numpy as np
import pytest
from PIL import Image

from data.people import sheet
from data.people.sheet import Candidate, choose, columns_for
from data.people.sheet_drawing import _HIDDEN, _SEEN, draw_cell, draw_sheet, sheet_size
from landmarks.samples import LABEL_COLORS, LABELS, Sample, encode_sample
from landmarks.shard_set import writing_set
from tests import made_up_head


def sample(key: str, person: int, emotion: str, intensity: float, shade: int = 90) -> Sample:
    points = np.full((68, 2), -50.0)
    points[30] = (10, 20)
    labels = np.zeros((32, 32), np.uint8)
    labels[24:, :] = LABELS.index("teeth")
    return Sample(
        key,
        np.full((32, 32, 3), shade, np.uint8),
        points,
        np.ones(68, bool),
        labels,
        {"person": person, "emotion": emotion, "intensity": intensity},
    )


def test_each_column_gets_the_nearest_picture_and_none_twice():
    columns = columns_for(["neutral", "fear"], [0.4, 1.0])
    assert [tuple(column) for column in columns] == [
        ("neutral", 0.0), ("fear", 0.4), ("fear", 1.0)
    ]  # fmt: skip
    seen = [
        Candidate("a", "7", "fear", 0.8),
        Candidate("b", "7", "fear", 0.9),
        Candidate("c", "3", "fear", 0.5),
        Candidate("d", "7", "neutral", 0.0),
        Candidate("e", "5", "neutral", 0.0),
    ]
    chosen = choose(seen, columns, rows=2)
    keys = {who: [item and item.key for item in row] for who, row in chosen.items()}
    assert keys == {"7": ["d", "a", "b"], "3": [None, "c", None]}


def test_pictures_of_one_emotion_rise_from_left_to_right():
    """0.29 is nearest to 0.4; what is left for 1.0 is weaker."""
    columns = columns_for(["fear", "anger"], [1.0, 0.4])
    seen = [
        Candidate("a", "7", "fear", 0.29),
        Candidate("b", "7", "anger", 0.5),
        Candidate("c", "7", "fear", 0.22),
    ]
    keys = [item and item.key for item in choose(seen, columns, rows=1)["7"]]
    assert keys == ["a", "c", None, "b"]


def test_points_and_masks_lie_where_they_belong():
    one = sample("a", 0, "fear", 1.0)
    plain = draw_cell(one, 64, points=False, labels=False)
    assert plain.shape == (64, 64, 3)
    assert (plain == 90).all()
    points = draw_cell(one, 64, points=True, labels=False)
    changed = np.argwhere((points != plain).any(2))
    # Pixel centres: (10 + ½)·2 − ½ = 20.5 and (20 + ½)·2 − ½ = 40.5.
    np.testing.assert_allclose(changed.mean(0), (40.5, 20.5), atol=0.6)
    labels = draw_cell(one, 64, points=False, labels=True)
    assert (labels[:48] == 90).all()
    teeth = np.array(LABEL_COLORS[LABELS.index("teeth")])
    expected = np.broadcast_to(90 + 0.4 * (teeth - 90), (16, 64, 3))
    np.testing.assert_allclose(labels[48:], expected, atol=1)
    hidden = draw_cell(one._replace(visible=np.zeros(68, bool)), 64, points=True, labels=False)
    assert (hidden != points).any()


def test_a_sheet_grows_with_its_rows_and_marks_what_is_missing():
    columns = columns_for(["neutral", "fear"], [1.0])
    row = [(sample("a", 0, "neutral", 0), 0.0), None]
    one, two = (
        draw_sheet(rows, columns, cell=64, points=False, labels=False)
        for rows in ({"0": row}, {"0": row, "1": row})
    )
    assert two.height - one.height >= 64
    assert one.width == two.width > 2 * 64
    for shade in (90, 236):  # the picture, and the place of one; letters have a few such pixels
        assert 64 * 64 <= (np.asarray(one) == shade).all(2).sum() < 1.1 * 64 * 64


@pytest.fixture
def shards(tmp_path):
    with writing_set(tmp_path / "set", {}, per_shard=3) as written:
        for number, (emotion, intensity) in enumerate(
            [("neutral", 0.0), ("fear", 0.3), ("fear", 1.1), ("happiness", 0.5)]
        ):
            key = f"{number:06d}"
            one = sample(key, 12, emotion, intensity, shade=40 * (number + 1))
            written.add(key, encode_sample(one, quality=None))
    return tmp_path / "set"


def test_the_command_draws_from_shards(shards, tmp_path):
    out = tmp_path / "sheet.png"
    arguments = [str(shards), "-o", str(out), "--plain", "--cell", "32"]
    assert sheet.main([*arguments, "--emotions", "neutral", "fear", "happiness"]) == 0
    drawn = np.asarray(Image.open(out))
    places = [np.argwhere((drawn == shade).all(2)) for shade in (40, 80, 120, 160)]
    assert all(len(place) >= 32 * 32 for place in places)
    lefts = [np.bincount(place[:, 1]).argmax() for place in places]
    assert lefts == sorted(lefts)
    assert sheet.main([str(shards), "-o", str(out), "--cell", "48"]) == 0
    assert len(np.unique(np.asarray(Image.open(out)).reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize(
    ("name", "intensities", "size"),
    [("a.jpg", 12, "75,569 × 1,620"), ("a.png", 50, "309,953 × 1,620")],
)
def test_a_sheet_that_cannot_be_written_is_refused_before_it_is_drawn(
    shards, tmp_path, capsys, monkeypatch, name, intensities, size
):
    monkeypatch.setattr(sheet, "draw_sheet", None)
    arguments = [str(shards), "-o", str(tmp_path / name), "--cell", "1024", "--intensities"]
    assert sheet.main([*arguments, *(str(k / 50) for k in range(intensities))]) == 2
    told = capsys.readouterr().err
    assert f"the sheet would have {size}" in told
    assert "65,500 side by side in a .jpg; show fewer --rows" in told
    assert told.count("\n") == 1
    assert not (tmp_path / name).exists()


def test_the_size_of_a_sheet_is_known_before():
    columns = columns_for(["neutral", "fear"], [0.5, 1.0])
    rows = {"7": [None] * 3, "1234567": [None] * 3}
    for points in (False, True):
        for labels in (False, True):
            shown = {"cell": 40, "points": points, "labels": labels}
            assert draw_sheet(rows, columns, **shown).size == sheet_size(rows, columns, **shown)


def test_the_legend_tells_every_colour_and_stays_on_the_sheet():
    columns = columns_for(["fear"], [0.5, 1.0])
    colors = {"points": [_SEEN, _HIDDEN], "labels": LABEL_COLORS[LABELS.index("lips") :]}
    for points in (False, True):
        for labels in (False, True):
            drawn = draw_sheet({"7": [None, None]}, columns, cell=60, points=points, labels=labels)
            pixels = np.asarray(drawn)
            for name, shown in (("points", points), ("labels", labels)):
                for color in colors[name]:
                    found = np.argwhere((pixels == color).all(2))
                    whole = len(found) >= 9 * 9  # of a square of 11 pixels with its outline
                    assert whole == (shown or color == (255, 255, 255)), (name, color)
            # Nothing reaches the edge, where it would be cut off.
            assert (pixels[:, -1] == 255).all()
            assert (pixels[-1] == 255).all()


def test_points_are_told_from_masks_by_their_colour():
    for dot in (_SEEN, _HIDDEN):
        for color in (*LABEL_COLORS, *{_SEEN, _HIDDEN} - {dot}):
            assert np.linalg.norm(np.subtract(dot, color)) > 120


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "a.png"], "either shards or --ict"),
        (["x.tar", "-o", "a.png"], "x.tar does not exist"),
        (["x.tar", "-o", "a.gif"], "unknown ending '.gif'"),
        (["x.tar", "-o", "a.png", "--plain", "--points"], "--plain draws neither"),
        (["x.tar", "-o", "a.png", "--rows", "0"], "--rows is 0"),
        (["x.tar", "-o", "a.png", "--intensities", "0.4", "nan"], "--intensities holds nan"),
        (["x.tar", "-o", "a.png", "--intensities", "inf"], "holds inf: expected finite numbers"),
        (["--ict", "nowhere", "-o", "a.png"], "nowhere is not a folder: the face model"),
    ],
)
def test_bad_input_is_one_sentence(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert sheet.main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("no/a.png", "no of a.png does not exist: make it first"), ("a.png", "a.png is a folder")],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(
    tmp_path, capsys, place, sentence
):
    (tmp_path / "a.png").mkdir()
    assert sheet.main([str(tmp_path / "none.tar"), "-o", str(tmp_path / place)]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_what_is_no_shard_is_told_as_that(shards, tmp_path, capsys):
    (tmp_path / "README.md").write_text("# Data\n" * 400)
    assert sheet.main([str(tmp_path / "README.md"), "-o", str(tmp_path / "a.png")]) == 2
    assert "README.md is not a tar file: expected a shard" in capsys.readouterr().err


def test_the_sheet_tells_what_it_shows(shards, tmp_path, capsys):
    out = tmp_path / "a.png"
    assert sheet.main([str(shards), "-o", str(out), "--cell", "32"]) == 0
    with Image.open(out) as drawn:
        size = f"{drawn.width:,} × {drawn.height:,}"
    assert capsys.readouterr().out == f"{out}: 1 person, {size} pixels\n"


def test_shards_without_people_are_told(tmp_path, capsys):
    with writing_set(tmp_path / "other.tar", {}) as written:
        written.add("k", encode_sample(sample("k", 0, "fear", 1)._replace(record={})))
    assert sheet.main([str(tmp_path / "other.tar"), "-o", str(tmp_path / "a.png")]) == 2
    assert "sample k has no person and emotion" in capsys.readouterr().err


def test_the_command_renders_for_a_quick_look(tmp_path):
    head = made_up_head.write_npz(tmp_path / "head")
    out = tmp_path / "sheet.jpg"
    arguments = ["--ict", str(head), "-o", str(out), "--preview", "--size", "32", "--cell", "64"]
    arguments += ["--rows", "2", "--first", "3", "--emotions", "neutral", "surprise"]
    assert sheet.main([*arguments, "--intensities", "1"]) == 0
    with Image.open(out) as drawn:
        assert drawn.width > 2 * 64
        assert drawn.height > 2 * 64
