"""Real hubs in the hosts of a lab: founded, joined, run, asked over their sockets, and waited for.

    async with Neighbourhood(lab) as hubs:
        ana, ben = [hubs.hub(host) for host in lab.add_hosts(2)]
        await ana.found()
        await ana.start()
        await hubs.join(await ana.invite(), ben)
        await hubs.until(lambda: hubs.equal(ana, ben), "both hold the same")

A test never sleeps: `until` asks again whenever an event comes from any hub. Who calls: the tests of hubs in the lab.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from hartig_node.tasks import Tasks
from lab.hosts import Host, Lab
from lab.processes import HostProcess

HARTIG = str(Path(sys.executable).with_name("hartig"))
PEER_PORT = 4279
# A safety net on a busy machine, not an expectation: a lost packet of mDNS costs seconds.
UNTIL_S_MAX = 60.0
# Not everything that a status shows is an event; so it is asked again after this time without one.
ASK_AGAIN_S = 0.5
LAST_LINES = 15
BATCH_DRAFTS = 100  # what the API takes at once

Json = dict[str, Any]
Check = Callable[[], Awaitable[bool]]


class Hub:
    """One hub of a neighbourhood, in a host of its own."""

    def __init__(self, neighbourhood: "Neighbourhood", lab: Lab, host: Host) -> None:
        self.host, self.name = host, host.name
        self.process: HostProcess | None = None
        self._neighbourhood, self._lab = neighbourhood, lab
        self.id = ""

    def __repr__(self) -> str:
        return f"<Hub {self.name} {self.process!r}>"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    # --- Its commands

    async def command(self, *argv: str) -> Json:
        """Run `hartig ... --json` for this hub's folder to its end, and return what it says."""
        done = await self._lab.run_to_end(
            self.host, [HARTIG, *argv, "--folder", str(self.host.folder), "--json"], timeout_s=UNTIL_S_MAX
        )
        assert done.code == 0, f"hartig {argv[0]} on {self.name} ended with {done.code}:\n{done.err}"
        answer: Json = json.loads(done.out)
        return answer

    async def found(self) -> None:
        """Found the network; nothing runs yet."""
        self.id = (await self.command("init", "--network", "Lab", "--name", self.name))["hub"]

    async def join(self, link: str) -> None:
        """Take an invite; nothing runs yet."""
        self.id = (await self.command("join", link, "--name", self.name))["hub"]

    async def start(self, *program: str) -> None:
        """Run it until it says that it is ready; `program` is what runs instead of `hartig`, as one with a fault."""
        argv = [*(program or [HARTIG]), "run", "--folder", str(self.host.folder), "--json"]
        self.process = await self._lab.run(self.host, argv, label=f"hub {self.name}")
        await self.process.line_with('"ready": true', UNTIL_S_MAX)
        await self._neighbourhood.listen_to(self)

    async def stop(self) -> None:
        """Tell it to end, as the system does when it shuts down."""
        assert self.process is not None, f"{self.name} was never started"
        code = await self.process.stop()
        assert code == 0, f"{self!r} ended with {code}:\n{self.process.output}"

    async def kill(self) -> None:
        assert self.process is not None, f"{self.name} was never started"
        await self.process.kill()

    # --- Its API

    async def ask(self, method: str, path: str, body: Any = None) -> Json:
        answer = await self._lab.http(self.host, method, f"/api/v1/{path}", body=body)
        assert answer.status < 300, f"{self.name}: {method} {path} answered {answer.status}: {answer.body[:1000]!r}"
        value: Json = answer.json()
        return value

    async def answer(self, method: str, path: str) -> Json | None:
        """What it answers; None where there is no such thing here."""
        answer = await self._lab.http(self.host, method, f"/api/v1/{path}")
        assert answer.status in (200, 404), f"{self.name}: {method} {path} answered {answer.status}"
        value: Json | None = answer.json() if answer.status == 200 else None
        return value

    async def invite(self, *, uses: int = 1, addresses: Sequence[str] = ()) -> str:
        """Make an invite and return its link."""
        body = {"uses": uses, "addresses": list(addresses)}
        return str((await self.ask("POST", "invites", body))["link"])

    async def publish(self, *titles: str) -> None:
        drafts = [{"kind": "need", "category": "water.drinking", "title": {"en": title}} for title in titles]
        for start in range(0, len(drafts), BATCH_DRAFTS):
            answer = await self.ask("POST", "posts/batch", {"drafts": drafts[start : start + BATCH_DRAFTS]})
            assert answer["failed"] == 0, answer

    async def titles(self) -> set[str]:
        """The titles of everything that this hub shows."""
        return {post["title"]["en"] for post in (await self.ask("GET", "posts?limit=200"))["items"]}

    async def status(self) -> Json:
        return await self.ask("GET", "status")

    async def peers(self) -> list[Json]:
        items: list[Json] = (await self.ask("GET", "peers"))["items"]
        return items

    async def link_to(self, other: "Hub") -> Json | None:
        """This hub's word on its open link to another hub, if there is one."""
        return next((one for one in await self.peers() if one["hub"] == other.id and one["state"] == "open"), None)

    async def reason_for(self, other: "Hub") -> str | None:
        """What this hub says of why there is no link to another."""
        return next((one["reason"] for one in await self.peers() if one["hub"] == other.id), None)

    async def figure(self, name: str) -> float:
        """One of the figures for machines."""
        answer = await self._lab.http(self.host, "GET", "/metrics")
        lines = [line.split() for line in answer.body.decode().splitlines() if not line.startswith("#")]
        return float(dict(lines)[name])

    async def problem_codes(self) -> set[str]:
        return {problem["code"] for problem in (await self.status())["problems"]}


class Neighbourhood:
    """All hubs of one test, and one ear for the events of all."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._tasks = Tasks()
        self._sessions: list[aiohttp.ClientSession] = []
        self._happened = asyncio.Event()
        self.hubs: list[Hub] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(hub.kill() for hub in self.hubs if hub.is_running))
        await self._tasks.close()
        for session in self._sessions:
            await session.close()

    def hub(self, host: Host) -> Hub:
        """The hub that is to live in this host."""
        made = Hub(self, self.lab, host)
        self.hubs.append(made)
        return made

    async def join(self, link: str, *newcomers: Hub) -> None:
        """Let hubs take an invite and start, all at once."""
        await asyncio.gather(*(one.join(link) for one in newcomers))
        await asyncio.gather(*(one.start() for one in newcomers))

    async def forget(self, hub: Hub) -> None:
        """End a hub that was here for one test; the others go on knowing it."""
        if hub.is_running:
            await hub.kill()
        self.hubs.remove(hub)

    async def settle(self, *hosts: Host) -> list[Hub]:
        """Found a network on the first host, let the others join without addresses, and wait until all are linked."""
        founder, *newcomers = (self.hub(host) for host in hosts)
        await founder.found()
        await founder.start()
        await self.join(await founder.invite(uses=len(newcomers)), *newcomers)
        await self.until(lambda: self.linked(*self.hubs), "all hubs are linked")
        await self.until(lambda: self.equal(*self.hubs), "all hubs hold the same")
        return self.hubs

    # --- What is waited for

    async def until(self, check: Check, what: str, timeout_s: float = UNTIL_S_MAX) -> float:
        """Wait until `check` holds and return how many seconds that took, for the log.

        Raises:
            AssertionError: it did not hold in time, or a hub ended; with what every hub says of itself.
        """
        begun_s = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._happened.clear()
                    if await check():
                        break
                    with suppress(TimeoutError):
                        async with asyncio.timeout(ASK_AGAIN_S):
                            await self._happened.wait()
        except TimeoutError:
            raise AssertionError(f"not within {timeout_s} s: {what}\n{await self._report()}") from None
        except OSError as error:
            raise AssertionError(f"a hub is gone ({error}) before: {what}\n{await self._report()}") from error
        took_s = time.monotonic() - begun_s
        print(f"{took_s:6.2f} s until {what}")
        return took_s

    async def linked(self, *hubs: Hub) -> bool:
        """Whether each of these hubs has an open link to each other one."""
        pairs = [(one, other) for one in hubs for other in hubs if one is not other]
        return all([await one.link_to(other) is not None for one, other in pairs])

    async def equal(self, *hubs: Hub) -> bool:
        """Whether these hubs hold the same records: count and fingerprint as of the same hour.

        And have stored as many posts: what was accepted a moment ago is shown when its commit is done.
        """
        states = await asyncio.gather(*(one.status() for one in hubs))
        if any(state["state"] != "member" for state in states):
            return False
        return len({json.dumps([state["fingerprint"], state["posts"]], sort_keys=True) for state in states}) == 1

    async def _report(self) -> str:
        parts = []
        for hub in self.hubs:
            lines = [f"--- {hub!r}"]
            if hub.is_running:
                with suppress(OSError, AssertionError, TimeoutError):
                    lines += [json.dumps(await hub.status()), *(json.dumps(peer) for peer in await hub.peers())]
            if hub.process is not None:
                lines += list(hub.process.lines)[-LAST_LINES:]
            parts.append("\n".join(lines))
        return "\n".join(parts)

    # --- Events

    async def listen_to(self, hub: Hub) -> None:
        """Follow a hub's events for as long as it runs."""
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(hub.host.api_socket)))
        self._sessions.append(session)
        self._tasks.start(self._follow(session), f"events of {hub.name}")

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        # A hub that is killed ends its stream; its test knows.
        with suppress(aiohttp.ClientError):
            no_end = aiohttp.ClientTimeout(total=None)
            async with session.get("http://localhost/api/v1/events", timeout=no_end) as answer:
                assert answer.status == 200, await answer.text()
                async for _ in answer.content:
                    self._happened.set()
