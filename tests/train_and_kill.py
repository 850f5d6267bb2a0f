"""A process that trains in children and kills them, each once, wherever it is told.

    python -m tests.train_and_kill DATADIR EPOCHS < jobs.json

jobs: a list of [recipe, modeldir, kills]. A kill is a number of seconds after which the child is
killed from outside, or `[name, k]`: the child kills itself in its k-th call of os.fsync or
os.replace, before it is carried out. The last child of a job is left to finish. Prints for each
job how many were killed. torch is loaded once and forked, so that a kill costs no start.
"""

import json
import os
import signal
import sys
import time

import torch
import torch._dynamo  # loaded before the fork, as each child needs it
import torch.utils.tensorboard

from gan.config import Config
from gan.training import Options, train


def die_in(name: str, call: int) -> None:
    whole, left = getattr(os, name), call

    def counted(*arguments: object, **options: object) -> object:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*arguments, **options)

    setattr(os, name, counted)


def child(datadir: str, epochs: int, modeldir: str, recipe: str, kill: object) -> None:
    if isinstance(kill, list):
        die_in(*kill)
    config = Config(recipe=recipe, base_filters=2, batch=4, held_out=0.3, seed=3)
    options = Options(device="cpu", save_every=0, log_every=1)
    train(datadir, epochs, modeldir, config, options, report=lambda _: None)


def run_job(datadir: str, epochs: int, recipe: str, modeldir: str, kills: list[object]) -> int:
    killed = 0
    for kill in [*kills, None]:
        process = os.fork()
        if not process:
            child(datadir, epochs, modeldir, recipe, kill)
            os._exit(0)
        if isinstance(kill, float):
            time.sleep(kill)
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        killed += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
            raise SystemExit(1)
    return killed


if __name__ == "__main__":
    torch.set_num_threads(1)
    jobs = json.load(sys.stdin)
    print(json.dumps([run_job(sys.argv[1], int(sys.argv[2]), *job) for job in jobs]))
