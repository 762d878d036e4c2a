"""A board in memory, a clock to turn, and a browser without script."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp.test_utils import TestClient

from hartig_node.board.deals.views import AccountView, BookView, DealView, SideView
from hartig_node.board.drafts.drafts import read_draft
from hartig_node.board.drafts.views import KIND_NAMES, PostView, quantity_text
from hartig_node.board.errors import BoardError
from hartig_node.board.fetching import Fetching
from hartig_node.board.posts.posts import ListPage, ListQuery
from hartig_protocol.events import Now
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.categories import is_same_or_ancestor
from hartig_protocol.records.posts import ATTRIBUTE_LISTS

SAMPLE = Path(__file__).parents[3] / "deploy" / "sample.json"
START_MS = 1_795_305_600_000  # 2026-11-22T00:00:00Z
OWN_HUB = "00" * 32


@dataclass
class TurnedClock:
    """A clock that moves when it is told to."""

    wall_ms: int = START_MS
    steady_ms: int = 0
    trusted: bool = True

    def __call__(self) -> Now:
        return Now(self.wall_ms, self.steady_ms, self.trusted)

    def pass_s(self, seconds: float) -> None:
        self.wall_ms += int(seconds * 1000)
        self.steady_ms += int(seconds * 1000)


@dataclass
class Settings:
    name: str = "Riverside free store"
    languages: tuple[str, ...] = ("en", "es")


class PostsInMemory:
    """Posts as the pages see them; `fails_with` is raised by whatever is asked next."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.held: list[PostView] = []
        self.words: dict[str, str] = {}
        self.drafts: list[Any] = []
        self.fails_with: BoardError | None = None
        self.is_promised = False
        self.before_publishing: Callable[[], Awaitable[None]] | None = None

    def add(self, draft: Any, author_name: str = "Riverside free store", **changes: Any) -> PostView:
        view = replace(self._view(draft, author_name), **changes)
        self.held.append(view)
        return view

    def _view(self, draft: Any, author_name: str) -> PostView:
        fields = read_draft(draft)
        category, area, unit, smallest_part = fields.fixed
        number = len(self.held) + 1
        return PostView(
            id=f"{number:032x}",
            record=f"{number:064x}",
            kind=KIND_NAMES[fields.kind],
            state="standing",
            category=category,
            area=area,
            audience=fields.audience,
            title=fields.body["title"],
            text=fields.body.get("text", {}),
            attributes={name: fields.body[name] for name in ATTRIBUTE_LISTS if name in fields.body},
            source=fields.body.get("source"),
            quantity=quantity_text(fields.facts.get("quantity"), smallest_part),
            unit=unit,
            smallest_part=smallest_part,
            facts=fields.facts,
            author=OWN_HUB,
            author_name=author_name,
            is_mine=author_name == "Riverside free store",
            seq=1,
            published_ms=self.clock.wall_ms,
            expires_ms=fields.expires_ms or self.clock.wall_ms + fields.life_ms,
        )

    def _fail(self) -> None:
        failure, self.fails_with = self.fails_with, None
        if failure is not None:
            raise failure

    async def publish_for_neighbour(self, draft: Any) -> tuple[PostView, str]:
        self._fail()
        if self.before_publishing is not None:
            await self.before_publishing()
        self.drafts.append(draft)
        view = self.add(draft)
        word = f"maple-otter-river-{len(self.drafts) + 9}"
        self.words[word] = view.id
        return view, word

    async def get(self, thread: str) -> PostView:
        self._fail()
        for view in self.held:
            if view.id == thread:
                return view
        raise BoardError("not_found", "no such post is held here")

    async def list(self, query: ListQuery) -> ListPage:
        self._fail()
        if query.cursor is not None and not query.cursor.isdecimal():
            raise BoardError("bad_cursor", "this cursor was not made by this hub")
        found = [view for view in reversed(self.held) if _fits(view, query)]
        start = int(query.cursor or 0)
        end = start + query.limit
        return ListPage(found[start:end], str(end) if end < len(found) else None)

    async def find_by_word(self, word: str) -> PostView:
        self._fail()
        if word not in self.words:
            raise BoardError("not_found", "no post belongs to this word here")
        return await self.get(self.words[word])

    async def change_by_word(self, word: str, action: str, *, force: bool = False) -> PostView:
        view = await self.find_by_word(word)
        if self.is_promised and action == "withdraw" and not force:
            raise BoardError("not_allowed", "promised from this post", rule="still_promised")
        if view.state == "ended":
            raise BoardError("ended", "this post was withdrawn")
        changed = (
            replace(view, state="ended", title={}, text={}, attributes={}, facts={"ends": True}, quantity=None)
            if action == "withdraw"
            else replace(view, expires_ms=view.expires_ms + 24 * HOUR_MS)
        )
        self.held[self.held.index(view)] = changed
        return changed


def _fits(view: PostView, query: ListQuery) -> bool:
    texts = " ".join([*view.title.values(), *view.text.values()]).casefold()
    return (
        view.state == "standing"
        and query.kind in (None, view.kind)
        and (query.category is None or is_same_or_ancestor(query.category, view.category))
        and (query.level is None or view.facts.get("level") == query.level)
        and all(term in texts for term in (query.q or "").casefold().split())
    )


def side(post_id: str, title: str, **more: Any) -> SideView:
    return SideView(post_id, title={"en": title}, unit="H87", smallest_part=1, **more)


def deal_of(need: PostView, state: str = "promised", **changes: Any) -> DealView:
    """A deal of a neighbour's need: eight asked of the kitchen, of which six are promised."""
    view = DealView(
        id=f"{len(state):064x}",
        state=state,
        need=side(need.id, "Blankets for 8", is_mine=True),
        lot=side("9" * 32, "Wool blankets", hub_name="Strike kitchen"),
        quantity="8",
        asks="8",
        promised="6",
        handed_over=None,
        how=None,
        received=None,
        given_back=None,
        date_ms=None,
        lot_date_ms=None,
        asked_ms=START_MS,
        promised_ms=START_MS,
        hold_min=2880,
        is_loan=False,
        marks=(state,),
        what_next=("receive", "cancel"),
    )
    return replace(view, **changes)


def book_of(post: PostView, **changes: Any) -> BookView:
    """The account of a post."""
    view = BookView(
        post=side(post.id, "Blankets for 8", is_mine=True),
        kind=post.kind,
        progress={"state": "open"},
        is_opened=True,
        total=AccountView(None, {}),
        accounts=(),
        set_aside=(),
        deals=(),
        deals_total=0,
        broken=(),
        ended=None,
        written=1,
        room=1,
        note=None,
    )
    return replace(view, **changes)


class DealsInMemory:
    """Deals as the pages see them; `said` is what was said of them, `fails_with` is raised by what is said next."""

    def __init__(self) -> None:
        self.books: dict[str, BookView] = {}
        self.said: list[tuple[Any, ...]] = []
        self.fails_with: BoardError | None = None

    async def book_view(self, thread: str) -> BookView:
        if thread not in self.books:
            raise BoardError("not_found", "there is no account")
        return self.books[thread]

    async def deal(self, claim: str) -> DealView:
        for book in self.books.values():
            for view in book.deals:
                if view.id == claim:
                    return view
        raise BoardError("not_found", "there is no such deal")

    async def _say(self, claim: str, *said: Any) -> DealView:
        failure, self.fails_with = self.fails_with, None
        if failure is not None:
            raise failure
        self.said.append(said)
        return await self.deal(claim)

    async def cancel(self, claim: str) -> DealView:
        return await self._say(claim, "cancel")

    async def receive(self, claim: str, how: str = "ok", quantity: str | None = None) -> DealView:
        return await self._say(claim, "receive", how, quantity)

    async def give_back(self, claim: str) -> DealView:
        return await self._say(claim, "give back")


class ContactsInMemory:
    """What other hubs have said of how to be reached; `asked` says for which side that was asked."""

    def __init__(self) -> None:
        self.told: str | None = None
        self.asked: list[str | None] = []

    async def contact_of(self, _claim: bytes, role: str | None = None) -> str | None:
        self.asked.append(role)
        return self.told


@dataclass
class BoardInMemory:
    posts: PostsInMemory
    deals: DealsInMemory = field(default_factory=DealsInMemory)
    contacts: ContactsInMemory = field(default_factory=ContactsInMemory)
    config: Settings = field(default_factory=Settings)
    fetched: Fetching = field(default_factory=lambda: Fetching(None, None, 0, 0, None, is_connected=False))

    def fetching(self) -> Fetching:
        return self.fetched

    def fill(self) -> None:
        """Hold what the demonstration publishes, of all its hubs."""
        for hub in json.loads(SAMPLE.read_text(encoding="utf-8"))["hubs"]:
            for entry in hub["entries"]:
                self.posts.add(entry, hub["name"])


@dataclass
class Answer:
    """What a browser got."""

    status: int
    text: str
    headers: Any


class Browser:
    """Asks as a browser without script does."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client
        self.host = f"{client.host}:{client.port}"
        self.headers = {"Accept-Language": "en"}

    async def get(self, path: str, **headers: str) -> Answer:
        async with self.client.get(path, headers={**self.headers, **headers}, allow_redirects=False) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        own = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        return await self.send(path, urlencode(fields).encode(), {**self.headers, **own, **headers})

    async def send(self, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        async with self.client.post(path, data=content, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, await response.text(), response.headers)
