"""A node that is not one: the API's contract as far as the client uses it, on a Unix socket or on TCP, in threads.

It holds posts in a list, newest first, and remembers every request. `plan` puts answers before the model's own: each is
used once.
"""

import json
import socket
import threading
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
NOW = "2026-11-22T12:00:00Z"
HUB = "ab" * 32


class Request(NamedTuple):
    """What came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    value: Any


class Planned(NamedTuple):
    """An answer that is given once, as it is."""

    status: int
    body: bytes
    headers: dict[str, str]


def problem(status: int, code: str, detail: str, **more: str) -> Json:
    return {"status": status, "code": code, "title": f"Title of {code}", "detail": detail, **more}


def post(post_id: str, title: str | dict[str, str], **more: Any) -> Json:
    """A post as the API gives it."""
    return {
        "id": post_id,
        "record": post_id * 2,
        "kind": "need",
        "state": "standing",
        "category": "water.drinking",
        "audience": "network",
        "title": {"en": title} if isinstance(title, str) else title,
        "unit": "H87",
        "smallest_part": 1,
        "mode": "give",
        "urgency": "normal",
        "rule": "open",
        "author": HUB,
        "author_name": "Riverside",
        "mine": True,
        "seq": 0,
        "published_at": NOW,
        "expires_at": "2026-12-06T12:00:00Z",
        **more,
    }


class FakeNode:
    """The server. `with FakeNode(path)` listens on a Unix socket, `with FakeNode()` on a port of loopback."""

    def __init__(self, path: Path | None = None) -> None:
        self.posts: list[Json] = []
        self.requests: list[Request] = []
        self.planned: deque[Planned] = deque()
        self.status: Json = {
            "hub": HUB, "name": "Riverside", "network": {"id": "cd" * 16, "name": "Valley"}, "state": "member",
            "version": "0.1.0", "records": 3, "posts": 2, "peers_open": 1, "clock": {"trusted": True, "now": NOW},
            "ports": {"api": 4278}, "problems": [], "uptime_s": 61,
        }  # fmt: skip
        self.peers: list[Json] = []
        self.bad_titles: dict[str, Json] = {}
        self._ids = 0
        self._server = _Server(self, path)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """Answer the next request so. Bytes are sent as they are, None as nothing at all, anything else as JSON."""
        body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        kind = "application/problem+json" if status >= 400 else "application/json"
        self.planned.append(Planned(status, body, {"Content-Type": kind, **(headers or {})}))

    # --- The model

    def answer(self, request: Request) -> tuple[int, Any]:  # noqa: C901 - a table of routes
        parts = request.path.removeprefix("/api/v1").strip("/").split("/")
        match request.method, parts:
            case "GET", ["status"]:
                return 200, self.status
            case "GET", ["readyz"]:
                return 200, {"ready": True, "problems": []}
            case "GET", ["peers"]:
                return 200, {"items": self.peers, "next": None}
            case "GET", ["posts" | "search"]:
                return self._list(request.query)
            case "POST", ["posts", "batch"]:
                return self._batch(request.value)
            case "POST", ["posts"]:
                return self._publish(request.value)
            case _, ["posts", post_id, *rest]:
                return self._on_post(request, post_id, rest)
            case "POST", ["invites"]:
                return 201, {
                    "id": "0a",
                    "uses": 1,
                    "uses_left": 1,
                    "expires_at": NOW,
                    "label": "",
                    "link": "hartig:LINK",
                }
            case "GET", ["invites"]:
                invite = {"id": "0a", "uses": 2, "uses_left": 1, "expires_at": NOW, "label": "Kitchen"}
                return 200, {"items": [invite], "next": None}
            case "POST", ["tokens"]:
                return 201, {"id": "0b", "name": request.value["name"], "token": "hartig_secret", "scopes": ["read"]}
            case "GET", ["tokens"]:
                token = {"id": "0b", "name": "sign", "scopes": ["read"], "created_at": NOW, "expires_at": None}
                return 200, {"items": [token], "next": None}
            case "DELETE", ["invites" | "tokens", "gone"]:
                return 404, problem(404, "not_found", "there is no such thing")
            case "DELETE", ["invites" | "tokens", _]:
                return 204, None
            case "POST", ["backups"]:
                return 201, {"path": request.value["path"]}
        return 404, problem(404, "not_found", f"there is nothing at {request.path}")

    def _list(self, query: dict[str, str]) -> tuple[int, Any]:
        words = query.get("q", "").casefold()
        found = [
            one for one in self.posts
            if words in json.dumps(one, ensure_ascii=False).casefold()
            and query.get("kind") in (None, one["kind"])
            and (query.get("author") != "me" or one["mine"])
            and (query.get("state") == "all" or one["state"] == "standing")
        ]  # fmt: skip
        start, limit = int(query.get("cursor", "0")), int(query["limit"])
        following = str(start + limit) if len(found) > start + limit else None
        return 200, {"items": found[start : start + limit], "next": following}

    def _publish(self, draft: Json) -> tuple[int, Any]:
        title = next(iter(draft["title"].values()))
        if title in self.bad_titles:
            found = self.bad_titles[title]
            return int(found["status"]), found
        self._ids += 1
        made = {**post(f"{self._ids:08x}" + "0" * 24, ""), **draft}
        self.posts.insert(0, made)
        return 201, made

    def _batch(self, value: Json) -> tuple[int, Any]:
        results = []
        for index, draft in enumerate(value["drafts"]):
            title = next(iter(draft["title"].values()))
            if title in self.bad_titles:
                results.append({"index": index, "status": 422, "problem": self.bad_titles[title]})
            elif value["dry_run"]:
                results.append({"index": index, "status": 200})
            else:
                results.append({"index": index, "status": 201, "post": self._publish(draft)[1]})
        return 200, {"results": results}

    def _on_post(self, request: Request, post_id: str, rest: list[str]) -> tuple[int, Any]:
        found = next((one for one in self.posts if one["id"] == post_id), None)
        if found is None:
            return 404, problem(404, "not_found", "there is no such post")
        if request.method != "GET" and not found["mine"]:
            return 403, problem(403, "not_yours", "another hub posted this")
        if request.method == "PATCH":
            found.update({name: one for name, one in request.value.items() if one is not None})
        elif request.method == "DELETE":
            found["state"] = "ended"
        elif rest == ["renew"]:
            found["expires_at"] = "2026-12-31T12:00:00Z"
        return 200, found


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, node: FakeNode, path: Path | None) -> None:
        self.node = node
        self._open: set[socket.socket] = set()
        if path is not None:
            self.address_family = socket.AF_UNIX
        super().__init__(str(path) if path else ("127.0.0.1", 0), _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def close_all(self) -> None:
        """Hang up on everybody, so that no thread waits on."""
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        node = self.server.node
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        value = json.loads(body) if body else None
        request = Request(self.command, split.path, dict(parse_qsl(split.query)), self.headers, value)
        node.requests.append(request)
        if node.planned:
            status, content, headers = node.planned.popleft()
            self._send(status, content, headers)
            return
        status, answer = node.answer(request)
        kind = "application/problem+json" if status >= 400 else "application/json"
        content = b"" if answer is None else json.dumps(answer).encode()
        self._send(status, content, {"Content-Type": kind} if content else {})

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        if status == 0:  # a planned hang-up
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "text/event-stream" in headers.get("Content-Type", ""):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
