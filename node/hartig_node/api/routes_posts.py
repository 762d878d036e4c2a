"""Needs, offers, and both together as posts: list, search, get, publish, revise, withdraw, renew, batches.

In: the board. Out: endpoints. `needs`, `offers` and `posts` share every route; the first two hold one kind each, and an
id of the other kind is not found there. Who calls: `app`.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hartig_node.api.answers import answer, answer_list, if_match_versions
from hartig_node.api.endpoints import PREFIX, READ, WRITE, Endpoint, Repeat
from hartig_node.api.problems import problem_json
from hartig_node.api.reading import (
    BATCH_BYTES_MAX,
    MERGE_PATCH,
    Fields,
    check_choice,
    pointer,
    read_json,
    read_limit,
    read_object,
)
from hartig_node.board.board import Board
from hartig_node.board.drafts.drafts import DRAFT_FIELDS, KINDS
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import LIMIT_MAX, ListQuery, Published
from hartig_node.board.privacy.linting import look_through
from hartig_protocol.limits import AREA_CHARACTERS_MAX, CATEGORY_BYTES_MAX
from hartig_protocol.records.posts import LEVELS, MODES, URGENCIES

COLLECTIONS: dict[str, str | None] = {"needs": "need", "offers": "offer", "posts": None}
FILTERS = (
    "category", "author", "area", "urgency", "level", "mode", "state", "q", "hidden", "network", "cursor", "limit",
)  # fmt: skip
YES_OR_NO = ("true", "false")
SEARCH_CHARACTERS_MAX = 200  # words that a person types; each costs a look into the index
_CHOICES = {
    "kind": frozenset(KINDS),
    "urgency": URGENCIES,
    "level": LEVELS,
    "mode": MODES,
    "state": frozenset({"standing", "all"}),
    "hidden": frozenset(YES_OR_NO),
}
_CHARACTERS_MAX = {"category": CATEGORY_BYTES_MAX, "area": AREA_CHARACTERS_MAX, "q": SEARCH_CHARACTERS_MAX}


def post_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of all three collections, the search and the batch."""
    both = Collection(board, "posts", None)
    endpoints = [
        Endpoint("GET", f"{PREFIX}/search", both.search, READ, ("kind", *FILTERS)),
        Endpoint("POST", f"{PREFIX}/posts/batch", both.publish_many, WRITE),
        Endpoint("POST", f"{PREFIX}/posts/warnings", both.warnings, WRITE, repeat=Repeat.SAFE),
    ]
    for plural, kind in COLLECTIONS.items():
        endpoints += _collection_endpoints(Collection(board, plural, kind))
    return endpoints


def _collection_endpoints(collection: "Collection") -> list[Endpoint]:
    base = f"{PREFIX}/{collection.plural}"
    filters = FILTERS if collection.kind else ("kind", *FILTERS)
    return [
        Endpoint("GET", base, collection.list, READ, filters),
        Endpoint("POST", base, collection.publish, WRITE),
        Endpoint("GET", f"{base}/{{id}}", collection.get, READ),
        Endpoint("PATCH", f"{base}/{{id}}", collection.revise, WRITE),
        Endpoint("DELETE", f"{base}/{{id}}", collection.withdraw, WRITE, ("force",)),
        Endpoint("POST", f"{base}/{{id}}/renew", collection.renew, WRITE),
    ]


@dataclass(frozen=True, slots=True)
class Collection:
    """The handlers of one collection; `kind` is None where it holds both."""

    board: Board
    plural: str
    kind: str | None

    async def list(self, request: web.Request) -> web.Response:
        """List posts, newest first."""
        page = await self.board.posts.list(read_list_query(request, self.kind))
        return answer_list(request, [view.as_json() for view in page.items], page.cursor)

    async def search(self, request: web.Request) -> web.Response:
        """List the posts in which all words of `q` occur."""
        if not request.query.get("q", "").strip():
            raise BoardError("bad_request", "q is missing", "say what to look for: ?q=water", "/q")
        return await self.list(request)

    async def publish(self, request: web.Request) -> web.Response:
        """Publish a draft."""
        draft = await read_json(request)
        if self.kind is not None and isinstance(draft, dict) and draft.setdefault("kind", self.kind) != self.kind:
            hint = f"leave kind out, or send it to {PREFIX}/posts"
            raise BoardError("bad_draft", f"{PREFIX}/{self.plural} takes the kind {self.kind} alone", hint, "/kind")
        view = await self.board.posts.publish(draft)
        return _post_answer(request, view, 201, {"Location": _location(view)})

    async def publish_many(self, request: web.Request) -> web.Response:
        """Publish up to 100 drafts, each for itself, or check them alone."""
        fields = Fields(await read_object(request, ("drafts", "dry_run"), BATCH_BYTES_MAX))
        dry_run = fields.flag("dry_run", False)
        results = await self.board.posts.publish_many(fields.list("drafts"), dry_run=dry_run)
        failed = sum(isinstance(result, BoardError) for result in results)
        counts = {"published": 0 if dry_run else len(results) - failed, "failed": failed, "dry_run": dry_run}
        data = {"results": [_result(index, result) for index, result in enumerate(results)], **counts}
        return answer(request, data, cache="no-store")

    async def warnings(self, request: web.Request) -> web.Response:
        """Return what of a draft, or of a part of one, tells too much of people; nothing is published."""
        found = look_through(await read_object(request, DRAFT_FIELDS))
        return answer(request, {"warnings": [one.as_json() for one in found]}, cache="no-store")

    async def get(self, request: web.Request) -> web.Response:
        """Return one post."""
        return _post_answer(request, await self._held(request))

    async def revise(self, request: web.Request) -> web.Response:
        """Change a post by a JSON merge patch of its draft."""
        patch = await read_json(request, media=MERGE_PATCH)
        thread, version = await self._target(request)
        return _post_answer(request, await self.board.posts.revise(thread, patch, version))

    async def withdraw(self, request: web.Request) -> web.Response:
        """End a post; with `force` also one of which something is promised."""
        force = request.query.get("force", "false")
        check_choice("force", force, YES_OR_NO)
        thread, version = await self._target(request)
        return _post_answer(request, await self.board.posts.withdraw(thread, version, force=force == "true"))

    async def renew(self, request: web.Request) -> web.Response:
        """Keep a post up for longer."""
        days = Fields(await read_object(request, ("days",), optional=True)).number_or_none("days")
        thread, version = await self._target(request)
        return _post_answer(request, await self.board.posts.renew(thread, days, version))

    async def _held(self, request: web.Request) -> PostView:
        view = await self.board.posts.get(request.match_info["id"])
        if self.kind not in (None, view.kind):
            hint = f"ask for {_location(view)}"
            raise BoardError("not_found", f"this post is of the kind {view.kind}", hint)
        return view

    async def _target(self, request: web.Request) -> tuple[str, str | None]:
        """Return the post that a change is for, and the version that If-Match asks for."""
        view = await self._held(request)
        versions = if_match_versions(request)
        if versions is None:
            return view.id, None
        # The board compares again, in the same breath as it writes: somebody may come in between.
        return view.id, view.etag if view.etag in versions else next(iter(versions), '""')


def _location(view: PostView) -> str:
    return f"{PREFIX}/{view.kind}s/{view.id}"


def _post_answer(
    request: web.Request, view: PostView, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return answer(request, view.as_json(), status=status, version=view.etag.strip('"'), headers=headers)


def _result(index: int, result: Published) -> dict[str, Any]:
    """Return what became of one draft of a batch."""
    if isinstance(result, BoardError):
        return {"index": index, "status": result.status, "problem": problem_json(result)}
    if not isinstance(result, PostView):
        found = {"warnings": [one.as_json() for one in result]} if result else {}
        return {"index": index, "status": 200, **found}
    return {"index": index, "status": 201, "post": result.as_json()}


def read_list_query(request: web.Request, kind: str | None) -> ListQuery:
    """Read the filters of a list from the query."""
    given = dict(request.query)
    for name, value in given.items():
        _check_filter(name, value)
    if kind is not None:
        given["kind"] = kind
    limit = read_limit(request, LIMIT_MAX)
    given.pop("limit", None)
    hidden = given.pop("hidden", "false") == "true"
    if "area" in given:
        given["area"] = given["area"].lower()
    return ListQuery(**given, hidden=hidden, limit=limit)


def _check_filter(name: str, value: str) -> None:
    if name in _CHOICES:
        check_choice(name, value, _CHOICES[name])
    characters_max = _CHARACTERS_MAX.get(name)
    if characters_max is not None and len(value) > characters_max:
        raise BoardError(
            "bad_request", f"{name} is too long", f"send at most {characters_max} characters", pointer(name)
        )


assert set(_CHOICES) | set(_CHARACTERS_MAX) | {"author", "network", "cursor", "limit"} == {"kind", *FILTERS}
