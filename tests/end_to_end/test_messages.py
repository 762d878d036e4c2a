"""Six thousand real messages, imported on one hub, reach two others whole and are found there.

The collection stands beside the checkout and is not part of it: where it is absent the tests are skipped, except
under CI.
"""

import csv
import os
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from end_to_end.daemons import Daemon
from hartig_node.client import Node
from hartig_node.searching import normalise
from hartig_protocol.limits import TITLE_BYTES_MAX

pytestmark = [pytest.mark.end_to_end, pytest.mark.shared]

MESSAGES = Path(__file__).parents[3] / "shared" / "data" / "messages.csv"
TERMS = ("water", "manje", "dlo", "bo")  # the last is shorter than what the index knows

Json = dict[str, Any]
Said = tuple[str, str]


@pytest.fixture(scope="module")
def messages() -> list[Said]:
    """Each message in English and as it was sent."""
    if not MESSAGES.exists():
        line = f"the message collection is not here: {MESSAGES}"
        if os.environ.get("CI") == "true":
            pytest.fail(line)
        pytest.skip(line)
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        return [(row["message"], row["original"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def hubs(messages: list[Said], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Daemon]]:
    """Three hubs, of which the first has imported everything, once all three hold it."""
    folder = tmp_path_factory.mktemp("hubs")
    with ExitStack() as stack:
        hubs = [stack.enter_context(Daemon(folder / name)) for name in ("ana", "ben", "cleo")]
        begun_s = time.monotonic()
        start_network(hubs)
        started_s = time.monotonic()
        import_messages(hubs[0], len(messages))
        imported_s = time.monotonic()
        for hub in hubs[1:]:
            wait_for_posts(hub, len(messages))
        all_s = time.monotonic()
        print(f"\n{started_s - begun_s:.1f} s to start, {imported_s - started_s:.1f} s to import {len(messages)},")
        print(f"{all_s - imported_s:.1f} s more until all three hubs hold them")
        yield hubs


def start_network(hubs: list[Daemon]) -> None:
    founder, *others = hubs
    founder.command("init", "--network", "Messages", "--name", founder.folder.name)
    founder.launch()
    founder.wait_ready()
    link = founder.node.invite(uses=len(others))["link"]
    for hub in others:
        hub.command("join", link, "--name", hub.folder.name)
        hub.launch()
    for hub in others:
        hub.wait_ready()


def import_messages(hub: Daemon, count: int) -> None:
    report = hub.command(
        "import", MESSAGES, "--map", "title=message", "--map", "text=original", "--language", "title=en",
        "--language", "text=ht", "--set", "kind=need", "--set", "category=other",
    )  # fmt: skip
    assert (report["posted"], report["bad"], report["stopped"]) == (count, [], None)


def wait_for_posts(hub: Daemon, count: int) -> None:
    """Read the hub's events from the first on until so many posts have come."""
    seen: set[str] = set()
    for event in hub.node.events(after=0):
        if event.name == "post.added":
            seen.add(event.value["post"])
            if len(seen) == count:
                return


@pytest.fixture(scope="module")
def held(hubs: list[Daemon]) -> list[list[Json]]:
    """All posts of each hub, page by page."""
    return [all_posts(hub.node) for hub in hubs]


def all_posts(node: Node, **filters: Any) -> list[Json]:
    posts = list(node.posts(**filters))
    assert len({post["id"] for post in posts}) == len(posts), "a post came twice"
    return posts


def body_of(post: Json) -> tuple[str, str, str]:
    """What people read of a post: title, English text where the title was cut, text as it was sent."""
    text = post.get("text", {})
    assert set(post["title"]) == {"en"}
    assert set(text) <= {"en", "ht"}
    return post["title"]["en"], text.get("en", ""), text.get("ht", "")


def test_all_hubs_hold_the_same_messages_whole(
    hubs: list[Daemon], held: list[list[Json]], messages: list[Said]
) -> None:
    fingerprints = [hub.node.status()["fingerprint"] for hub in hubs]
    assert fingerprints[0] == fingerprints[1] == fingerprints[2]
    first, *others = [{post["id"]: (post["record"], body_of(post)) for post in posts} for posts in held]
    assert len(first) == len(messages)
    for other in others:
        assert other == first


def test_the_texts_are_those_of_the_file(held: list[list[Json]], messages: list[Said]) -> None:
    """Byte for byte after the documented cleaning: a title is one line; a longer one is cut, and whole in the text."""
    bodies = [body_of(post) for post in held[2]]
    whole = Counter((text or title, original) for title, text, original in bodies)
    assert whole == Counter(
        (cleaned(message if is_long(message) else one_line(message)), cleaned(original))
        for message, original in messages
    )
    cut = [(title, text) for title, text, _ in bodies if text]
    assert len(cut) == sum(is_long(message) for message, _ in messages) > 0
    for title, text in cut:
        assert one_line(text).startswith(title.removesuffix("…"))
        assert len(title.encode()) <= TITLE_BYTES_MAX


def cleaned(text: str) -> str:
    """As text is written into records (design, section 3); the collection has no control characters to remove."""
    return unicodedata.normalize("NFC", text).strip()


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_long(message: str) -> bool:
    return len(one_line(message).encode()) > TITLE_BYTES_MAX


@pytest.mark.parametrize("term", TERMS)
def test_a_search_finds_what_a_plain_scan_of_the_same_texts_finds(
    hubs: list[Daemon], held: list[list[Json]], term: str
) -> None:
    for hub, posts in zip(hubs, held, strict=True):
        expected = [post["id"] for post in posts if any(normalise(term) in text for text in texts_of(post))]
        assert 0 < len(expected) < len(posts)
        # The same and in the same order, newest first, whether one page holds all or several do.
        assert [post["id"] for post in all_posts(hub.node, q=term)] == expected


def texts_of(post: Json) -> list[str]:
    """All that a search looks into, as it is compared."""
    shown = [*post["title"].values(), *post.get("text", {}).values(), post.get("source", "")]
    return [normalise(text) for text in shown]
