"""`hartig import FILE.csv`: reads, checks, posts in batches, and says of each bad line where and why.

Bad lines never stop the others. Running it again continues: lines that are posted are passed over (`done`).
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hartig_node.cli import exits, minding
from hartig_node.cli.commands import Recipe
from hartig_node.cli.importing.columns import Columns, Target, map_columns
from hartig_node.cli.importing.done import Done, Keys, keys_of, state_folder, with_key
from hartig_node.cli.importing.drafts import BadRowError, read_row
from hartig_node.cli.importing.reading import BadLine, Table, read_table
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean
from hartig_node.cli.words import how_many, language
from hartig_node.client.errors import ClientError, ProblemError
from hartig_node.client.node import BATCH_DRAFTS_MAX

BATCH_BYTES_MAX = 900_000  # the node takes 1 MiB; the rest is for the frame of the request
BAD_LINES_SAID_MAX = 1_000  # on stderr; the report of --json has all of them
WARNED_LINES_SAID_MAX = 20  # of lines that tell of people; the sum follows
REASON_CHARACTERS_MAX = 300

# What keeps the whole hub from posting: the next lines would fare no better.
HOPELESS = frozenset({"no_room", "not_admitted", "disk_full", "stopped_signing", "unauthorized", "forbidden"})
_DELIMITER_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}


class Item(NamedTuple):
    """One good line on its way to the node."""

    line: int
    key: str
    draft: dict[str, Any]


class Report:
    """What became of all lines."""

    def __init__(self) -> None:
        self.posted = self.before = self.cut = 0
        self.bad: list[dict[str, Any]] = []
        self.warned: list[dict[str, Any]] = []
        self.stopped: ProblemError | None = None

    @property
    def lines(self) -> int:
        """How many lines were looked at."""
        return self.posted + self.before + len(self.bad)

    def as_json(self, *, dry_run: bool) -> dict[str, Any]:
        """The report for programs."""
        return {
            "dry_run": dry_run,
            "good" if dry_run else "posted": self.posted,
            "posted_before": self.before,
            "titles_cut": self.cut,
            "bad": self.bad,
            "warned": self.warned,
            "stopped": None if self.stopped is None else self.stopped.as_json(),
        }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a CSV file whose first line names its columns")
    parser.add_argument(
        "--map", action="append", default=[], metavar="FIELD=COLUMN", help="title=message, text.ht=original"
    )
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="for all lines: kind=need")
    parser.add_argument(
        "--language", action="append", default=[], metavar="[FIELD=]TAG", help="of titles and texts: en, text=ht"
    )
    parser.add_argument("--dry-run", action="store_true", help="check all lines and post nothing")
    parser.add_argument("--again", action="store_true", help="post also lines that were posted before")
    parser.add_argument("--encoding", metavar="NAME", help="of the file (else found out)")
    parser.add_argument("--delimiter", metavar="SIGN", help="between the cells (else found out); tab for a tab")


class Import:
    """One run of the command."""

    def __init__(self, session: Session, options: argparse.Namespace) -> None:
        self._session, self._out = session, session.out
        self._dry_run, self._again = options.dry_run, options.again
        self._done = Done(state_folder(session.place.folder, session.place.url, os.environ))
        self._report = Report()
        self._said = 0

    def run(self, table: Table, columns: Columns) -> Report:
        """Post all lines of a file; raises `ClientError` where the node cannot be reached."""
        known = set() if self._again else self._known()
        for batch in _batches(self._items(table, columns, known)):
            self._send(batch)
            if self._report.stopped is not None:
                break
            self._out.progress(self._progress())
        return self._report

    def _known(self) -> set[str]:
        self._out.progress("Looking for lines that were posted before")
        return self._done.load() | keys_of(self._session.node.posts(author="me", state="all"))

    def _items(self, table: Table, columns: Columns, known: set[str]) -> Iterator[Item]:
        keys = Keys()
        for row in table.rows:
            if isinstance(row, BadLine):
                self._bad(row.line, row.reason)
                continue
            try:
                reading = read_row(row.cells, columns)
            except BadRowError as error:
                self._bad(row.line, str(error))
                continue
            key = keys.next_key(columns.said(row.cells))
            if key in known:
                self._report.before += 1
                continue
            self._report.cut += reading.is_cut
            yield Item(row.line, key, with_key(reading.draft, key))

    def _send(self, batch: list[Item]) -> None:
        results = self._session.node.publish_many([item.draft for item in batch], dry_run=self._dry_run)
        posted = []
        for item, result in zip(batch, results, strict=True):
            problem = result.get("problem")
            if problem is None:
                posted.append(item.key)
                self._warn(item.line, (result.get("post") or result).get("warnings"))
                continue
            error = ProblemError(int(problem.get("status", 422)), problem)
            if error.code in HOPELESS:
                self._report.stopped = error
                break
            self._bad(item.line, _reason(error), error.code)
        self._report.posted += len(posted)
        if posted and not self._dry_run:
            self._note(posted)

    def _note(self, keys: list[str]) -> None:
        try:
            self._done.add(keys)
        except OSError as error:
            # The sources of the posts say it too, as long as they stand.
            self._out.note(
                f"Cannot note what is done: {error.strerror}. Running this again finds it by the posts alone."
            )

    def _bad(self, line: int, reason: str, code: str = "bad_line") -> None:
        reason = clean(reason)[:REASON_CHARACTERS_MAX]
        self._report.bad.append({"line": line, "code": code, "reason": reason})
        self._said += 1
        if self._said <= BAD_LINES_SAID_MAX:
            self._out.note(f"line {line}: {reason}")
        elif self._said == BAD_LINES_SAID_MAX + 1:
            self._out.note("Further bad lines are only counted; --json names all.")

    def _warn(self, line: int, found: list[dict[str, Any]] | None) -> None:
        if not found:
            return
        self._report.warned.append({"line": line, "warnings": found})
        if len(self._report.warned) <= WARNED_LINES_SAID_MAX:
            for said in minding.lines_of(found, f"line {line}: "):
                self._out.note(said)

    def _progress(self) -> str:
        verb = "good" if self._dry_run else "posted"
        return f"{self._report.lines:,} lines: {self._report.posted:,} {verb}, {len(self._report.bad):,} bad"


def _reason(error: ProblemError) -> str:
    where = f"{error.pointer.lstrip('/')}: " if error.pointer and not error.detail.startswith(error.pointer[1:]) else ""
    return f"{where}{error.detail}" + (f" ({error.hint})" if error.hint else "")


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Yield batches as large as the node takes, by count and by bytes."""
    batch: list[Item] = []
    size = 0
    for item in items:
        item_bytes = len(json.dumps(item.draft, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 2
        if batch and (len(batch) == BATCH_DRAFTS_MAX or size + item_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item_bytes
    if batch:
        yield batch


def _run(session: Session, options: argparse.Namespace) -> int:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
    if delimiter is not None and len(delimiter) != 1:
        raise UsageError(f"--delimiter {options.delimiter!r:.20} is not one sign", "for example --delimiter ';'")
    table = read_table(options.file, options.encoding, delimiter)
    columns = map_columns(table.header, options.map, options.set, options.language, language())
    _check(columns)
    _explain(session, table, columns)
    runner = Import(session, options)
    try:
        report = runner.run(table, columns)
    except ClientError:
        session.out.note("Stopped on the way. Run the same again: lines that are posted are passed over.")
        raise
    return _finish(session, report, dry_run=options.dry_run)


def _check(columns: Columns) -> None:
    """Say early what is missing in every line."""
    fields = {target.field for target in (*columns.by_column.values(), *columns.same)}
    if not fields & {"title", "text"}:
        raise UsageError("no column is known to be the title", f"say which: --map title=COLUMN ({_names(columns)})")
    for name, example in (("kind", "need"), ("category", "water.drinking")):
        if name not in fields:
            raise UsageError(f"no column says the {name}", f"say it for all lines: --set {name}={example}")


def _names(columns: Columns) -> str:
    return clean(", ".join(columns.unused))[:200] or "the file has no other column"


def _explain(session: Session, table: Table, columns: Columns) -> None:
    """Say how the file was understood."""
    note = session.out.note
    if table.guessed_encoding:
        note(f"The file is not UTF-8; it is read as {table.encoding}. If accents look wrong: --encoding.")
    delimiter = _DELIMITER_NAMES.get(table.delimiter, table.delimiter)
    note(f"Columns (read as {table.encoding}, divided by {delimiter}):")
    for number, target in sorted(columns.by_column.items()):
        note(f"  {clean(table.header[number]) or number + 1} -> {_named(target, columns)}")
    for target, value in columns.same.items():
        note(f"  all lines -> {_named(target, columns)}: {clean(value)}")
    if columns.unused:
        note(f"  not used: {_names(columns)}")


def _named(target: Target, columns: Columns) -> str:
    tag = target.tag or columns.languages.get(target.field)
    return f"{target.field} in {tag}" if tag else target.field


def _finish(session: Session, report: Report, *, dry_run: bool) -> int:
    out = session.out
    out.json(report.as_json(dry_run=dry_run))
    done = how_many(report.posted, "line")
    out.line(f"{done} would be posted; nothing was." if dry_run else f"{done} posted.")
    if report.before:
        out.line(f"{how_many(report.before, 'line')} passed over: posted before (--again posts them once more).")
    if report.cut:
        out.line(f"{how_many(report.cut, 'title')} cut at a word; the whole of each is in the text.")
    if report.warned:
        out.line(f"{how_many(len(report.warned), 'line')} may tell who people are or how to reach them: look at those.")
    if report.bad:
        out.line(f"{how_many(len(report.bad), 'bad line')}: correct them and run the same again.")
    if report.stopped is not None:
        out.error(f"{report.stopped.title}: {report.stopped.detail}", report.stopped.hint, report.stopped.as_json())
        return exits.REFUSED
    return exits.PARTLY if report.bad else exits.OK


IMPORT = Recipe(
    _options,
    _run,
    "hartig import messages.csv --map title=message --set kind=need --set category=help --language en --dry-run",
    "the same without --dry-run; bad lines can be corrected and the file imported again.",
    "Columns with usual names (title, description, quantity, titulo, besoin, 数量 ...) are found by themselves;\n"
    "title_es or text.fr is a title or a text in that language. FIELD is a field of a post: kind, category, title,\n"
    "text, quantity, unit, urgency, days, repeats (tuesday,friday 18:00) ...\n"
    "Units and categories: `hartig help units`, `hartig help categories`.",
)
