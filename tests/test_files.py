import os
from pathlib import Path

import numpy as np
import pytest

from landmarks import PointsError, Row, read_points, read_table, write_points, write_table
from landmarks.files import format_points


@pytest.mark.parametrize("suffix", [".txt", ".pts", ".csv", ".npz"])
def test_points_come_back(tmp_path, face_points, suffix):
    path = tmp_path / f"face{suffix}"
    write_points(path, face_points)
    np.testing.assert_allclose(read_points(path), face_points, rtol=0, atol=1e-11)


def test_text_is_one_x_y_per_line():
    assert format_points([[1, 2], [3.25, -4]]) == "1 2\n3.25 -4\n"


def test_pts_is_one_based_on_disk(tmp_path):
    write_points(tmp_path / "a.pts", [[0, 0], [9.5, 3]])
    assert (tmp_path / "a.pts").read_text() == "version: 1\nn_points: 2\n{\n1 1\n10.5 4\n}\n"


def test_pts_holds_no_rounding_noise(tmp_path):
    write_points(tmp_path / "a.pts", [[0.1, 0.7]])
    assert "1.1 1.7" in (tmp_path / "a.pts").read_text()


def test_a_byte_order_mark_is_no_point(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf1 2\n")
    np.testing.assert_array_equal(read_points(tmp_path / "a.txt", count=1), [[1, 2]])


def test_long_parquet_tables_are_written_in_parts(tmp_path, face_points):
    with write_table(tmp_path / "a.parquet") as write:
        for number in range(4100):
            write(Row(f"{number}", 0, (0.0, 0.0, 1.0, 1.0), 0.5, face_points))
    assert [row.file for row in read_table(tmp_path / "a.parquet")] == [str(n) for n in range(4100)]


@pytest.mark.parametrize("cell", ["", "nan", "x"])
def test_a_damaged_cell_is_told_with_its_row(tmp_path, cell):
    (tmp_path / "a.csv").write_text(f"x0,y0,x1,y1\n1,2,3,4\n1,2,{cell},4\n")
    with pytest.raises(PointsError, match="row 3"):
        list(read_table(tmp_path / "a.csv"))


def test_pts_as_others_write_it(tmp_path):
    (tmp_path / "a.pts").write_text(
        "version:1\r\nn_points:  2\r\n{ \r\n1.0 2.0\r\n3 4\r\n}\r\n\r\n"
    )
    np.testing.assert_array_equal(read_points(tmp_path / "a.pts", count=2), [[0, 1], [2, 3]])


def test_comments_commas_and_blank_lines(tmp_path):
    (tmp_path / "a.txt").write_text("# by hand\n1,2\n\n3\t4 # nose\n")
    np.testing.assert_array_equal(read_points(tmp_path / "a.txt", count=2), [[1, 2], [3, 4]])


ROWS = "1 2\n" * 67


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", ROWS, "holds 67 points: expected 68"),
        ("a.txt", "1 2\n" * 136, r"136 points \(2 faces: one is expected\)"),
        ("a.txt", ROWS + "nan 2\n", "point 67 is .*finite"),
        ("a.txt", ROWS + "inf 2\n", "point 67 is .*finite"),
        ("a.txt", ROWS + "1 2 3\n", "line 68: '1 2 3'"),
        ("a.txt", ROWS + "one two\n", "line 68: 'one two'"),
        ("a.txt", "", "no points"),
        ("a.txt", b"\xff\xd8\xff\xe0\x00\x10JFIF\x81", "not a text file"),
        ("a.pts", ROWS, "no .pts file"),
        (
            "a.pts",
            "version: 1\nn_points: 68\n{\n" + ROWS + "}\n",
            "announces 68 points and holds 67",
        ),
        ("a.npz", b"PK\x03\x04 but not really", "damaged .npz"),
        ("a.npz", b"", "damaged .npz"),
        ("a.csv", "a,b\n1,2\n", "no column x0"),
        ("a.csv", "x0,y0\n1,2\n3,4\n", "holds 2 faces"),
    ],
)
def test_bad_files_are_told(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PointsError, match=reason):
        read_points(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(PointsError, match="does not exist"):
        read_points(tmp_path / "none.txt")
    with pytest.raises(PointsError, match="cannot be read"):
        read_points(tmp_path)


def test_npz_of_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", points=np.array([{"x": 1}], dtype=object))
    with pytest.raises(PointsError, match="damaged"):
        read_points(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("points", "reason"), [(np.zeros((68, 3)), "shape"), ([[np.nan, 1]], "finite")]
)
def test_what_cannot_be_written(tmp_path, points, reason):
    with pytest.raises(PointsError, match=reason):
        write_points(tmp_path / "a.txt", points)
    assert not list(tmp_path.iterdir())


def test_unknown_ending_names_the_known(tmp_path):
    with pytest.raises(PointsError, match=r"'\.doc': expected one of \.txt, \.pts"):
        write_points(tmp_path / "a.doc", [[1, 2]])


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_points(path, [[1, 2]])

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_points(path, [[3, 4]])
    assert path.read_text() == "1 2\n"
    assert list(tmp_path.iterdir()) == [path]


def test_written_files_may_be_read_by_others(tmp_path):
    old = os.umask(0o022)
    try:
        write_points(tmp_path / "a.txt", [[1, 2]])
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def rows(face_points, film: bool) -> list[Row]:
    time = {"frame": 3, "seconds": 0.125} if film else {}
    first = Row('a,b "c".jpg', 0, (1.0, 2.5, 3.0, 4.0), 0.75, face_points, **time)
    return [first, Row("ä.jpg", 1, (1.0, 2.0, 3.0, 4.0), -0.5, face_points + 1, **time)]


@pytest.mark.parametrize("film", [False, True])
@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_tables_come_back(tmp_path, face_points, suffix, film):
    path = tmp_path / f"faces{suffix}"
    with write_table(path, film=film) as write:
        for row in rows(face_points, film):
            write(row)
    back = list(read_table(path))
    for got, wanted in zip(back, rows(face_points, film), strict=True):
        np.testing.assert_array_equal(got.points, wanted.points)
        for name in ("file", "face", "box", "score", "frame", "seconds"):
            assert getattr(got, name) == getattr(wanted, name)


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_a_table_without_faces_is_a_table(tmp_path, suffix):
    path = tmp_path / f"faces{suffix}"
    with write_table(path):
        pass
    assert list(read_table(path)) == []


def test_csv_and_parquet_have_the_stated_columns(tmp_path, face_points):
    import pyarrow.parquet as pq

    points = [f"{axis}{i}" for i in range(68) for axis in "xy"]
    plain = ["file", "face", "left", "top", "right", "bottom", "score", *points]
    for film in (False, True):
        for suffix in (".csv", ".parquet"):
            with write_table(tmp_path / f"a{suffix}", film=film) as write:
                write(rows(face_points, film)[0])
        expected = ["file", "frame", "seconds", *plain[1:]] if film else plain
        assert (tmp_path / "a.csv").read_text().splitlines()[0].split(",") == expected
        assert pq.read_schema(tmp_path / "a.parquet").names == expected


def test_an_interrupted_table_is_not_there(tmp_path, face_points):
    def fail() -> None:
        with write_table(tmp_path / "a.csv") as write:
            write(rows(face_points, False)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_truncated_tables_are_told(tmp_path, face_points, suffix):
    path = Path(tmp_path / f"a{suffix}")
    with write_table(path) as write:
        write(rows(face_points, False)[0])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PointsError, match="damaged"):
        list(read_table(path))
