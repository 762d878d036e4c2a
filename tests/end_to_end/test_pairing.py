"""A real hub and a browser of paper: paired with a code, known again after the hub was killed, removed, shut out.

Beside it an app with a named key, at the same door.
"""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from end_to_end.daemons import Daemon
from hartig_node.net.desk_certificate import DeskCertificate

pytestmark = pytest.mark.end_to_end

SETTINGS = {"HARTIG_DESK_PORT": "0"}
PATIENCE_S = 30.0  # a safety net on a busy machine, not an expectation


@dataclass
class Browser:
    """Holds one cookie, believes the certificate that it was shown first, and follows nothing."""

    port: int
    fingerprint: str
    cookie: str = ""
    token: str = ""

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str, str]:
        """Return status, Location and text."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=PATIENCE_S)
        connection.connect()
        shown = ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(binary_form=True))  # type: ignore[union-attr]
        assert DeskCertificate(shown.encode(), b"").fingerprint == self.fingerprint
        headers = {"Origin": f"https://127.0.0.1:{self.port}", "Cookie": self.cookie}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if fields:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(fields) if fields else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        if said := response.headers.get("Set-Cookie", ""):
            self.cookie = said.partition(";")[0]
        connection.close()
        return response.status, response.headers.get("Location", ""), text


def is_open(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S).connect()
    except ConnectionRefusedError:
        return False
    return True


def test_a_device_is_paired_known_again_after_a_kill_and_removed(tmp_path: Path) -> None:
    with Daemon(tmp_path / "hub", settings=SETTINGS) as hub:
        hub.command("init", "--name", "Riverside")
        hub.launch()
        hub.wait_ready()
        assert hub.ports["desk"] == 0  # nobody could come in

        made = hub.command("pair", "Phone at the desk")
        assert made["state"] == "open"
        port = int(made["addresses"][0].rstrip("/").rpartition(":")[2])
        browser = Browser(port, made["fingerprint"])
        assert browser.ask("GET", "/")[:2] == (303, "/pair")
        assert browser.ask("POST", "/pair", code="0000-0000-0000", name="")[0] == 422
        assert browser.ask("POST", "/pair", code=made["code"], name="")[:2] == (303, "/")
        assert browser.ask("GET", "/")[0] == 200
        assert browser.ask("GET", "/need")[0] == 200
        assert Browser(port, made["fingerprint"]).ask("POST", "/pair", code=made["code"], name="")[0] == 422
        assert browser.ask("GET", "/api/v1/status")[0] == 401

        app = Browser(port, made["fingerprint"], token=hub.command("token", "add", "kitchen app")["token"])
        status, _, text = app.ask("GET", "/api/v1/status")
        assert (status, json.loads(text)["name"]) == (200, "Riverside")

    with Daemon(tmp_path / "hub", settings=SETTINGS) as hub:
        hub.launch()
        hub.wait_ready()
        browser.port = hub.ports["desk"]
        assert browser.port
        assert browser.ask("GET", "/")[0] == 200
        (device,) = hub.command("devices")
        assert device["name"] == "Phone at the desk"
        hub.command("devices", "remove", device["id"])
        assert hub.node.status()["desk"]["state"] == "shut"  # it answers once the door is as it should be
        assert not is_open(browser.port)
        assert hub.command("devices") == []
        assert hub.stop() == 0
