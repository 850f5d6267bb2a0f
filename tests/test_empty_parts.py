"""Parts without faces: what trust is tested on."""

import numpy as np
from PIL import Image

from scripts.bench.empty_parts import empty_squares, main


def test_squares_stay_within_the_picture_and_away_from_faces():
    faces = np.array([[100.0, 60, 180, 140], [300, 200, 340, 240]])
    squares = empty_squares((420, 300), faces, 40, np.random.default_rng(0))
    assert 10 <= len(squares) <= 40
    covered = np.zeros((300, 420), int)
    for left, top, side in squares:
        assert min(left, top) >= 0
        assert left + side <= 420
        assert top + side <= 300
        assert side >= 48
        covered[top : top + side, left : left + side] += 1
    assert not covered[41:159, 81:199].any()
    assert not covered[191:249, 291:349].any()
    assert covered.max() < 8


def test_parts_are_written_and_a_bad_file_is_told(tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "group.png")
    box = "<box top='50' left='100' width='60' height='60'/>"
    Image.new("L", (300, 47)).save(tmp_path / "low.png")
    images = f"<image file='low.png'/><image file='group.png'>{box}</image>"
    text = f"<dataset><images>{images}</images></dataset>"
    (tmp_path / "faces.xml").write_text(text)
    out = tmp_path / "parts"
    assert main([str(tmp_path / "faces.xml"), "-o", str(out), "--each", "5"]) == 0
    told = capsys.readouterr().out
    assert told == f"{out}: 5 parts; pictures of less than 48 pixels, which give none: 1\n"
    for path in out.iterdir():
        _, left, top = path.stem.split("_")
        part = np.asarray(Image.open(path))
        side = part.shape[0]
        np.testing.assert_array_equal(
            part, noise[int(top) : int(top) + side, int(left) : int(left) + side]
        )
    (tmp_path / "faces.xml").write_text("<dataset>")
    assert main([str(tmp_path / "faces.xml"), "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m scripts.bench.empty_parts: ")
    assert "no element" in error
