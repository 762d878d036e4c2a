"""One node, seen through its API: the use cases as plain methods, for programs and for the command line.

    from hartig_node.client import Node

    with Node.find() as node:
        for post in node.posts(category="water"):
            print(post["id"], post["title"])
        node.publish({"kind": "need", "category": "water.drinking", "title": {"en": "Water for 40"}, "days": 3})

Values are the JSON of `node/API.md`, as dicts and lists. Every method may raise a `ClientError`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from hartig_node.client.errors import AmbiguousIdError, AnswerError, BusyError, ClientError, NotFoundError
from hartig_node.client.places import Place, find_place
from hartig_node.client.transport import TIMEOUT_S, Answer, Download, Transport, segment, wait_s

if TYPE_CHECKING:
    from hartig_node.client.deals import Deals
    from hartig_node.client.members import Members
    from hartig_node.client.moderation import Moderation
    from hartig_node.client.partners import Partners

Json = dict[str, Any]

API = "/api/v1"
PAGE_POSTS_MAX = 200
BATCH_DRAFTS_MAX = 100
BUSY_TRIES_MAX = 5  # then somebody else needs the node more than we do
_ID = re.compile(r"[0-9a-f]{32}")
SHORT_ID_CHARACTERS = 8
_SHORT_ID = re.compile(rf"[0-9a-f]{{{SHORT_ID_CHARACTERS - 2},32}}")


class Node:
    """A node behind one door. Not for two threads at once; cheap to make, so make one for each."""

    def __init__(self, place: Place, timeout_s: float = TIMEOUT_S) -> None:
        self._transport = Transport(place, timeout_s)
        self.place = place

    @classmethod
    def find(cls, *, folder: str | None = None, url: str | None = None, token: str | None = None) -> Self:
        """Return the node that the arguments, else HARTIG_URL or HARTIG_FOLDER, else this user's default name."""
        return cls(find_place(folder=folder, url=url, token=token))

    def __repr__(self) -> str:
        return f"<Node at {self._transport.where}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next call opens a connection again."""
        self._transport.close()

    # --- The node itself

    def status(self) -> Json:
        """What the node says of itself, with `problems` and what to do about them."""
        return _object(self.read("/status"))

    def peers(self) -> list[Json]:
        """Every other node that it knows, and why there is no link where there is none."""
        return _items(self.read("/peers"))

    def clock(self) -> Json:
        """What time it is for the node, and who vouches for it."""
        return _object(self.read("/clock"))

    def confirm_clock(self, now: str | None = None) -> Json:
        """Say that the time that the node shows is right, or (RFC 3339) what time it is."""
        return _object(self._send("POST", "/clock", {} if now is None else {"now": now}))

    def ready(self) -> tuple[bool, list[Json]]:
        """Whether the node does its work; and what is in the way."""
        answer = self._transport.request("GET", "/readyz", accept_statuses=(503,))
        return answer.status == 200, _items(answer.value, "problems")

    def backup(self, path: str) -> Json:
        """Have the node write a copy of everything but its keys to a new file on its machine."""
        return _object(self._send("POST", "/backups", {"path": path}))

    def write_bundle(self, partner: str | None = None) -> Download:
        """A bundle of all that the node may share, or of what a partner network gets, to be read piece by piece."""
        asked = "" if partner is None else f"?for={self.partners.full_id(partner)}"
        return self._transport.download(f"{API}/bundle{asked}")

    def read_bundle(self, pieces: Iterable[bytes], length: int) -> Json:
        """Have the node take over what is in a bundle of so many bytes; returns what became of it."""
        return _object(self._transport.upload(f"{API}/bundle", pieces, length).value)

    # --- Posts

    def posts(self, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """Needs and offers, newest first, page by page as they are asked for.

        Args:
            limit: how many at most; None for all.
            filters: kind, category, author (a hub's id, or "me"), area, urgency, level, mode, state ("standing" or
                "all"), q (search words), hidden ("true": also what this hub hides), network (the id of one).
        """
        path = "/posts" if filters.get("q") is None else "/search"
        found = self.pages(path, filters, limit)
        return found if limit is None else islice(found, limit)

    def post(self, post_id: str) -> Json:
        """One need or offer by its id, or by the first digits of it that no other post shares."""
        return self._on_post(self.full_id(post_id), "GET")

    def publish(self, draft: Mapping[str, Any], *, key: str | None = None) -> Json:
        """Publish a draft; `draft["kind"]` is need or offer. Returns the post.

        With a `key` of your own you may send it again when you do not know what became of it: it is published once.
        """
        return _object(self.post_once("/posts", dict(draft), key) if key else self._send("POST", "/posts", dict(draft)))

    def publish_many(self, drafts: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Json]:
        """Publish up to 100 drafts at once, or only check them.

        Returns a map for each draft, in order: `{"post": ...}`, `{"problem": ...}`, or for a good draft of a dry run
        neither.
        """
        body = {"drafts": [dict(draft) for draft in drafts], "dry_run": dry_run}
        results = _items(self._send("POST", "/posts/batch", body), "results")
        ordered: list[Json] = [{} for _ in drafts]
        for position, result in enumerate(results):
            index = result.get("index", position)
            if not isinstance(index, int) or not 0 <= index < len(ordered):
                raise AnswerError("the node's answer to a batch names a draft that was not sent")
            ordered[index] = result
        if len(results) != len(ordered):
            raise AnswerError(f"the hub answered for {len(results)} of {len(ordered)} drafts")
        return ordered

    def warnings(self, draft: Mapping[str, Any]) -> list[Json]:
        """What of a draft, or of a change, tells too much of people: `code`, `pointer`, `found`. Publishes nothing."""
        return _items(self._send("POST", "/posts/warnings", dict(draft)), "warnings")

    def revise(self, post_id: str, patch: Mapping[str, Any], *, if_match: str | None = None) -> Json:
        """Change a post of this hub by a JSON merge patch (RFC 7396) of draft fields."""
        return self._on_post(self.full_id(post_id, mine=True), "PATCH", dict(patch), if_match)

    def withdraw(self, post_id: str, *, if_match: str | None = None, force: bool = False) -> Json:
        """End a post of this hub; with `force` also an offer of which something is promised."""
        below = "?force=true" if force else ""
        return self._on_post(self.full_id(post_id, mine=True), "DELETE", None, if_match, below)

    def renew(self, post_id: str, *, days: float | None = None, if_match: str | None = None) -> Json:
        """Let a post of this hub stand longer; by default as long again as such a post does."""
        body = {} if days is None else {"days": days}
        return self._on_post(self.full_id(post_id, mine=True), "POST", body, if_match, "/renew")

    def full_id(self, post_id: str, *, mine: bool = False) -> str:
        """Return the whole id that a short one stands for.

        Raises:
            NotFoundError: no post begins so.
            AmbiguousIdError: several do.
        """
        post_id = post_id.lower()
        if _ID.fullmatch(post_id):
            return post_id
        if not _SHORT_ID.fullmatch(post_id):
            detail = f"{post_id[:40]!r} is no id: {SHORT_ID_CHARACTERS} or more of the digits 0-9 and a-f"
            raise ClientError(detail, "`hartig list` shows the ids")
        posts = self.posts(state="all", hidden="true", author="me" if mine else None)
        found = [post["id"] for post in posts if str(post.get("id")).startswith(post_id)]
        if not found and mine:
            return self.full_id(post_id)  # another hub's: let the node say why it cannot be changed
        if not found:
            problem = {"code": "not_found", "detail": f"no post has an id that begins with {post_id}"}
            raise NotFoundError(404, {**problem, "hint": "`hartig list --ended` shows all ids"})
        if len(found) > 1:
            raise AmbiguousIdError(f"{len(found)} posts have an id that begins with {post_id}", "give more digits")
        return str(found[0])

    # --- Records, for programs that sign themselves

    def publish_record(self, head: bytes, signature: bytes, body: bytes | None) -> Json:
        """Publish a record that was signed elsewhere."""
        record = {"head": head.hex(), "signature": signature.hex(), "body": None if body is None else body.hex()}
        return _object(self._send("POST", "/records", record))

    def record(self, record_id: str) -> Json:
        """A record as it was signed: head, signature and body in hex."""
        return _object(self.read(f"/records/{segment(record_id)}"))

    # --- Invites and tokens

    def invites(self) -> list[Json]:
        """The open invites, without their links."""
        return _items(self.read("/invites"))

    def invite(self, **wishes: Any) -> Json:
        """Make an invite (uses, days, addresses, pass_on, label, picture); only this answer holds its link."""
        return _object(self._send("POST", "/invites", {name: one for name, one in wishes.items() if one is not None}))

    def revoke_invite(self, invite_id: str) -> None:
        """Make an invite worthless."""
        self._send("DELETE", f"/invites/{segment(invite_id)}")

    def asking(self) -> Json:
        """Who asks to be let in without an invite, with the words to compare; how long the door is open yet."""
        return _object(self.read("/invites/asking"))

    def open_door(self) -> Json:
        """Listen to hubs without an invite for ten minutes."""
        return _object(self._send("POST", "/invites/asking", {}))

    def let_in(self, asking_id: str) -> Json:
        """The words agree: let this hub in."""
        return _object(self._send("POST", f"/invites/asking/{segment(asking_id)}", {}))

    def turn_away(self, asking_id: str) -> None:
        """The words differ: forget this hub."""
        self._send("DELETE", f"/invites/asking/{segment(asking_id)}")

    def tokens(self) -> list[Json]:
        """The tokens, without their secrets."""
        return _items(self.read("/tokens"))

    def add_token(self, name: str, scopes: Sequence[str], *, days: float | None = None) -> Json:
        """Make a token with scopes of read, write, admin; only this answer holds its secret."""
        body: Json = {"name": name, "scopes": list(scopes)}
        if days is not None:
            body["days"] = days
        return _object(self._send("POST", "/tokens", body))

    def revoke_token(self, token_id: str) -> None:
        """Make a token worthless."""
        self._send("DELETE", f"/tokens/{segment(token_id)}")

    # --- Devices of the organisers

    def make_pairing_code(self, name: str | None = None) -> Json:
        """Make the set-up code for one device; only this answer holds its `code`."""
        return _object(self._send("POST", "/pairing/codes", {} if name is None else {"name": name}))

    def devices(self) -> list[Json]:
        """The devices that are paired."""
        return _items(self.read("/devices"))

    def remove_device(self, device_id: str) -> None:
        """End a device's session at once."""
        self._send("DELETE", f"/devices/{segment(device_id)}")

    # --- Vocabulary

    def categories(self, language: str = "en") -> list[Json]:
        """The categories with their labels."""
        return _items(self.read("/categories", {"language": language}))

    def attributes(self, language: str = "en") -> list[Json]:
        """What can be said about a thing or a place beyond its category, with labels."""
        return _items(self.read("/attributes", {"language": language}))

    def units(self, language: str = "en") -> list[Json]:
        """The units with their labels."""
        return _items(self.read("/units", {"language": language}))

    # --- Events

    def events(self, after: int | None = None, *, patience_s: float = 60.0) -> "Iterator[Any]":
        """Follow what happens on the node, from now on or after a number; see `hartig_node.client.events`."""
        from hartig_node.client.events import follow

        return follow(self._transport, after, patience_s)

    # --- Deals

    @property
    def deals(self) -> "Deals":
        """Who asks, promises, hands over, receives; see `hartig_node.client.deals`."""
        from hartig_node.client.deals import Deals

        return Deals(self)

    # --- Who belongs

    @property
    def members(self) -> "Members":
        """The network, who belongs to it, and changes of that; see `hartig_node.client.members`."""
        from hartig_node.client.members import Members

        return Members(self)

    @property
    def moderation(self) -> "Moderation":
        """What this hub hides, mutes and flags; see `hartig_node.client.moderation`."""
        from hartig_node.client.moderation import Moderation

        return Moderation(self)

    @property
    def partners(self) -> "Partners":
        """Partner networks: what is agreed and shared; see `hartig_node.client.partners`."""
        from hartig_node.client.partners import Partners

        return Partners(self)

    # --- Routes that have no method here

    def read(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return what a GET answers, below `/api/v1`."""
        return self._call("GET", path, query).value

    def post_once(self, path: str, value: Any, key: str) -> Any:
        """POST under an Idempotency-Key: a connection that breaks off is opened again, and it is done once."""
        return self._call("POST", path, None, value, {"Idempotency-Key": key}).value

    def delete(self, path: str) -> None:
        """DELETE, below `/api/v1`."""
        self._send("DELETE", path)

    def pages(self, path: str, filters: Mapping[str, Any], limit: int | None = None) -> Iterator[Json]:
        """Yield the items of a list, page by page as they are asked for."""
        cursor: str | None = None
        while True:
            size = PAGE_POSTS_MAX if limit is None else max(1, min(limit, PAGE_POSTS_MAX))
            page = self.read(path, {**filters, "limit": size, "cursor": cursor})
            yield from _items(page)
            following = _object(page).get("next")
            if not following:
                return
            if following == cursor or not isinstance(following, str):
                raise AnswerError("the node's list does not come to an end")
            cursor = following

    # --- Inside

    def _on_post(
        self, post_id: str, method: str, value: Json | None = None, if_match: str | None = None, below: str = ""
    ) -> Json:
        headers = {} if if_match is None else {"If-Match": if_match}
        content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return _object(self._call(method, f"/posts/{post_id}{below}", None, value, headers, content_type).value)

    def _send(self, method: str, path: str, value: Any = None) -> Any:
        return self._call(method, path, None, value).value

    def _call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, value: Any = None,
        headers: Mapping[str, str] | None = None, content_type: str = "application/json",
    ) -> Answer:  # fmt: skip
        """Make one call, waiting where the node is busy and says so."""
        for tries_left in range(BUSY_TRIES_MAX - 1, -1, -1):
            try:
                return self._transport.request(
                    method, API + path, query, value=value, headers=headers, content_type=content_type
                )
            except BusyError as error:
                if not tries_left:
                    raise
                wait_s(error.retry_after_s)
        raise AssertionError("unreachable")


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
    return value


def _items(value: Any, name: str = "items") -> list[Json]:
    items = value if isinstance(value, list) else _object(value).get(name)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AnswerError("the node's list is not of the expected form", "are both of the same version?")
    return items
