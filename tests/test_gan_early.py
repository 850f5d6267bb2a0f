"""Bad input is told before torch is loaded, which takes many seconds."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from gan.config import Config
from gan.model_file import GENERATOR_FILE
from landmarks import write_points
from landmarks.keypoints.config import Config as KeypointsConfig
from landmarks.runs.run_folder import RunFolder
from landmarks.runs.state import CHECKPOINT_FILE, Progress
from landmarks.runs.tensor_file import write_tensors
from tests.drawn_faces import write_faces
from tests.pair_folders import make_pairs

ROOT = Path(__file__).parent.parent

RUN = """
import contextlib, importlib, io, json, sys
told = []
for module, *arguments in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as error:
        code = importlib.import_module(module).main(arguments)
    loaded = sorted({"torch", "accelerate", "dlib", "tensorboard"} & sys.modules.keys())
    told.append([code, error.getvalue(), loaded])
print(json.dumps(told))
"""


def write_run(modeldir, config):
    modeldir.mkdir()
    told = json.dumps(asdict(Progress(5, config.to_json(), "data", 0)))
    write_tensors(modeldir / CHECKPOINT_FILE, {}, told)


def test_bad_input_is_told_before_torch_is_loaded(tmp_path, face_points):
    pytest.importorskip("fcntl")
    pairs, nowhere = make_pairs(tmp_path / "pairs"), tmp_path / "nowhere"
    faces = write_faces(tmp_path / "faces", train=3, validation=1)
    new, file = tmp_path / "new", tmp_path / "file"
    file.touch()
    write_run(tmp_path / "other", Config(size=64, batch=8))
    write_run(tmp_path / "keypoints", KeypointsConfig(batch=8))
    write_points(tmp_path / "a.txt", face_points)
    model = tmp_path / GENERATOR_FILE
    write_tensors(model, {}, Config(size=64, held_out=0).to_json())
    points, gate = tmp_path / "a.txt", tmp_path / "gate.csv"
    gate.write_text("1,2")
    cases = [
        ("gan.train", (nowhere, 1, new), "does not exist"),
        ("gan.train", (pairs, 0, new), "epochs is 0"),
        ("gan.train", (pairs, 1, new, "--save-every", -1), "save_every is -1"),
        ("gan.train", (pairs, 1, new, "--recipe", "published", "--gate", gate), "expected 3×3"),
        ("gan.train", (pairs, 1, new, "--held-out", 0.99), "at least two are needed"),
        ("gan.train", (pairs, 1, file), "is a file"),
        ("gan.train", (pairs, 1, tmp_path / "other"), "batch is 8, not 16; pairs were others"),
        ("gan.train", (pairs, 1, tmp_path / "busy"), "another run is training"),
        ("gan.generate", (model, tmp_path / "no.txt", "-o", new), "does not exist"),
        ("gan.generate", (nowhere, points, "-o", new), "does not exist"),
        ("gan.generate", (model, points, "-o", file / "new"), "is a file: expected a folder"),
        ("gan.evaluate", (nowhere, pairs), "does not exist"),
        ("gan.evaluate", (model, pairs), "holds nobody out"),
        ("landmarks.keypoints.train", (nowhere, new), "does not exist"),
        ("landmarks.keypoints.train", (faces, file), "is a file"),
        ("landmarks.keypoints.train", (faces, new, "--feature-maps", nowhere), "does not exist"),
        ("landmarks.keypoints.train", (faces, tmp_path / "busy"), "another run is training"),
        ("landmarks.keypoints.train", (faces, tmp_path / "keypoints"), "batch is 8, not"),
    ]
    busy = RunFolder(tmp_path / "busy", GENERATOR_FILE)
    busy.lock()
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps([[module, *map(str, arguments)] for module, arguments, _ in cases]),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    busy.close()
    assert done.returncode == 0, done.stderr
    for (module, _, wanted), (code, told, loaded) in zip(
        cases, json.loads(done.stdout), strict=True
    ):
        assert (code, told.count("\n"), loaded) == (2, 1, []), told
        assert told.startswith(f"python -m {module}: ")
        assert wanted in told
    assert not new.exists()


def test_a_folder_in_which_no_run_begins_is_removed_again(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b", GENERATOR_FILE)
    folder.lock()
    assert folder.path.is_dir()
    folder.close()
    assert not (tmp_path / "a").exists()
    folder.lock()
    folder.checkpoint.touch()
    folder.close()
    assert folder.checkpoint.exists()
    (tmp_path / "mine").mkdir()  # not ours to remove
    theirs = RunFolder(tmp_path / "mine", GENERATOR_FILE)
    theirs.lock()
    theirs.close()
    assert (tmp_path / "mine").is_dir()
