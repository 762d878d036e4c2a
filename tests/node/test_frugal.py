"""What is set aside at the start is not walked again, and what is left behind is given back from time to time."""

import asyncio
import ctypes
import gc

import pytest

from hartig_node import frugal
from hartig_node.tasks import Tasks


def test_what_was_loaded_is_set_aside_and_what_comes_later_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[int] = []
    monkeypatch.setattr(frugal, "rest", lambda: rests.append(1))
    thresholds = gc.get_threshold()
    try:
        frugal.begin()
        assert not gc.isenabled()
        frugal.settle()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1_000
        assert rests == [1]
        assert gc.get_threshold()[0] == frugal.YOUNG_OBJECTS
        loop: list[object] = []
        loop.append(loop)
        del loop
        assert gc.collect() >= 1
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_resting_gives_back_what_was_freed_and_the_pages_of_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Glibc:
        def malloc_trim(self, _kept_bytes: int) -> None:
            given.append("heap")

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Glibc())
    monkeypatch.setattr(frugal, "leave_to_cache", lambda: given.append("libraries"))
    frugal.rest()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())  # another C library
    frugal.rest()
    assert given == ["heap", "libraries", "libraries"]


async def test_it_rests_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[int] = []
    twice = asyncio.Event()

    def rest() -> None:
        rests.append(1)
        if len(rests) == 2:
            twice.set()

    monkeypatch.setattr(frugal, "rest", rest)
    monkeypatch.setattr(frugal, "REST_S", 0.0)
    tasks = Tasks()
    tasks.start(frugal.keep_resting(), "rest")
    await twice.wait()
    await tasks.close()
