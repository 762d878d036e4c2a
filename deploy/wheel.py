"""Leaves out of the wheel what a board neither reads nor should hold in memory: comments, docstrings, inner types.

In: the sources, when hatchling builds a wheel. Out: the same programs, line for line: what goes leaves its lines
empty, and lines are set in by one space a level and have no other space that the language can do without, so a
traceback names the line of the checkout and of the source archive, which hold everything. The client for developers
(`hartig_node/client`) keeps all of it, since `help()` is how it is read; the protocol keeps the types of all that has a
public name, since clients may build on it. Types of the node's own functions, and of what is inside of functions, are
for its checks alone: nobody outside may import them. The templates of pages come as one file, since each file costs 200
bytes and begins its compression anew. The store in dicts is for tests, and the texts of translations are in the `.mo`
files. An editable install is the checkout.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES = ("protocol/hartig_protocol", "node/hartig_node")
KEPT_WHOLE = Path("hartig_node/client")
KEPT_TYPED = Path("hartig_protocol")
LEFT_OUT = frozenset({Path("hartig_node/store/memory.py"), Path("hartig_node/store/memory_disk.py")})
TEMPLATES = Path("hartig_node/site/templates")  # left out in favour of TEMPLATES.json: pyproject.toml

_NO_CODE = frozenset({
    tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT,
    tokenize.ENDMARKER,
})  # fmt: skip
_TEXTS = frozenset(
    {tokenize.STRING, *(getattr(tokenize, f"FSTRING_{part}", tokenize.STRING) for part in ("START", "MIDDLE", "END"))}
)
_BEGIN, _END = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)  # from Python 3.12 on
# Two of these in a row need a space between them. Before a point, a number would take it for its own.
_WORDS = frozenset({tokenize.NAME, tokenize.NUMBER, *_TEXTS})
_ARROW = re.compile(rb" *-> *$")

Cut = tuple[tuple[int, int], tuple[int, int], bytes]  # from, to (line from 1, byte), and what stands there instead


def bare(source: bytes, *, is_typed: bool) -> bytes:
    """Return a program (UTF-8) without comments and docstrings, and without inner types.

    Those are, if `is_typed`, the types of functions with a private name and of what is inside of functions; else of all
    functions.
    """
    lines = source.splitlines(keepends=True)
    cuts = sorted([*_texts(source), *_comments(source), *_types(source, is_typed=is_typed)], reverse=True)
    for (first, begin), (last, end), instead in cuts:
        tail = lines[last - 1][end:]
        lines[first - 1] = (lines[first - 1][:begin] + instead + (tail if first == last else b"\n")).rstrip() + b"\n"
        for line in range(first + 1, last + 1):
            lines[line - 1] = b"\n" if line < last else tail.lstrip() or b"\n"
    return flush(b"".join(lines))


def flush(source: bytes) -> bytes:
    """Return a program whose lines are set in by one space a level, and have no other space that it can do without."""
    tokens = list(tokenize.tokenize(io.BytesIO(source).readline))
    return _set_in(_closed_up(source, tokens))


def _closed_up(source: bytes, tokens: Sequence[tokenize.TokenInfo]) -> bytes:
    """Take the spaces between tokens away, but not inside of texts, whose braces may show them."""
    lines = source.decode().splitlines(keepends=True)
    is_inside, gaps = 0, list[tuple[int, int, int]]()
    for one, after in pairwise(tokens):
        is_inside += (one.type == _BEGIN) - (one.type == _END)
        (row, begin), (row_after, end) = one.end, after.start
        if is_inside or row != row_after or begin == end or not {one.type, after.type}.isdisjoint(_NO_CODE):
            continue
        if not ({one.type, after.type} <= _WORDS or (one.type == tokenize.NUMBER and after.string.startswith("."))):
            gaps.append((row, begin, end))
    for row, begin, end in reversed(gaps):
        lines[row - 1] = lines[row - 1][:begin] + lines[row - 1][end:]
    return "".join(lines).encode()


def _set_in(source: bytes) -> bytes:
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


def _types(source: bytes, *, is_typed: bool) -> Iterator[Cut]:
    """Yield what functions say of the types of their arguments, answers and, inside, of what they set."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _inner_types(node, is_typed=is_typed)
            if not is_typed or (node.name.startswith("_") and not node.name.startswith("__")):
                yield from _outer_types(node, lines)


def _inner_types(function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_typed: bool) -> Iterator[Cut]:
    """Yield the types beside values that a function sets; if `is_typed`, only where nobody outside sees the name."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue  # a function is another one's turn; in a class a type may say what there is
        is_seen = is_typed and not isinstance(getattr(node, "target", None), ast.Name)
        if isinstance(node, ast.AnnAssign) and node.value is not None and not is_seen:
            yield _end(node.target), _end(node.annotation), b""
        todo.extend(ast.iter_child_nodes(node))


def _outer_types(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[bytes]) -> Iterator[Cut]:
    inner, returns = function.args, function.returns
    every = [*inner.posonlyargs, *inner.args, *inner.kwonlyargs, inner.vararg, inner.kwarg]
    for argument in [one for one in every if one is not None]:
        if argument.annotation is not None:
            begin = argument.col_offset + len(argument.arg.encode())
            yield (argument.lineno, begin), _end(argument.annotation), b""
    if returns is not None and returns.lineno == returns.end_lineno:
        arrow = _ARROW.search(lines[returns.lineno - 1][: returns.col_offset])
        if arrow is not None:
            yield (returns.lineno, arrow.start()), _end(returns), b""


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
                if name not in LEFT_OUT and not name.is_relative_to(KEPT_WHOLE):
                    shipped = bare(path.read_bytes(), is_typed=name.is_relative_to(KEPT_TYPED))
                    self._include(name, shipped, build_data)
        templates = Path(self.root, "node", TEMPLATES)
        sources = {str(path.relative_to(templates)): path.read_text("utf-8") for path in templates.rglob("*.html")}
        joined = json.dumps(dict(sorted(sources.items())), ensure_ascii=False)
        self._include(TEMPLATES.with_suffix(".json"), joined.encode(), build_data)

    def _include(self, name: Path, content: bytes, build_data: dict[str, Any]) -> None:
        written = Path(self._folder.name, name)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(content)
        build_data["force_include"][str(written)] = str(name)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Take the bare sources away again."""
        if version == "standard":
            self._folder.cleanup()
