"""Real hubs as processes of this machine, on loopback alone and on ports that the system chooses.

    with Daemon(tmp_path / "ana") as ana:
        ana.command("init", "--name", "Ana")
        ana.launch()
        ana.wait_ready()
        ana.node.publish({...})

Whatever a test waits for, a watchdog ends the process in the end, and so the wait. Who calls: the tests beside this.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hartig_node.client import Node

HARTIG = Path(sys.executable).with_name("hartig")
# A safety net on a busy machine, not an expectation.
LIFE_S_MAX = 240.0
COMMAND_S_MAX = 120.0
STOP_S_MAX = 30.0
LAST_CHARACTERS = 3000
_SETTINGS = {
    "HARTIG_INTERFACES": "127.0.0.1",
    "HARTIG_PEER_PORT": "0",
    "HARTIG_API_PORT": "0",
    "HARTIG_SITE_PORT": "0",
}


def environment() -> dict[str, str]:
    """This process's environment, with the settings of hubs on loopback instead of the developer's own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HARTIG_")}
    return {**inherited, **_SETTINGS}


class Daemon:
    """One hub: its folder, its commands and, once launched, its process."""

    def __init__(self, folder: Path, hartig: Path = HARTIG, settings: Mapping[str, str] | None = None) -> None:
        self.folder, self.ports = folder, dict[str, int]()
        self._hartig, self._log = hartig, folder.with_suffix(".log")
        self._environment = {**environment(), **(settings or {})}  # of the process that `launch` starts
        self._process: subprocess.Popen[str] | None = None
        self._watchdog: threading.Timer | None = None
        self.node = Node.find(folder=str(folder))

    def __repr__(self) -> str:
        return f"<Daemon {self.folder.name} on {self.ports}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.node.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None, "launch it first"
        return self._process.pid

    def command(self, *argv: str | Path, codes: Iterable[int] = (0,)) -> Any:
        """Run `hartig ... --json` for this folder to its end and return what it says; its exit code is one of these."""
        done = subprocess.run(
            [self._hartig, *argv, "--folder", self.folder, "--json"],
            env=environment(), capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False,
        )  # fmt: skip
        said = f"hartig {argv[0]} ended with {done.returncode}:\n{done.stderr[-LAST_CHARACTERS:]}"
        assert done.returncode in codes, said
        return json.loads(done.stdout)

    def launch(self) -> None:
        """Start `hartig run`; `wait_ready` waits until it answers, so that several can start at once."""
        with self._log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [self._hartig, "run", "--folder", self.folder, "--json"],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._watchdog = threading.Timer(LIFE_S_MAX, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def wait_ready(self) -> None:
        assert self._process is not None, "launch it first"
        assert self._process.stdout is not None, "it has a pipe"
        line = self._process.stdout.readline()
        assert line, f"{self!r} ended without a word:\n{self.log()}"
        said = json.loads(line)
        assert said["ready"] is True, said
        self.ports = said["ports"]

    def stop(self) -> int:
        """Tell it to end, as the system does, and return its exit code."""
        assert self._process is not None, "launch it first"
        self._process.terminate()
        code = self._process.wait(STOP_S_MAX)
        self._close()
        return code

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None, "launch it first"
        self._process.kill()
        self._process.wait(STOP_S_MAX)
        self._close()

    def log(self) -> str:
        """The end of what it wrote to stderr."""
        return self._log.read_text(encoding="utf-8")[-LAST_CHARACTERS:]

    def _close(self) -> None:
        assert self._process is not None, "it was launched"
        assert self._watchdog is not None, "it came with the process"
        self._watchdog.cancel()
        self._watchdog.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
