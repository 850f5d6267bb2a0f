import os

import pytest

from landmarks.errors import InputError
from landmarks.inputs import expand


@pytest.fixture
def folder(tmp_path):
    for name in ["b.jpg", "a.PNG", "notes.md", ".hidden.jpg", "film.mp4", "deep/c.jpg"]:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "in"


def stems(sources):
    return [source.stem for source in sources]


def test_a_folder_is_sorted_and_holds_pictures_and_films(folder):
    sources = expand([str(folder)])
    assert stems(sources) == ["a", "b", "film"]
    assert [source.film for source in sources] == [False, False, True]


def test_recursion_keeps_the_tree(folder):
    found = stems(expand([str(folder)], recursive=True))
    assert found == ["a", "b", "film", os.path.join("deep", "c")]


def test_globs_and_files_name_each_picture_once(folder):
    sources = expand([str(folder / "b.jpg"), str(folder / "*"), str(folder / "**" / "*.jpg")])
    assert sorted(stems(sources)) == ["a", "b", "c", "film"]


def test_a_list_is_relative_to_itself(folder):
    (folder / "list.txt").write_text("# mine\nb.jpg\n\ndeep\n")
    assert stems(expand([str(folder / "list.txt")])) == ["b", "c"]


def test_endings_stay_where_they_tell_files_apart(folder):
    (folder / "b.png").touch()
    assert stems(expand([str(folder)])) == ["a", "b.jpg", "b.png", "film"]


def test_the_same_name_in_two_folders_is_filed_apart(folder):
    (folder / "deep" / "b.jpg").touch()
    sources = expand([str(folder / "b.jpg"), str(folder / "deep" / "b.jpg")])
    assert stems(sources) == ["b", os.path.join("deep", "b")]


def test_a_missing_file_is_left_for_the_reader_to_tell(tmp_path):
    assert stems(expand([str(tmp_path / "none.jpg")])) == ["none"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty", None, "holds no image .*--recursive"),
        ("empty/*.jpg", None, "matches no image"),
        ("none.txt", None, "does not exist: expected a list"),
        ("list.txt", "# nothing\n", "empty list"),
        ("list.txt", "empty", "holds no image"),
    ],
)
def test_inputs_without_a_picture_are_told(tmp_path, name, content, reason):
    (tmp_path / "empty").mkdir()
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        expand([str(tmp_path / name)])
