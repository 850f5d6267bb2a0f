"""The house rules: who imports whom, what is installed, what an import loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ["landmarks", "calibration", "gan", "classifier"]
CHECKOUT_ONLY = {"data", "scripts", "tests"}


def imported(path: Path) -> set[str]:
    """Top-level names of every absolute import in a file, nested ones too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_a_room_imports_only_from_rooms_to_its_left(room):
    forbidden = set(ROOMS[ROOMS.index(room) + 1 :]) | CHECKOUT_ONLY
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & forbidden, f"{path} looks to its right"


@pytest.mark.parametrize(
    ("folder", "forbidden"), [("data", {"scripts", "tests"}), ("scripts", {"tests"})]
)
def test_nobody_imports_the_scripts_or_the_tests(folder, forbidden):
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & forbidden, path


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module",
    ["landmarks", "landmarks.extract", "landmarks.detector", "landmarks.keypoints", "calibration"]
    + ["gan", "classifier", "classifier.telling", "classifier.evaluate"],
)
def test_importing_loads_neither_dlib_nor_torch(module):
    code = f"import sys, {module}; print(sorted({{'dlib', 'torch'}} & set(sys.modules)))"
    assert run(code) == "[]"


def test_every_public_name_of_landmarks_is_there():
    assert run("import landmarks; [getattr(landmarks, n) for n in landmarks.__all__]") == ""


def setup_arguments() -> dict:
    """The literal arguments of setup(), read without setuptools, which may not be installed."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    )
    wanted = {"packages", "package_data"}
    return {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg in wanted}


def test_only_the_rooms_are_installed():
    packages = setup_arguments()["packages"]
    assert {name.split(".")[0] for name in packages} <= set(ROOMS)
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(packages) == on_disk


WEIGHTS = (".onnx", ".npz", ".safetensors", ".typed")


def test_what_the_rooms_read_is_installed_with_them():
    data = setup_arguments()["package_data"]
    for room in data:
        files = [p for p in ROOT.joinpath(*room.split(".")).iterdir() if p.suffix in WEIGHTS]
        assert files
        for path in files:
            assert any(path.match(pattern) for pattern in data[room]), path
