"""The real daemon with a planted fault: its database does not wait for the disk (`synchronous=NORMAL`).

    python -m durability.publishers.hub_less_synced run --folder FOLDER ...

Everything else is the command line as it is. The fault is planted from here, so the program has no door for it.
"""

import sqlite3
import sys
from pathlib import Path

from hartig_node.cli.main import main
from hartig_node.store import connection as store_connection

_set_up = store_connection._set_up


def _set_up_less_synced(connection: sqlite3.Connection, path: Path, cache_kib: int) -> None:
    _set_up(connection, path, cache_kib)
    connection.execute("PRAGMA synchronous=NORMAL")


if __name__ == "__main__":
    store_connection._set_up = _set_up_less_synced
    sys.exit(main())
