"""The last duty is done once, in time, and the end comes all the same."""

import os
import signal
from collections.abc import Iterator

import pytest

from lab.sudden_end import SIGNALS, on_sudden_end


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What happened, in order; the process's own end by SIGTERM is one of it, instead of happening."""
    told: list[str] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGTERM, lambda *_: told.append("ended"))
    yield told
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_duty_is_done_before_the_end(said: list[str]) -> None:
    with on_sudden_end(lambda: said.append("duty")):
        signal.raise_signal(signal.SIGTERM)
        assert said == ["duty", "ended"]


def test_nested_duties_are_done_from_the_inside_out(said: list[str]) -> None:
    with on_sudden_end(lambda: said.append("outer")), on_sudden_end(lambda: said.append("inner")):
        signal.raise_signal(signal.SIGTERM)
        assert said == ["inner", "outer", "ended"]


def test_a_duty_that_is_over_is_not_done(said: list[str]) -> None:
    with on_sudden_end(lambda: said.append("duty")):
        pass
    signal.raise_signal(signal.SIGTERM)
    assert said == ["ended"]


def test_an_ignored_signal_stays_ignored(said: list[str]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with on_sudden_end(lambda: said.append("duty")):
        signal.raise_signal(signal.SIGHUP)
    assert said == []


def test_a_forked_child_has_no_duty(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with on_sudden_end(lambda: said.append("duty")), monkeypatch.context() as patch:
        handler = signal.getsignal(signal.SIGTERM)
        assert callable(handler)
        real = os.getpid()
        patch.setattr("lab.sudden_end.os.getpid", lambda: real + 1)
        patch.setattr("lab.sudden_end.signal.raise_signal", lambda number: said.append(f"signal {number} again"))
        handler(signal.SIGTERM, None)
    assert said == [f"signal {signal.SIGTERM.value} again"]
