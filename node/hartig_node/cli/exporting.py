"""`hartig export` and `hartig backup`: posts as JSON lines for other programs, and a copy of everything for later."""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.words import how_many

_SAY_EVERY = 200


def _export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="a new file (else stdout)")
    parser.add_argument("--all", action="store_true", help="also what has ended")
    parser.add_argument("--mine", action="store_true", help="only posts of this hub")
    parser.add_argument("--kind", choices=("need", "offer"), help="only what is needed, or only what is offered")


def _export(session: Session, options: argparse.Namespace) -> int:
    posts = session.node.posts(
        state="all" if options.all else None, author="me" if options.mine else None, kind=options.kind
    )
    if options.file is None:
        if session.out.is_json:
            session.out.json(list(posts))
            return exits.OK
        for post in posts:
            session.out.raw(_json_line(post))
        return exits.OK
    count = _write_new(Path(options.file), _counted(session, posts))
    session.out.json({"file": options.file, "posts": count})
    session.out.line(f"{how_many(count, 'post')} written to {options.file}.")
    return exits.OK


def _json_line(post: dict[str, Any]) -> str:
    # Unescaped, but for half characters and the two line ends of Unicode, at which some readers break lines.
    return json.dumps(post, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _counted(session: Session, posts: Iterator[dict[str, Any]]) -> Iterator[str]:
    for count, post in enumerate(posts, start=1):
        yield _json_line(post)
        if count % _SAY_EVERY == 0:
            session.out.progress(f"{how_many(count, 'post')} so far")


def _write_new(path: Path, lines: Iterator[str]) -> int:
    """Write lines to a new file that appears whole or not at all; return how many they are."""
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists():
            raise UsageError(f"{path} exists already", "name a new file")
        with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
            count = _write_lines(file, lines)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _write_lines(file: TextIO, lines: Iterator[str]) -> int:
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007 - the count outlives the loop
        file.write(line + "\n")
    return count


def _backup_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a new file on the hub's machine")


def _backup(session: Session, options: argparse.Namespace) -> int:
    if session.place.url:
        raise UsageError("a backup is made on the hub's own machine", "run it there, without --url")
    path = str(Path(options.file).absolute())
    made = session.node.backup(path)
    session.out.json(made)
    session.out.line(f"Written to {path}.")
    if not session.out.is_json:
        session.out.note("It holds all that the hub holds, private things too, so keep it as safe as the hub itself.")
        session.out.note(f"Check it with `hartig verify {path}`; `hartig restore` puts it back.")
    return exits.OK


EXPORT = Recipe(
    _export_options,
    _export,
    "hartig export --mine posts.jsonl",
    "any program that reads JSON, line by line; the fields are those of node/API.md.",
)
BACKUP = Recipe(
    _backup_options,
    _backup,
    "hartig backup /mnt/stick/hub-2026-11-22.backup",
    "`hartig verify FILE`, and keep the file somewhere else.",
)
