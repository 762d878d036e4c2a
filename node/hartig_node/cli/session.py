"""What a command works with: where it writes, and the node, which is looked for only when it is asked something."""

import argparse

from hartig_node.cli.output import Output
from hartig_node.client.node import Node
from hartig_node.client.places import Place, find_place


class Session:
    """One call of one command."""

    def __init__(self, options: argparse.Namespace, output: Output) -> None:
        self.out = output
        self.place: Place = find_place(folder=options.folder, url=options.url, token=options.token)
        self._node: Node | None = None

    def __repr__(self) -> str:
        return f"<Session with {self.place!r}>"

    @property
    def node(self) -> Node:
        """The node of this call."""
        if self._node is None:
            self._node = Node(self.place)
        return self._node

    def close(self) -> None:
        """Hang up."""
        if self._node is not None:
            self._node.close()
