import os
import signal
import subprocess
import sys
import time

from landmarks.pool import Died, OrderedPool


def nothing() -> None:
    pass


def work(task: int) -> int:
    if task % 10 == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02 if task % 2 else 0)
    return task * task


def test_answers_keep_the_order_and_only_the_guilty_die():
    pool = OrderedPool(work, nothing, 2)
    answers = list(pool.run(range(16)))
    assert [task for task, _ in answers] == list(range(16))
    for task, answer in answers:
        if task % 10 == 3:
            assert isinstance(answer, Died)
        else:
            assert answer == task * task


def test_tasks_are_read_as_the_work_goes_on():
    taken = 0

    def tasks():
        nonlocal taken
        for number in range(0, 2000, 2):
            taken += 1
            yield number

    answers = OrderedPool(abs, nothing, 2).run(tasks())
    next(answers)
    assert taken < 40
    answers.close()


def test_workers_follow_a_killed_parent(tmp_path):
    code = f"""
import time
from landmarks.pool import OrderedPool
def prepare():
    import os
    open({str(tmp_path)!r} + f"/{{os.getpid()}}", "w").close()
if __name__ == "__main__":
    list(OrderedPool(time.sleep, prepare, 2).run([60, 60]))
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    workers: list[int] = []
    while len(workers) < 2 and time.monotonic() < deadline:
        workers = [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]
        time.sleep(0.05)
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
