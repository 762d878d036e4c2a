"""The Python client of a node, for developers: `Node` and its errors. No dependencies, no asyncio.

In: a place (the Unix socket of this machine's hub, or an address with a token). Out: the JSON of `node/API.md` as
dicts and lists. The command line is built on it.
"""

from hartig_node.client.errors import (
    AmbiguousIdError,
    AnswerError,
    BusyError,
    ChangedError,
    ClientError,
    DeniedError,
    NotFoundError,
    ProblemError,
    UnreachableError,
)
from hartig_node.client.node import Node
from hartig_node.client.places import Place, find_place

__all__ = [
    "AmbiguousIdError",
    "AnswerError",
    "BusyError",
    "ChangedError",
    "ClientError",
    "DeniedError",
    "Node",
    "NotFoundError",
    "Place",
    "ProblemError",
    "UnreachableError",
    "find_place",
]
