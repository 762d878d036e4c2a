"""Where a node is: its folder, the socket in it, or an address with a token.

Who calls: the command line, and programs that want what `hartig` itself would take.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

SOCKET_NAME = "run/api.sock"


class Place(NamedTuple):
    """How to reach a node: by `url` with `token`, or, where that is None, by the socket in `folder`."""

    folder: str
    url: str | None = None
    token: str | None = None

    @property
    def socket_path(self) -> str:
        """The Unix socket on which the node of this folder answers."""
        return os.path.join(self.folder, SOCKET_NAME)  # noqa: PTH118 - pathlib costs 10 ms of every start

    def __repr__(self) -> str:  # never shows the token
        return f"<Place {self.url or self.socket_path}>"


def default_folder(environment: Mapping[str, str], *, is_root: bool) -> str:
    """Return the folder of this machine's node: $HARTIG_FOLDER, /var/lib/hartig for root, else under XDG."""
    if chosen := environment.get("HARTIG_FOLDER"):
        return os.path.abspath(os.path.expanduser(chosen))  # noqa: PTH100, PTH111 - as above
    if is_root:
        return "/var/lib/hartig"
    data = environment.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):  # the XDG specification has relative paths ignored
        data = os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".local/share")  # noqa: PTH111, PTH118
    return os.path.join(data, "hartig")  # noqa: PTH118


def find_place(
    environment: Mapping[str, str] | None = None,
    *,
    folder: str | None = None,
    url: str | None = None,
    token: str | None = None,
) -> Place:
    """Return the place that arguments name, else the environment, else the default of this user.

    A folder that is named as an argument wins over HARTIG_URL.
    """
    environment = os.environ if environment is None else environment
    if url is None and folder is None:
        url = environment.get("HARTIG_URL") or None
    token = token or environment.get("HARTIG_TOKEN") or None
    chosen = os.path.abspath(os.path.expanduser(folder)) if folder else None  # noqa: PTH100, PTH111
    return Place(chosen or default_folder(environment, is_root=os.geteuid() == 0), url, token)
