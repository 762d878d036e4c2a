"""The real hub as a `Publisher` of `durability.cuts`: `hartig run` under the recorder, published to over its socket.

As a program, run under the recorder, it starts the daemon so many times one after the other; each time four threads
publish at once (single posts, revisions, withdrawals, batches), then the daemon is ended by SIGTERM:

    python -m durability.publishers.hub FOLDER LIVES COMMAND...

So the recording holds a start on a store that was founded before, some checkpoints, the search index at work between
the commits, clean ends, and a start after one. What is acknowledged is a version of a post (`publishers.hub_folder`),
at the moment at which the client has its answer. What an image holds is judged by `publishers.hub_image`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from durability.cuts import Found
from durability.publishers.hub_folder import ANSWER_S, READY_LINE, door, found_hub, need, new_text, run_command, version
from durability.publishers.hub_image import judge, open_and_judge

SINGLE_THREADS = 3
POSTS_PER_THREAD = 24
REVISED_EVERY = 3
WITHDRAWN_EVERY = 5
BATCHES = 2
BATCH_POSTS = 25
BATCH_REVISED_EVERY = 2


class HubPublisher:
    """A daemon that is published to.

    Args:
        opened_every: opening an image with the whole store is some ten times as slow as looking at its tables; so
            every how many images it is done. What either finds is the same `Found`.
        lives: how many times the daemon is started.
        command: what runs the daemon, for planted faults; by default `hartig run`.
    """

    def __init__(self, *, opened_every: int, lives: int = 2, command: Sequence[str] = ()) -> None:
        self.judged = self.opened = 0
        self._opened_every, self._lives = opened_every, lives
        self._command = list(command)

    def __repr__(self) -> str:
        return f"<HubPublisher {self.judged} images judged, {self.opened} of them opened>"

    def prepare(self, folder: Path) -> None:
        found_hub(folder)

    def command(self, folder: Path) -> list[str]:
        daemon = [*self._command, "--folder", str(folder), "--json"] if self._command else run_command(folder)
        return [sys.executable, "-m", "durability.publishers.hub", str(folder), str(self._lives), *daemon]

    def inspect(self, folder: Path) -> Found:
        self.judged += 1
        if self.judged % self._opened_every:
            return judge(folder)
        self.opened += 1
        return open_and_judge(folder)


def publish(folder: Path, lives: int, daemon: Sequence[str]) -> None:
    """Let the hub live its lives, and publish in each."""
    for life in range(lives):
        with _running(daemon), ThreadPoolExecutor(SINGLE_THREADS + 1) as pool:
            singles = [
                pool.submit(_publish_singly, folder, Random(life * SINGLE_THREADS + n)) for n in range(SINGLE_THREADS)
            ]
            for done in [pool.submit(_publish_batches, folder, Random(-1 - life)), *singles]:
                done.result()


@contextmanager
def _running(daemon: Sequence[str]) -> Iterator[None]:
    with subprocess.Popen(daemon, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None, "started with a pipe"
            line = process.stdout.readline()
            assert READY_LINE in line, f"the hub said {line!r} instead of being ready"
            yield
            process.send_signal(signal.SIGTERM)
            code = process.wait(ANSWER_S)
            assert code == 0, f"told to end, the hub ended with {code}"
        finally:
            process.kill()


def _publish_singly(folder: Path, rng: Random) -> None:
    with door(folder) as node:
        for number in range(1, POSTS_PER_THREAD + 1):
            post = _acknowledged(node.publish(need(rng)))
            if number % REVISED_EVERY == 0:
                post = _acknowledged(node.revise(post["id"], {"text": new_text(rng)}))
            if number % WITHDRAWN_EVERY == 0:
                _acknowledged(node.withdraw(post["id"]))


def _publish_batches(folder: Path, rng: Random) -> None:
    with door(folder) as node:
        for _ in range(BATCHES):
            results = node.publish_many([need(rng) for _ in range(BATCH_POSTS)])
            posts = [_acknowledged(result["post"]) for result in results]
            for post in posts[::BATCH_REVISED_EVERY]:
                _acknowledged(node.revise(post["id"], {"text": new_text(rng)}))


def _acknowledged(post: dict[str, Any]) -> dict[str, Any]:
    """Say so, in one call: several threads do."""
    os.write(sys.stdout.fileno(), f"acknowledged {version(post)}\n".encode())
    return post


if __name__ == "__main__":
    publish(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
