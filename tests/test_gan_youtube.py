"""The benchmark on frames of YouTube Faces: what it hands on, and what it tells when."""

import numpy as np
import pytest

from data.pair_set import Summary
from gan.evaluate import Report
from gan.verdict import Scores, Verdict
from scripts.bench import gan_youtube

SCORES = Scores(7, 3, 1.0, 0.5, 0.05, 0.05, 0.5, 13.0, 0.6, 0.4, 0.1)
HEADS = ("generated", "nearest copy", "true", "training")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """The command with stand-ins for all that takes time; the arguments of training."""
    trained = []
    monkeypatch.setattr(gan_youtube, "youtube_photos", lambda *_, **__: None)
    monkeypatch.setattr(gan_youtube, "make_pairs", lambda target, **_: Summary(target.folder))
    monkeypatch.setattr(gan_youtube, "train_command", lambda given: trained.append(given) or 0)
    report = Report(
        dict.fromkeys(HEADS, SCORES), Verdict("good", "enough"), (), np.zeros((8, 8, 3), np.uint8)
    )
    monkeypatch.setattr(gan_youtube, "evaluate", lambda *_, **__: report)

    def call(*arguments, code=0):
        given = ["faces.zip", str(tmp_path / "model"), "--pairs", str(tmp_path / "pairs")]
        assert gan_youtube.main([*given, *arguments]) == code
        return trained

    return call


@pytest.mark.parametrize("recipe", ["published", "better"])
def test_the_recipe_is_handed_to_training(bench, tmp_path, recipe):
    (tmp_path / "pairs").mkdir()
    (told,) = bench("--epochs", "3", "--recipe", recipe)
    assert told[told.index("--recipe") + 1] == recipe
    assert told.count("--recipe") == 1
    assert (tmp_path / "pairs" / "worst_test_detect.png").exists()


def test_results_are_told_before_a_file_is_written(bench, tmp_path, capsys):
    bench(code=2)  # there is no folder for the picture
    told = capsys.readouterr()
    assert "good: enough" in told.out
    assert "worst_test_detect.png cannot be written: No such file" in told.err
    assert told.err.count("\n") == 1
