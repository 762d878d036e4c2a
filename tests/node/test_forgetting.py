"""Errors that were dealt with keep nothing alive."""

import gc
import weakref

from hartig_node.forgetting import forget_frames


class Connection:
    """Something that costs memory."""


def hang_up(_connection: Connection) -> None:
    raise OSError("gone")


def read(connection: Connection) -> None:
    try:
        hang_up(connection)
    except OSError as error:
        raise ValueError("no word") from error


def fail(connection: Connection) -> Exception:
    """Return an error, whose frames and those of its cause know a connection, and which its own frame knows."""
    told: Exception
    try:
        read(connection)
    except ValueError as error:
        told = error
    return told


def test_what_an_error_came_through_goes_with_whoever_held_it() -> None:
    gc.disable()
    try:
        connection = Connection()
        seen = weakref.ref(connection)
        error = fail(connection)
        del connection
        assert seen() is not None
        forget_frames(error)
        assert seen() is None
    finally:
        gc.enable()
    assert str(error) == "no word"


def test_no_error_is_no_matter() -> None:
    forget_frames(None)
