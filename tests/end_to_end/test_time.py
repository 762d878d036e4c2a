"""Real hubs on machines whose clocks are wrong: in 1970, and three years behind and ahead.

They belong to a network, post without knowing the time, and meet three hubs that know it. libfaketime turns the clock
of a whole process and leaves the steady one alone. That the kernel vouches for a wrong clock is switched off by the
setting `clock = "untrusted"`; in 1970 it need not be, because nobody is believed who puts a hub before its release.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from end_to_end.daemons import Daemon
from hartig_node.daemon.folder import read_seed
from hartig_node.reckoning import RELEASE_MS
from hartig_protocol.limits import LIFE_LONG_MS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind
from support.records import head

pytestmark = pytest.mark.end_to_end

NEED = {"kind": "need", "category": "water.drinking", "title": {"en": "Water for 40 people"}, "days": 14}
KNOWS = {"HARTIG_CLOCK": "trusted"}
WRONG: dict[str, dict[str, str]] = {
    "board": {"FAKETIME": "@1970-01-01 00:01:00"},
    "late": {"FAKETIME": "-1095d", "HARTIG_CLOCK": "untrusted"},
    "ahead": {"FAKETIME": "+1095d", "HARTIG_CLOCK": "untrusted"},
}
RELEASE = datetime.fromtimestamp(RELEASE_MS / 1000, UTC)
CLOSE_S = 60.0  # how near to the true time a hub has to come: it and the machine that runs this are one and the same

Json = dict[str, Any]


def turned(wrong: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process whose clock is wrong."""
    program = shutil.which("faketime")
    if program is None:
        line = "the command `faketime` is needed: apt-get install faketime"
        if os.environ.get("CI") == "true":
            pytest.fail(line)
        pytest.skip(line)
    asked = [program, "-f", "+0d", "printenv", "LD_PRELOAD"]
    library = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    return {**wrong, "LD_PRELOAD": library, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_true(text: str) -> bool:
    """Whether a time that a hub names is the one of this machine."""
    return abs(time_of(text).timestamp() - time.time()) < CLOSE_S  # noqa: TID251 - the true time is what is wanted


@dataclass
class Street:
    """A founder that knows the time, three hubs that do not, and what these have posted meanwhile."""

    founder: Daemon
    lost: dict[str, Daemon]
    posts: dict[str, Json]
    clocks: dict[str, Json]
    stack: ExitStack
    folder: Path

    def daemons(self, environments: Mapping[str, Mapping[str, str]]) -> dict[str, Daemon]:
        """Let more hubs join and start, all at once; they are not ready yet."""
        hubs = {
            name: self.stack.enter_context(Daemon(self.folder / name, settings=settings))
            for name, settings in environments.items()
        }
        links = [self.founder.node.invite()["link"] for _ in hubs]

        def start(name: str, link: str) -> None:
            hubs[name].command("join", link, "--name", name)
            hubs[name].launch()

        with ThreadPoolExecutor() as threads:
            list(threads.map(start, hubs, links))
        return hubs


def make_organiser(founder: Daemon, seats: Path) -> None:
    """Let a trustee make the founding hub an organiser, so that the word of those whom it invites counts."""
    seat, status = SigningKey(read_seed(seats / "seat-1.key")), founder.node.status()
    # The hub names whole seconds: only from the next one on is this later than the grant of `init`, whatever came when.
    next_second = time_of(status["clock"]["now"]) + timedelta(seconds=1)
    hub, stamp = bytes.fromhex(status["hub"]), int(next_second.timestamp()) * 1000
    facts = {"rank": "organiser", "places": 1_000, "invites": 100}
    grant = head(
        bytes.fromhex(status["network"]["id"]), Kind.GRANT, seat.public,
        place=0, subject=hub, facts=facts, seq=2, stamp=stamp, expires=stamp + LIFE_LONG_MS_MAX,
    )  # fmt: skip
    record = sign_record(grant, None, [seat])
    founder.node.publish_record(record.head_bytes, record.signature, None)


# A hub takes four links from one address, and all live at one here: five hubs at most.
@pytest.fixture(scope="module", params=[("board", "ahead"), ("late",)], ids=" and ".join)
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    environments = {name: turned(WRONG[name]) for name in request.param}
    folder = tmp_path_factory.mktemp("street")
    with ExitStack() as stack:
        founder = stack.enter_context(Daemon(folder / "founder", settings=KNOWS))
        made = founder.command("init", "--network", "Street", "--name", "founder", "--seats", "1")
        founder.launch()
        founder.wait_ready()
        make_organiser(founder, Path(made["seats"]))
        street = Street(founder, {}, {}, {}, stack, folder)
        street.lost |= street.daemons(environments)
        for name, hub in street.lost.items():
            hub.wait_ready()
            wait_for(hub, "peer.connected")
            street.posts[name], street.clocks[name] = hub.node.publish(NEED), hub.node.clock()
        yield street


def wait_for(hub: Daemon, name: str, post: str | None = None) -> None:
    """Read a hub's events from the first on until this has happened; the watchdog of the hub ends the wait."""
    for event in hub.node.events(after=0):
        if event.name == name and (post is None or event.value.get("post") == post):
            return


@pytest.fixture(scope="module")
def enlightened(street: Street) -> Street:
    """The same, after two more hubs have come that know the time."""
    for hub in street.daemons({"bea": KNOWS, "cai": KNOWS}).values():
        hub.wait_ready()
    for name, hub in street.lost.items():
        wait_for(hub, "post.changed", street.posts[name]["id"])
        while not hub.node.clock()["trusted"]:  # for when all that it wrote has true dates; no event says so
            pass
    return street


def test_hubs_that_do_not_know_the_time_say_so_and_date_about_right(street: Street) -> None:
    for name, post in street.posts.items():
        clock = street.clocks[name]
        assert (clock["trusted"], clock["source"]) == (False, None)
        assert (post["approx"], post["state"]) == (True, "standing")
        written, ends = time_of(post["published_at"]), time_of(post["expires_at"])
        assert ends - written == timedelta(days=90)
        assert abs((written - time_of(clock["now"])).total_seconds()) < CLOSE_S
        assert RELEASE <= written <= time_of(street.founder.node.clock()["now"]) + timedelta(minutes=10)


def test_three_hubs_tell_them_the_time_and_their_posts_get_true_dates(enlightened: Street) -> None:
    for name, hub in enlightened.lost.items():
        clock, post = hub.node.clock(), hub.node.post(enlightened.posts[name]["id"])
        assert (clock["trusted"], clock["source"]) == (True, "hubs")
        assert is_true(clock["now"])
        assert (post["state"], post["seq"], "approx" in post) == ("standing", 2, False)
        assert is_true(post["published_at"])
        stands = time_of(post["expires_at"]) - time_of(post["published_at"])
        assert timedelta(days=14, seconds=-CLOSE_S) < stands <= timedelta(days=14)


def test_everybody_has_them_and_nothing_was_lost_or_expired(enlightened: Street) -> None:
    hubs = [enlightened.founder, *enlightened.lost.values()]
    for post in enlightened.posts.values():
        for hub in hubs:
            wait_for(hub, "post.added", post["id"])
    for hub in hubs:
        assert {one["id"] for one in enlightened.posts.values()} <= {one["id"] for one in hub.node.posts()}
