"""A daemon in a host is asked over its socket file, and never waited for without end."""

import pytest

from lab.hosts import Lab
from lab.small_talk import PYTHON

pytestmark = pytest.mark.lab

_API = """
import http.server, os, socketserver, time

class Server(socketserver.ThreadingUnixStreamServer):
    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("somebody", 0)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path == "/drip":
            self.drip()
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(201 if body else 404)
        self.send_header("Content-Type", self.headers["Content-Type"] or "none")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b".")
                time.sleep(0.02)
        except OSError:
            print("client left")

os.mkdir("run")
with Server("run/api.sock", Handler) as server:
    print("listening", flush=True)
    server.serve_forever()
"""


async def test_a_daemon_is_reached_by_its_socket_file_from_outside_its_namespace(lab: Lab) -> None:
    ana = lab.add_host("ana", attached=False)
    server = await lab.run(ana, [*PYTHON, _API])
    await server.line_with("listening")
    answer = await lab.http(ana, "POST", "/echo", body={"title": "dlo"})
    assert (answer.status, answer.headers["Content-Type"]) == (201, "application/json")
    assert answer.json() == {"title": "dlo"}
    empty = await lab.http(ana, "GET", "/", headers={"Content-Type": "text/plain"})
    assert (empty.status, empty.body) == (404, b"")
    with pytest.raises(AssertionError, match="status 404 without JSON"):
        empty.json()


async def test_an_answer_that_only_drips_is_given_up_and_hung_up(lab: Lab) -> None:
    ana = lab.add_host("ana")
    server = await lab.run(ana, [*PYTHON, _API])
    await server.line_with("listening")
    with pytest.raises(TimeoutError):
        await lab.http(ana, "GET", "/drip", timeout_s=0.2)
    await server.line_with("client left")


async def test_a_host_without_daemon_refuses(lab: Lab) -> None:
    ana = lab.add_host("ana")
    with pytest.raises(FileNotFoundError):
        await lab.http(ana, "GET", "/")
