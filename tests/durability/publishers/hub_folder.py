"""A real hub's folder as the tests of durability need it: founded, on loopback only, published to over its socket.

`publishers.hub` (power cuts) and `publishers.hub_server` (`kill -9`) share it.

What "not lost" means. A hub keeps one version of a thread: a revision or a withdrawal takes the place of what was
acknowledged before. So an acknowledgement is of a thread and a seq, and it is kept while that version or a later one
of the same thread is held; a withdrawn post that stands again is a loss like any other. To compare sets, whoever
holds version n of a thread is said to have all of 1 to n (`through`). A hub also uses the place of an ended thread
again, once all its 20,000 are taken; no test here comes near that, so a thread that is gone is lost.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from hartig_node.client import Node
from hartig_node.daemon.config import write_settings
from hartig_node.daemon.folder import HubFolder

HARTIG = str(Path(sys.executable).with_name("hartig"))
READY_LINE = '"ready": true'
# A busy machine under strace; a safety net.
ANSWER_S = 60.0
# The system chooses ports, and nothing but loopback is touched.
SETTINGS = {
    "name": "Shelf", "interfaces": ["127.0.0.1"], "peer_port": 0, "api_port": 0, "site": False, "log": "warning",
}  # fmt: skip
# In several scripts, because the search index changes pages of its own for each.
WORDS = [
    "water", "blankets", "insulin", "charger", "diapers", "firewood", "dlo", "manje", "frazada", "agua",
    "сухари", "одеяло", "ماء", "بطانية", "食物", "被子",
]  # fmt: skip
WORDS_PER_TEXT = (5, 60)


def found_hub(folder: Path) -> None:
    """Make the folder a hub, the first of its network."""
    hub = HubFolder(folder)
    hub.make()
    write_settings(hub.settings, SETTINGS)
    done = subprocess.run(
        [HARTIG, "init", "--folder", str(folder), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"hartig init ended with {done.returncode} and said:\n{done.stderr}"


def run_command(folder: Path) -> list[str]:
    """The daemon's command line; it needs nothing from the environment."""
    return [HARTIG, "run", "--folder", str(folder), "--json"]


def door(folder: Path) -> Node:
    """The hub's API over the socket in its folder; for one thread."""
    return Node.find(folder=str(folder))


def need(rng: Random) -> dict[str, Any]:
    """A draft with a text of its own."""
    return {"kind": "need", "category": "water.drinking", "title": {"en": _text(rng, 3)}, "text": new_text(rng)}


def new_text(rng: Random) -> dict[str, str]:
    return {"en": _text(rng, rng.randint(*WORDS_PER_TEXT))}


def _text(rng: Random, words: int) -> str:
    return " ".join([f"{rng.getrandbits(32):08x}", *rng.choices(WORDS, k=words)])


def version(post: dict[str, Any]) -> str:
    """The identifier of the version of a post that the hub has answered with."""
    return _identifier(post["id"], post["seq"])


def through(held: Iterable[tuple[str, int]]) -> frozenset[str]:
    """The identifiers of every version that the held (thread, seq) stand for: they themselves and all before."""
    return frozenset(_identifier(thread, seq) for thread, last in held for seq in range(1, last + 1))


def _identifier(thread: str, seq: int) -> str:
    return f"{thread}{seq:08x}"
