"""Tests the workers: results come back, errors too, and a lost worker is noticed."""

import os
import signal

import pytest

from derivations.errors import InputError
from validate.training.workers import spread


def square(number: int) -> int:
    if number < 0:
        raise InputError(f"{number} is negative: give another")
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 15:
        os.kill(os.getpid(), signal.SIGTERM)
    return number * number


def test_every_task_is_done_once():
    assert sorted(spread(square, [3, 1, 2], 2)) == [1, 4, 9]


def test_a_worker_that_is_asked_to_end_leaves_that_to_who_started_it():
    assert list(spread(square, [15], 1)) == [225]


def test_errors_are_raised_here():
    with pytest.raises(InputError, match="-1 is negative"):
        list(spread(square, [-1], 1))


def test_a_lost_worker_is_an_input_error():
    with pytest.raises(InputError, match="worker process died"):
        list(spread(square, [13], 1))
