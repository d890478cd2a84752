"""Tests the workers: results come back, errors too, and a lost worker is noticed."""

import os
import signal
import time

import pytest

from derivations.errors import InputError
from validate.training.budget import OutOfTimeError
from validate.training.workers import spread, tell_parent, told_here


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


def speak(number: int) -> int:
    for part in range(3):
        tell_parent(f"{number}.{part}")
    return number


def test_what_workers_say_is_heard_before_their_results():
    heard: list[str] = []
    for number in spread(speak, [1, 2], 2, hear=heard.append):
        assert [word for word in heard if word.startswith(f"{number}.")] == [
            f"{number}.{part}" for part in range(3)
        ]
    assert len(heard) == 6


def speak_then_wait(number: int) -> int:
    tell_parent("begun")
    time.sleep(number)
    return number


def test_what_a_worker_says_is_heard_while_it_is_at_work():
    heard: list[float] = []
    list(spread(speak_then_wait, [2], 1, hear=lambda word: heard.append(time.monotonic())))
    assert time.monotonic() - heard[0] > 1


def test_what_is_said_here_is_heard_here_or_nowhere():
    heard: list[str] = []
    with told_here(heard.append):
        speak(1)
    speak(2)
    assert heard == ["1.0", "1.1", "1.2"]


def test_a_spent_time_ends_workers_amid_a_task():
    with pytest.raises(OutOfTimeError):
        list(spread(speak_then_wait, [60], 1, left=0.5))
