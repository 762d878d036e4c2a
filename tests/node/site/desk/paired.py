"""Pairing in memory, and a browser of a paired device that needs no TLS: the guard reads headers alone."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp.test_utils import TestClient

from hartig_node.board.belonging.pairing import DEVICE_LIFE_MS, Paired
from hartig_node.board.errors import BoardError
from hartig_node.site.desk.session import COOKIE
from node.site.fakes import START_MS, Answer

CODE = "7KQ4-M2XA-9TDE"


@dataclass
class PairingInMemory:
    """Devices as the desk sees them; the secret of each is its id. `fails_with` is raised by the next `pair`."""

    devices: dict[str, Paired] = field(default_factory=dict)
    fails_with: BoardError | None = None

    def add(self, name: str = "Phone at the desk", **changes: Any) -> str:
        """Pair a device and return its secret."""
        secret = f"{len(self.devices) + 1:016x}"
        self.devices[secret] = Paired(secret, name, START_MS, START_MS + DEVICE_LIFE_MS, **changes)
        return secret

    async def pair(self, code: str, device_name: str) -> str | None:
        failure, self.fails_with = self.fails_with, None
        if failure is not None:
            raise failure
        return self.add(device_name or "Device") if code == CODE else None

    async def check(self, secret: str) -> Paired | None:
        return self.devices.get(secret)

    async def revoke(self, device_id: str) -> None:
        del self.devices[device_id]


class PairedBrowser:
    """Asks as the browser of a paired device does; with `secret` empty, as one that is not paired."""

    def __init__(self, client: TestClient[Any, Any], secret: str) -> None:
        self.client, self.secret = client, secret
        self.host = f"{client.host}:{client.port}"
        self.headers = {"Accept-Language": "en"}

    def _all(self, headers: dict[str, str]) -> dict[str, str]:
        cookie = {"Cookie": f"{COOKIE}={self.secret}"} if self.secret else {}
        return {**self.headers, **cookie, **headers}

    async def get(self, path: str, **headers: str) -> Answer:
        async with self.client.get(path, headers=self._all(headers), allow_redirects=False) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        own = {"Origin": f"https://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        sent = self._all({**own, **headers})
        async with self.client.post(
            path, data=urlencode(fields).encode(), headers=sent, allow_redirects=False
        ) as response:
            return Answer(response.status, await response.text(), response.headers)
