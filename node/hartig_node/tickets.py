"""Who waits for what the core says of something that was handed in.

In: the core's answers, which name a ticket. Out: futures. Who calls: `engine`.
"""

import asyncio
from itertools import count
from typing import Any


class Tickets:
    """A number for each question, until it is answered or nobody waits any more."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def __repr__(self) -> str:
        return f"<Tickets of {len(self._waiting)} questions>"

    def take(self) -> tuple[int, asyncio.Future[Any]]:
        """Return a number to ask with, and what will hold the answer."""
        ticket, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[ticket] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(ticket, None))
        return ticket, answer

    def answered(self, ticket: int, answer: Any) -> None:
        """Hand an answer to whoever waits for it."""
        waiting = self._waiting.get(ticket)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def failed(self, ticket: int, error: Exception) -> None:
        """Raise an error where the answer is awaited."""
        waiting = self._waiting.get(ticket)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
