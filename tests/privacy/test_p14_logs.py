"""P14: no address of a machine stands in a log, at the most talkative level, after links, dials and failures."""

import ipaddress
import logging
import re
import socket
import sys
from pathlib import Path

import pytest

import hartig_node
from end_to_end.daemons import Daemon
from hartig_node.discreet import HIDDEN, DiscreetFormatter, without_addresses

WORDS = re.compile(r"[0-9A-Za-z:.%-]+")
HARMLESS = "node 3f2a90bc1d22 seq[::-1] std::vector a:b:c hartig 0.1.0"
MAC = re.compile(r"(?<![0-9a-f])[0-9a-f]{2}([:-][0-9a-f]{2}){5}(?![0-9a-f])", re.IGNORECASE)


def addresses_in(text: str) -> set[str]:
    """Find addresses by another way than the program does: each word that the library can read as one."""
    found = set()
    for word in WORDS.findall(text):
        for piece in {word, word.rstrip(":."), word.rpartition(":")[0], word.partition("%")[0]}:
            try:
                ipaddress.ip_address(piece)
            except ValueError:
                continue
            found.add(piece)
    return found | {match[0] for match in MAC.finditer(text)}


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("from 192.168.1.20:4279", f"from {HIDDEN}:4279"),
        ("('10.0.0.1', 4279)", f"('{HIDDEN}', 4279)"),
        ("to [fe80::1%eth0]:4279", f"to [{HIDDEN}]:4279"),
        ("2001:db8::7: no answer", f"{HIDDEN}: no answer"),
        ("::1.", f"{HIDDEN}."),
        ("2001:db8:0:0:0:0:0:1", HIDDEN),
        ("from ::ffff:10.0.0.1", f"from {HIDDEN}:{HIDDEN}"),
        ("AA:BB:CC:00:11:22 and aa-bb-cc-00-11-22", f"{HIDDEN} and {HIDDEN}"),
        ("http://ana-hub.local:8080/", f"http://{HIDDEN}:8080/"),
        ("at 18:00:00, 12:30", "at 18:00:00, 12:30"),
        (HARMLESS, HARMLESS),
        ('File "x.py", line 3: in <module>', 'File "x.py", line 3: in <module>'),
    ],
)  # fmt: skip
def test_p14_the_last_hand_hides_addresses_and_nothing_else(said: str, written: str) -> None:
    assert without_addresses(said) == written
    assert not addresses_in(written)


def test_p14_tracebacks_and_what_libraries_say_are_no_exception() -> None:
    def failing() -> None:
        with socket.socket() as one:
            raise OSError(111, f"Connect call failed ('192.0.2.7', 4279) of {one!r}")

    record = logging.LogRecord("aiohttp.server", logging.ERROR, "x.py", 1, "request from %s", ("198.51.100.9",), None)
    try:
        failing()
    except OSError:
        record.exc_info = sys.exc_info()
    written = DiscreetFormatter("%(message)s").format(record)
    assert "Traceback" in written
    assert not addresses_in(written)


PEERS = "127.0.0.9:9,localhost:9,[::1]:9," + "ab" * 32 + "@127.0.0.8:9"


def meet_and_part(folder: Path) -> None:
    """Let two hubs write at their most talkative while they meet, fail to meet others, hear nonsense, and part."""
    settings = {"HARTIG_LOG": "debug", "HARTIG_PEERS": PEERS}
    with Daemon(folder / "ana", settings=settings) as ana, Daemon(folder / "ben", settings=settings) as ben:
        ana.command("init", "--network", "Test", "--name", "Ana")
        ana.launch()
        ana.wait_ready()
        ben.command("join", ana.node.invite()["link"], "--name", "Ben")
        ben.launch()
        ben.wait_ready()
        for line in ana.node.events(after=0):
            if line.name == "peer.connected":
                break
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"):
            with socket.create_connection(("127.0.0.1", ana.ports["peers"])) as stranger:
                stranger.sendall(nonsense)
                stranger.shutdown(socket.SHUT_WR)
                stranger.recv(1024)
        assert (ben.stop(), ana.stop()) == (0, 0)


@pytest.mark.end_to_end
def test_p14_nothing_that_a_running_hub_writes_names_an_address(tmp_path: Path) -> None:
    meet_and_part(tmp_path)
    for name in ("ana", "ben"):
        log = (tmp_path / f"{name}.log").read_text("utf-8")
        for said in ("DEBUG asyncio", "nobody answers at one of the typed addresses"):
            assert said in log, log
        assert not addresses_in(log), log
        assert not {word for word in ("localhost", socket.gethostname().lower()) if word in log.lower()}, log


def test_p14_our_own_words_name_none_before_the_last_hand_either() -> None:
    """By the names of what is logged: others than `hartig run` may handle it, as programs that embed a hub do."""
    for path in sorted(Path(hartig_node.__file__).parent.rglob("*.py")):
        for call in re.findall(r"logger\.\w+\((?:[^()]|\([^()]*\))*\)", path.read_text("utf-8")):
            assert not re.search(r"\b(address|host|peer_address|local_address|addresses|text)\b[,)]", call), (
                path,
                call,
            )
