"""The real daemon as a `Subject` of `durability.kill`: published to over its socket by several at once.

Every third request revises a post that was acknowledged before, every eighth withdraws one; the others publish. No
two requests at once are about the same post, so that a thread and a seq name one version (`publishers.hub_folder`).
"""

import asyncio
from collections import deque
from pathlib import Path
from random import Random
from typing import Any

from durability.publishers.hub_folder import READY_LINE, door, need, new_text, run_command, through, version
from hartig_node.client import Node, UnreachableError

REVISED_EVERY = 3
WITHDRAWN_EVERY = 8


class HubServer:
    """The daemon, in a folder that was founded before."""

    ready_line = READY_LINE

    def __init__(self) -> None:
        # Acknowledged posts that nobody is changing; what became of one whose request broke off is unknown.
        self._posts: deque[str] = deque()

    def __repr__(self) -> str:
        return f"<HubServer {len(self._posts)} posts to change>"

    def command(self, folder: Path) -> list[str]:
        return run_command(folder)

    async def publish(self, folder: Path, number: int) -> str:
        try:
            return version(await asyncio.to_thread(self._publish, folder, number))
        except UnreachableError as error:
            raise ConnectionError(str(error)) from error

    async def held(self, folder: Path) -> frozenset[str]:
        def ask() -> list[tuple[str, int]]:
            with door(folder) as node:
                return [(post["id"], post["seq"]) for post in node.posts(state="all", author="me")]

        return through(await asyncio.to_thread(ask))

    def _publish(self, folder: Path, number: int) -> dict[str, Any]:
        with door(folder) as node:
            post, stands = self._change(node, number, Random(number))
        if stands:
            self._posts.append(post["id"])
        return post

    def _change(self, node: Node, number: int, rng: Random) -> tuple[dict[str, Any], bool]:
        """Do what is its turn; return the post as it is now, and whether it may be changed again."""
        changes = number % REVISED_EVERY == 0 or number % WITHDRAWN_EVERY == 0
        if not changes or not self._posts:
            return node.publish(need(rng)), True
        chosen = self._posts.popleft()
        if number % WITHDRAWN_EVERY == 0:
            return node.withdraw(chosen), False
        return node.revise(chosen, {"text": new_text(rng)}), True
