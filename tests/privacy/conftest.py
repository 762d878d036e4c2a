"""Fixtures of the command line, the pages and the desk, for tests of what people meet."""

from node.cli.conftest import folder, hartig, surroundings
from node.site.conftest import board, browser, clock
from node.site.desk.pages.conftest import benches, desk, ours, people

__all__ = ["benches", "board", "browser", "clock", "desk", "folder", "hartig", "ours", "people", "surroundings"]
