"""What happens in the demo: one hub founds a network, two join by an invite without addresses, all publish.

In: the sample and the three hubs. Out: a new `Picture` whenever something has changed, to whoever waits for `changed`.
Time is the event loop's. Who calls: `__main__`, which runs `tell` until it is cancelled.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from demo.hubs import Hub
from demo.looking import look
from demo.picture import HubView, Picture, Stage
from demo.shelter import DemoError
from hartig_node.client import ClientError, Node

NETWORK = "Three hubs on one machine"
LOOK_S = 0.1
LOOK_CALM_S = 0.5  # once all is equal: still quick to a person's eye
FAILED_LOOKS_MAX = 20  # a hub that is busy for seconds is no reason to end; one that never answers is
BATCH_DRAFTS_MAX = 100  # of the batch route, node/API.md


class Story:
    """The three hubs from nothing to equal, and on from there. `token` and `token_file` are there once it is made."""

    def __init__(self, hubs: Sequence[Hub], token_file: Path, started_s: float) -> None:
        """Prepare.

        Args:
            hubs: the first of them founds.
            token_file: where the header with the token is put, for `curl -H @FILE`.
            started_s: when the person started the demo, on the loop's clock.
        """
        self._hubs = list(hubs)
        self._started_s = started_s
        self.token = ""
        self.token_file = token_file
        self.changed = asyncio.Event()
        sample = sum(len(hub.drafts) for hub in hubs)
        self.picture = Picture(tuple(HubView(hub.name) for hub in hubs), sample, to_publish=sample)

    def __repr__(self) -> str:
        return f"<Story {self.picture!r}>"

    @property
    def elapsed_s(self) -> float:
        """Seconds since the demo was started."""
        return asyncio.get_running_loop().time() - self._started_s

    async def tell(self) -> None:
        """Make everything happen, and go on looking without end; raises `DemoError` when a hub ends."""
        async with asyncio.TaskGroup() as group:
            first, *others = self._hubs
            self._set(0, stage=Stage.STARTING)
            await first.found(NETWORK)
            await self._run(group, 0)
            link = await first.ask(lambda node: self._make_invite(node, len(others)))
            for number in range(1, len(self._hubs)):
                group.create_task(self._join(group, number, link))
            group.create_task(self._publish(0))

    async def _join(self, group: asyncio.TaskGroup, number: int, link: str) -> None:
        self._set(number, stage=Stage.STARTING)
        await self._hubs[number].join(link)
        await self._run(group, number)
        await self._publish(number)

    async def _run(self, group: asyncio.TaskGroup, number: int) -> None:
        hub = self._hubs[number]
        await hub.start()
        self._set(number, stage=Stage.LOOKING, page=hub.page, api=hub.api)
        group.create_task(hub.ended())
        group.create_task(self._watch(number))

    # --- Through the API

    def _make_invite(self, node: Node, uses: int) -> str:
        """Make the token for the person and the invite for the other hubs, which names no address."""
        token: str = node.add_token("deploy/try", ["read", "write"])["token"]
        _write_header(self.token_file, token)
        self.token = token
        link: str = node.invite(uses=uses)["link"]
        return link

    async def _publish(self, number: int) -> None:
        """Publish a hub's part of the sample as soon as it belongs to the network."""
        while self.picture.hubs[number].stage is not Stage.MEMBER:
            await self.changed.wait()
        hub = self._hubs[number]
        for start in range(0, len(hub.drafts), BATCH_DRAFTS_MAX):
            drafts = hub.drafts[start : start + BATCH_DRAFTS_MAX]
            await hub.ask(partial(_publish_batch, hub.name, drafts))
            self._tell(replace(self.picture, to_publish=self.picture.to_publish - len(drafts)))

    # --- Looking

    async def _watch(self, number: int) -> None:
        failed_looks = 0
        with self._hubs[number].node() as node:
            while True:
                try:
                    view = await asyncio.to_thread(look, node, self.picture.hubs[number])
                except ClientError as error:
                    failed_looks += 1
                    if failed_looks > FAILED_LOOKS_MAX:
                        raise DemoError(f"{self._hubs[number].name} does not answer: {error}") from error
                else:
                    failed_looks = 0
                    self._take(number, view)
                await asyncio.sleep(LOOK_CALM_S if self.picture.seconds_to_equal is not None else LOOK_S)

    def _take(self, number: int, view: HubView) -> None:
        hubs = list(self.picture.hubs)
        hubs[number] = view
        picture = replace(self.picture, hubs=tuple(hubs))
        if picture.seconds_to_peers is None and picture.all_see_all:
            picture = replace(picture, seconds_to_peers=self.elapsed_s)
        if picture.seconds_to_equal is None and picture.is_complete:
            picture = replace(picture, seconds_to_equal=self.elapsed_s)
        self._tell(picture)

    def _set(self, number: int, **changes: Any) -> None:
        self._take(number, replace(self.picture.hubs[number], **changes))

    def _tell(self, picture: Picture) -> None:
        if picture != self.picture:
            self.picture = picture
            changed, self.changed = self.changed, asyncio.Event()
            changed.set()


def _publish_batch(name: str, drafts: list[dict[str, Any]], node: Node) -> None:
    for draft, result in zip(drafts, node.publish_many(drafts), strict=True):
        if "problem" in result:
            title = next(iter(draft["title"].values()))
            raise DemoError(f"{name} would not publish {title!r}: {result['problem']['detail']}")


def _write_header(path: Path, token: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor, no path
        file.write(f"Authorization: Bearer {token}\n")
