"""Planted faults: a connection that raises when a plan says so, as a failing disk would."""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any


def _error(code: int, name: str, message: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


def io_error() -> sqlite3.OperationalError:
    """What SQLite says when the disk fails."""
    return _error(sqlite3.SQLITE_IOERR, "SQLITE_IOERR", "disk I/O error")


def full_error() -> sqlite3.OperationalError:
    """What SQLite says when the disk is full."""
    return _error(sqlite3.SQLITE_FULL, "SQLITE_FULL", "database or disk is full")


class Plan:
    """When to raise what. `statements` counts what was executed since `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Plan nothing."""
        self.statements = 0
        self.before_commit: list[sqlite3.Error] = []  # raised instead of the next COMMITs
        self.after_commit: list[sqlite3.Error] = []  # raised after COMMITs that happened
        self.at_statement: dict[int, sqlite3.Error] = {}
        self.whenever: Callable[[str], sqlite3.Error | None] = lambda _sql: None


def faulty(plan: Plan) -> type[sqlite3.Connection]:
    """Return a connection class that follows the plan."""

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            _before(sql)
            if sql == "COMMIT" and plan.before_commit:
                raise plan.before_commit.pop(0)
            cursor = super().execute(sql, *values)
            if sql == "COMMIT" and plan.after_commit:
                raise plan.after_commit.pop(0)
            return cursor

        def executemany(self, sql: str, values: Iterable[Any]) -> sqlite3.Cursor:
            _before(sql)
            return super().executemany(sql, values)

    def _before(sql: str) -> None:
        if sql == "ROLLBACK":
            return
        plan.statements += 1
        error = plan.at_statement.pop(plan.statements, None) or plan.whenever(sql)
        if error is not None:
            raise error

    return Faulty
