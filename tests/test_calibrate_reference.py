"""The published example, to every printed digit.

It has no licence, so it is not part of the project: `CALIBRATE_REFERENCE` names the folder with
gold_happy.txt, sample_happy.txt, parax_happy.txt and paray_happy.txt.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from calibration import calibrate

FOLDER = os.environ.get("CALIBRATE_REFERENCE")


@pytest.mark.reference
@pytest.mark.skipif(FOLDER is None, reason="CALIBRATE_REFERENCE names no folder")
def test_the_published_coefficients():
    folder = Path(str(FOLDER))
    found = calibrate(None, folder / "gold_happy.txt", None, folder / "sample_happy.txt")
    for par, name in zip(found, ("parax_happy.txt", "paray_happy.txt"), strict=True):
        printed = (folder / name).read_text().strip()
        assert ",".join(f"{value:.5g}" for value in par) == printed
