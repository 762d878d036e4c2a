"""What can go wrong between a program and a node, as types.

    ClientError
      UnreachableError     nobody answers there, or not in time
      AnswerError          somebody answers, but not as a node does
      AmbiguousIdError     a short id stands for several things
      ProblemError         the node says no, and why (problem+json, RFC 9457)
        NotFoundError      there is no such thing
        DeniedError        the token is missing, or may not do that
        ChangedError       somebody changed it in the meantime (ETag)
        BusyError          too much at once; `retry_after_s` says when to try again

`node.py` raises them; the command line turns each into an exit code.
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Something between this program and the node did not work; `hint` says what to do, where we know."""

    hint = ""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


class UnreachableError(ClientError):
    """The node cannot be reached."""


class AnswerError(ClientError):
    """What answered does not speak like a node of this version."""


class AmbiguousIdError(ClientError):
    """A short id begins the ids of several posts, or deals."""


class ProblemError(ClientError):
    """The node refused, and says why.

    `code` is stable and named in `node/API.md`; `title` names the kind of problem for people, `detail` says what is
    wrong here, `hint` what to do, `pointer` (RFC 6901) where in what was sent; `rule` which rule of an account stops
    it.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = _text(problem, "code") or f"http_{status}"
        self.title = _text(problem, "title") or f"The hub answered with status {status}"
        self.pointer = _text(problem, "pointer")
        self.rule = _text(problem, "rule")
        super().__init__(_text(problem, "detail") or self.title, _text(problem, "hint"))

    def __str__(self) -> str:
        return f"{self.detail} ({self.pointer})" if self.pointer else self.detail

    def as_json(self) -> dict[str, Any]:
        """The problem as the node gave it; what was not said is left out."""
        said = {
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "hint": self.hint,
            "pointer": self.pointer,
            "rule": self.rule,
            "status": self.status,
        }
        return {name: value for name, value in said.items() if value}


class NotFoundError(ProblemError):
    """There is no such thing on this node."""


class DeniedError(ProblemError):
    """The token is missing, unknown or over, or it may not do this."""


class ChangedError(ProblemError):
    """The post was changed since it was read."""


class BusyError(ProblemError):
    """The node asks to wait; `retry_after_s` says how long."""

    retry_after_s = 1.0


_TYPES: dict[int, type[ProblemError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    412: ChangedError,
    429: BusyError,
}


def problem_error(status: int, problem: Mapping[str, Any], retry_after: str | None = None) -> ProblemError:
    """Make the error of the type that goes with a status; not being the author is no matter of rights."""
    error_type = ProblemError if problem.get("code") == "not_yours" else _TYPES.get(status, ProblemError)
    error = error_type(status, problem)
    if isinstance(error, BusyError) and retry_after is not None and retry_after.isdecimal():
        error.retry_after_s = float(retry_after)
    return error


def _text(problem: Mapping[str, Any], name: str) -> str:
    value = problem.get(name)
    return value if isinstance(value, str) else ""
