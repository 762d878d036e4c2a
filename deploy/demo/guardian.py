"""Makes the demo's folder, and removes it when the demo and all its hubs are gone.

In: standard input, a pipe that nobody writes to; the demo and each hub hold its other end, so its end is the end of all
of them, even of those that were killed. Out: the folder's path on one line. A process of its own, because one that is
killed cannot tidy up. Standard library alone: it is run with `-I -S`. Who calls: `shelter`.
"""

import os
import shutil
import signal
import sys
import tempfile
import time

TRIES = 20
PAUSE_S = 0.1
READ_BYTES = 4096


def main() -> None:
    """Outlive everybody else, then tidy up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    folder = tempfile.mkdtemp(prefix="hartig-")
    try:
        os.write(1, (folder + "\n").encode())
        while os.read(0, READ_BYTES):
            pass
    finally:
        remove(folder)


def remove(folder: str) -> None:
    """Remove the folder; a process that is just being killed may still write a file into it."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: PTH110 - pathlib costs 10 ms of every start
            return
        time.sleep(PAUSE_S)
    sys.exit(f"cannot remove {folder}")


if __name__ == "__main__":
    main()
