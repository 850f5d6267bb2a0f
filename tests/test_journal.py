import numpy as np
import pytest

from landmarks.errors import InputError
from landmarks.journal import Journal, Record, key_of
from landmarks.tables import Row


def record(number: int, points) -> Record:
    row = Row(f"{number}.jpg", 0, (1.0, 2.0, 3.0, 4.0), 0.5, points)
    return Record(f"{number}.jpg", str(number), rows=(row,))


def files(journal: Journal) -> list[str]:
    return [record.file for record in journal]


def test_records_come_back(tmp_path, face_points):
    journal = Journal(tmp_path / "j", {"a": 1}, resume=False)
    journal.add(record(0, face_points))
    journal.add(Record("bad.jpg", "bad", error="empty"))
    journal.add(Record("film.mp4", "film_frame000003", 3, 0.125, ()))
    first, second, third = journal
    journal.close()
    np.testing.assert_array_equal(first.rows[0].points, face_points)
    assert first.rows[0].box == (1, 2, 3, 4)
    assert (second.error, second.rows) == ("empty", ())
    assert (third.frame, third.seconds, third.key) == (3, 0.125, key_of("film.mp4", 3))


def test_a_kill_between_any_two_bytes_loses_only_the_unfinished_line(tmp_path, face_points):
    path = tmp_path / "j"
    journal = Journal(path, {"a": 1}, resume=False)
    for number in range(3):
        journal.add(record(number, face_points[:2]))
    journal.close()
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        again = Journal(path, {"a": 1}, resume=True)
        assert len(files(again)) == max(0, sum(end <= cut for end in ends) - 1)
        again.add(record(9, face_points[:2]))
        assert files(again)[-1] == "9.jpg"
        again.close()


def begin(path, settings) -> None:
    journal = Journal(path, settings, resume=False)
    journal.add(Record("a.jpg", "a"))
    journal.close()


def test_a_journal_without_a_record_leaves_nothing(tmp_path):
    Journal(tmp_path / "j", {}, resume=False).close()
    assert not list(tmp_path.iterdir())


def test_two_runs_at_once_are_told(tmp_path):
    first = Journal(tmp_path / "j", {}, resume=False)
    with pytest.raises(InputError, match="being written by another run"):
        Journal(tmp_path / "j", {}, resume=True)
    first.close()


def test_a_damaged_line_ends_what_is_believed(tmp_path, face_points):
    begin(tmp_path / "j", {})
    with open(tmp_path / "j", "ab") as file:
        file.write(b"\0\0\0\0\n")
    again = Journal(tmp_path / "j", {}, resume=True)
    again.add(record(1, face_points))
    assert files(again) == ["a.jpg", "1.jpg"]
    again.close()


def test_an_unfinished_run_is_not_overwritten(tmp_path):
    begin(tmp_path / "j", {})
    with pytest.raises(InputError, match="add --resume"):
        Journal(tmp_path / "j", {}, resume=False)


def test_other_settings_are_told(tmp_path):
    begin(tmp_path / "j", {"detector": "hog"})
    with pytest.raises(InputError, match="detector was hog, is haar"):
        Journal(tmp_path / "j", {"detector": "haar"}, resume=True)


def test_another_file_is_not_taken_for_a_journal(tmp_path):
    for text in ("dear diary\n", "dear diary", '{"a": 1}\n'):
        (tmp_path / "j").write_text(text)
        with pytest.raises(InputError, match="not the journal"):
            Journal(tmp_path / "j", {}, resume=True)
        assert (tmp_path / "j").read_text() == text


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "file" / "j", {}, resume=False)
