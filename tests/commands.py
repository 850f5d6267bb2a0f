"""Commands as the tests run them: in this process, or as a process of their own."""

import subprocess
import sys
from pathlib import Path

from landmarks import extract

ROOT = Path(__file__).parent.parent


def run(*arguments: object, code: int = 0, capsys=None) -> str:
    if "--jobs" not in arguments:
        arguments += ("--jobs", "1")
    assert extract.main([str(a) for a in arguments]) == code
    return capsys.readouterr() if capsys else ""


def command(*arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "landmarks.extract", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
