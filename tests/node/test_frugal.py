"""What is set aside at the start is not walked again."""

import gc

from hartig_node import frugal


def test_what_was_loaded_is_set_aside_and_what_comes_later_is_collected() -> None:
    thresholds = gc.get_threshold()
    try:
        frugal.begin()
        frugal.settle()
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold()[0] == frugal.YOUNG_OBJECTS
        loop: list[object] = []
        loop.append(loop)
        del loop
        assert gc.collect() >= 1
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
