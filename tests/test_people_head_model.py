"""The face model: both formats are one model, and half a download is told."""

import shutil

import numpy as np
import pytest

from data.people.head_model import HeadModelError, how_to_get, read_head_model
from landmarks.scheme import MIRROR
from tests import made_up_head


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    return made_up_head.write_npz(tmp_path_factory.mktemp("npz"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return made_up_head.write_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def broken(tmp_path, npz):
    """A copy of the two files, to be damaged."""
    return shutil.copytree(npz, tmp_path / "model")


def read_repository(folder):
    """The made-up head has fewer identity shapes than the real one."""
    return read_head_model(folder, identities=made_up_head.IDENTITIES)


@pytest.fixture
def broken_repository(tmp_path, repository):
    """The folder of .obj files, to be damaged; every file is a link that may be replaced."""
    folder = tmp_path / "repository" / "FaceXModel"
    folder.mkdir(parents=True)
    for file in (repository / "FaceXModel").iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def replace(path, content):
    path.unlink()
    path.write_bytes(content)


def test_all_formats_hold_the_same_model(npz, repository):
    expected = made_up_head.head()
    for folder in [npz, repository, repository / "FaceXModel"]:
        model = read_repository(folder)
        for field, value in expected._asdict().items():
            got = getattr(model, field)
            if isinstance(value, list):
                assert got == value, (folder, field)
            else:
                assert got.dtype == value.dtype
                np.testing.assert_allclose(got, value, atol=2e-6, err_msg=f"{folder} {field}")


def test_a_face_is_neutral_plus_weighted_shapes():
    model = made_up_head.head()
    weights = np.zeros(53)
    weights[[3, 20]] = [0.5, 1.2]
    identity = np.array([0.0, 2.0, -1.0])  # the rest stays at zero
    expected = model.neutral + 2 * model.identities[1] - model.identities[2]
    expected = expected + 0.5 * model.expressions[3] + 1.2 * model.expressions[20]
    np.testing.assert_allclose(model.face(identity, weights), expected, atol=1e-5)
    np.testing.assert_array_equal(model.face(np.zeros(5), np.zeros(53)), model.neutral)


@pytest.mark.parametrize(
    ("identity", "weights"), [(np.zeros(6), np.zeros(53)), (np.zeros(5), np.zeros(52))]
)
def test_a_face_of_another_model_is_refused(identity, weights):
    with pytest.raises(ValueError, match=r"expected at most \(5,\) and \(53,\)"):
        made_up_head.head().face(identity, weights)


def test_the_made_up_head_is_symmetric():
    model = made_up_head.head()
    points = model.neutral[model.landmark_vertices]
    np.testing.assert_allclose(points[MIRROR] * [-1, 1, 1], points, atol=1e-5)
    assert len(set(model.landmark_vertices.tolist())) == 68


def test_no_folder(tmp_path):
    with pytest.raises(HeadModelError, match=r"is not a folder.*git clone.*0\.5 GB.*MIT"):
        read_head_model(tmp_path / "nowhere")
    assert "--ict" in how_to_get()


def test_another_folder(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(HeadModelError, match="is not ICT-FaceKit"):
        read_head_model(tmp_path)


def test_one_of_the_two_files_is_missing(broken):
    (broken / "ict_mesh.npz").unlink()
    with pytest.raises(HeadModelError, match="ict_mesh.npz is missing"):
        read_head_model(broken)


@pytest.mark.parametrize("name", ["ict_full_f16.npz", "ict_mesh.npz"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_npz_of_full_size_is_told(broken, name, packed):
    path = broken / name
    if packed:
        with np.load(path) as archive:
            np.savez_compressed(path, **dict(archive))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500 * [0xA5])
    path.write_bytes(content)
    told = rf"{name} \({len(content):,} bytes\) .* is damaged or downloaded only in part"
    with pytest.raises(HeadModelError, match=told):
        read_head_model(broken)


@pytest.mark.parametrize("length", [0, 7, 20_000])
def test_a_truncated_npz_is_named_with_its_size(broken, length):
    path = broken / "ict_full_f16.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(HeadModelError, match=rf"ict_full_f16.npz \({length:,} bytes\) .*again"):
        read_head_model(broken)


def test_another_npz(broken):
    np.savez(broken / "ict_mesh.npz", triangles=np.zeros((1, 3)))
    with pytest.raises(HeadModelError, match="'material' is missing"):
        read_head_model(broken)


def test_files_of_two_versions(broken):
    with np.load(broken / "ict_full_f16.npz") as archive:
        arrays = dict(archive)
    arrays["expressions"] = arrays["expressions"][:, :-1]
    np.savez(broken / "ict_full_f16.npz", **arrays)
    with pytest.raises(HeadModelError, match="different versions"):
        read_head_model(broken)


@pytest.mark.parametrize(
    "name",
    [
        "vertex_indices.json",
        "generic_neutral_mesh.obj",
        "jawOpen.obj",
        "noseSneer_R.obj",
        "identity002.obj",
        "identity004.obj",
    ],
)
def test_a_missing_file_of_the_repository(broken_repository, name):
    (broken_repository / name).unlink()
    with pytest.raises(HeadModelError, match=f"{name} is missing") as caught:
        read_repository(broken_repository.parent)
    if name.startswith("identity"):
        assert "holds only 4 of 5 identity shapes" in str(caught.value)
    elif name.endswith("_R.obj"):
        assert "holds only 52 of 53 expression shapes" in str(caught.value)


def test_a_repository_without_its_last_identities_is_not_whole(repository):
    told = "holds only 5 of 100 identity shapes of ICT-FaceKit: identity005.obj is missing"
    with pytest.raises(HeadModelError, match=told):
        read_head_model(repository)
    with pytest.raises(HeadModelError, match=r"53 of 54 .*: vertex_indices.json names no others"):
        read_head_model(repository, expressions=54)


@pytest.mark.parametrize(
    ("name", "share", "why"),
    [
        ("vertex_indices.json", 0.5, "is not a whole list"),
        ("generic_neutral_mesh.obj", 0.3, ""),  # within the vertices
        ("generic_neutral_mesh.obj", 0.8, ""),  # within the polygons
        ("jawOpen.obj", 0.5, ""),
        ("identity001.obj", 0, "has no vertices"),
    ],
)
def test_a_truncated_file_of_the_repository(broken_repository, name, share, why):
    path = broken_repository / name
    content = path.read_bytes()
    replace(path, content[: int(len(content) * share)])
    with pytest.raises(HeadModelError, match=rf"{name} \([\d,]+ bytes\) .*{why}.*again"):
        read_repository(broken_repository.parent)


def test_a_short_shape_says_how_many_vertices(broken_repository):
    path = broken_repository / "jawOpen.obj"
    replace(path, b"\n".join(path.read_bytes().splitlines()[:1000]) + b"\n")
    with pytest.raises(HeadModelError, match=r"has 1,000 vertices instead of the 5,3\d\d of"):
        read_repository(broken_repository.parent)
