"""Work that is shared among threads comes back in order."""

import threading
import time

import pytest

from gan.editor.threads import spread


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_results_come_in_the_order_of_what_was_given(count):
    def slow_at_first(number, word):
        time.sleep(0.002 if number == 0 else 0)
        return f"{word}{number}"

    given = list(range(count))
    assert spread(slow_at_first, given, ["a"] * count) == [f"a{k}" for k in given]


def test_many_are_shared_and_few_are_not(monkeypatch):
    monkeypatch.setattr("gan.editor.threads.cores", lambda: 4)
    assert set(spread(lambda _: threading.current_thread(), range(3))) == {threading.main_thread()}
    assert threading.main_thread() not in spread(lambda _: threading.current_thread(), range(8))


def test_an_error_is_not_lost():
    def bad(number):
        raise ValueError(f"number {number}")

    with pytest.raises(ValueError, match="number 0"):
        spread(bad, range(9))
