"""Command: the main job on a real photograph, from nothing to pictures.

python -m scripts.demo -o out/demo
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landmarks import extract


def main(argv: Sequence[str] | None = None) -> int:
    """Extract and draw the landmarks of the portrait in scikit-image's wheel.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process when left out.

    Returns
    -------
    code : int
        0, or 2 with one sentence on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("-o", "--output", default="out/demo", help="folder for the results")
    args = parser.parse_args(argv)
    folder = Path(args.output)
    photo = folder / "astronaut.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_portrait()).save(photo)
    except OSError as error:
        sys.stderr.write(f"{folder} cannot be written: {error.strerror or error}\n")
        return 2
    points = folder / "astronaut.txt"
    code = extract.main(["-i", str(photo), "-o", str(points), "--draw", str(folder / "drawn")])
    if code == 0:
        print(
            f"photograph  {photo}\nlandmarks   {points}\npicture     {folder}/drawn/astronaut.png"
        )
    return code


def _portrait() -> NDArray[np.uint8]:
    """Eileen Collins, NASA, public domain."""
    from skimage import data

    image: NDArray[np.uint8] = data.astronaut()
    return image


if __name__ == "__main__":
    sys.exit(main())
