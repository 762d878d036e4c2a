"""Leaves out of the wheel what a board neither reads nor should hold in memory: comments, docstrings, inner types.

In: the sources, when hatchling builds a wheel. Out: the same programs, line for line: what goes leaves its lines
empty, and lines are set in by one space a level, so a traceback names the line of the checkout and of the source
archive, which hold everything. The client for developers (`hartig_node/client`) keeps all of it, since `help()` is how
it is read; the protocol keeps its types, since clients may build on it. Types of the node's own functions are for its
checks alone: nobody outside may import them. The store in dicts is for tests, and the texts of translations are in the
`.mo` files. An editable install is the checkout.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES = ("protocol/hartig_protocol", "node/hartig_node")
KEPT_WHOLE = Path("hartig_node/client")
KEPT_TYPED = Path("hartig_protocol")
LEFT_OUT = frozenset({Path("hartig_node/store/memory.py"), Path("hartig_node/store/memory_disk.py")})

_NO_CODE = frozenset({
    tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT,
    tokenize.ENDMARKER,
})  # fmt: skip
_TEXTS = frozenset(
    {tokenize.STRING, *(getattr(tokenize, f"FSTRING_{part}", tokenize.STRING) for part in ("START", "MIDDLE", "END"))}
)
_ARROW = re.compile(rb" *-> *$")

Cut = tuple[tuple[int, int], tuple[int, int], bytes]  # from, to (line from 1, byte), and what stands there instead


def bare(source: bytes, *, is_typed: bool) -> bytes:
    """Return a program (UTF-8) without comments and docstrings, and, unless `is_typed`, without types of functions."""
    lines = source.splitlines(keepends=True)
    types = [] if is_typed else _types(source)
    for (first, begin), (last, end), instead in sorted([*_texts(source), *_comments(source), *types], reverse=True):
        tail = lines[last - 1][end:]
        lines[first - 1] = (lines[first - 1][:begin] + instead + (tail if first == last else b"\n")).rstrip() + b"\n"
        for line in range(first + 1, last + 1):
            lines[line - 1] = b"\n" if line < last else tail.lstrip() or b"\n"
    return flush(b"".join(lines))


def flush(source: bytes) -> bytes:
    """Return a program whose lines are set in by one space a level, and not at all inside brackets."""
    lines = source.splitlines(keepends=True)
    depth, is_first, kept = 0, True, set[int]()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if token.type in _TEXTS:
            kept.update(range(token.start[0] + 1, token.end[0] + 1))  # lines that begin inside a text
        if token.type in _NO_CODE:
            is_first = is_first or token.type == tokenize.NEWLINE
            continue
        row = token.start[0]
        if row not in kept and not lines[row - 1][: token.start[1]].strip():
            lines[row - 1] = b" " * (depth if is_first else 0) + lines[row - 1].lstrip(b" ")
        is_first = False
    return b"".join(lines)


def _texts(source: bytes) -> Iterator[Cut]:
    """Yield statements that are a string and nothing else; a body of nothing else keeps an ellipsis."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        texts = [statement for statement in body if _is_text(statement)]
        for statement in texts:
            begin, end = (statement.lineno, statement.col_offset), (statement.end_lineno, statement.end_col_offset)
            is_needed = len(texts) == len(body) and statement is texts[0] and not isinstance(node, ast.Module)
            yield begin, end, b"..." if is_needed else b""


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _comments(source: bytes) -> Iterator[Cut]:
    lines = source.splitlines()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            begin = len(lines[line - 1].decode()[:column].encode())
            yield (line, begin), (line, len(lines[line - 1])), b""


def _types(source: bytes) -> Iterator[Cut]:
    """Yield what functions say of the types of their arguments and answers."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        inner, every = node.args, [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in [one for one in (*every, inner.vararg, inner.kwarg) if one is not None]:
            if argument.annotation is not None:
                begin = argument.col_offset + len(argument.arg.encode())
                yield (argument.lineno, begin), _end(argument.annotation), b""
        arrow = (
            None if node.returns is None else _ARROW.search(lines[node.returns.lineno - 1][: node.returns.col_offset])
        )
        if node.returns is not None and arrow is not None and node.returns.lineno == node.returns.end_lineno:
            yield (node.returns.lineno, arrow.start()), _end(node.returns), b""


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


class BareSources(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the bare sources in the place of the full ones while a wheel is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the bare sources beside, and have them included."""
        if version != "standard":
            return
        self._folder = TemporaryDirectory(prefix="hartig-wheel-")
        for package in (Path(self.root, name) for name in PACKAGES):
            for path in sorted(package.rglob("*.py")):
                name = path.relative_to(package.parent)
                if name in LEFT_OUT or name.is_relative_to(KEPT_WHOLE):
                    continue
                written = Path(self._folder.name, name)
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_bytes(bare(path.read_bytes(), is_typed=name.is_relative_to(KEPT_TYPED)))
                build_data["force_include"][str(written)] = str(name)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Take the bare sources away again."""
        if version == "standard":
            self._folder.cleanup()
