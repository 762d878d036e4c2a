"""`hartig token add | list | revoke`: tokens for programs that use the hub."""

import argparse
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.words import moment

API_PORT = 4278  # where a node that has not changed it answers programs
SCOPES = ("read", "write", "admin")
_COLUMNS = (Column("id"), Column("may"), Column("since"), Column("until"), Column("name"))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("add", "list", "revoke"), help="what to do")
    parser.add_argument("subject", nargs="?", metavar="NAME|ID", help="add: what it is for; revoke: its id")
    parser.add_argument("--scope", action="append", choices=SCOPES, help="add: what it may do (default read)")
    parser.add_argument("--days", type=float, metavar="DAYS", help="add: how long it is good (else until revoked)")


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.action == "list":
        return _list(session)
    if not options.subject:
        what = "a name" if options.action == "add" else "an id"
        raise UsageError(f"`hartig token {options.action}` needs {what}", "for example: hartig token add board-sign")
    return _add(session, options) if options.action == "add" else _revoke(session, options.subject)


def _add(session: Session, options: argparse.Namespace) -> int:
    made = session.node.add_token(options.subject, options.scope or ["read"], days=options.days)
    out = session.out
    out.json(made)
    out.line(str(made.get("token")))
    if not out.is_json:
        out.note("This is shown once: keep it where only its program can read it. Use it so:")
        url = session.place.url or f"http://127.0.0.1:{_api_port(session)}"
        out.note(f"  curl -H 'Authorization: Bearer {made.get('token')}' {url}/api/v1/posts")
    return exits.OK


def _api_port(session: Session) -> int:
    ports = session.node.status().get("ports") or {}
    return int(ports.get("api") or API_PORT)


def _list(session: Session) -> int:
    tokens = session.node.tokens()
    session.out.json(tokens)
    if not session.out.is_json:
        if tokens:
            session.out.lines(table_lines(_COLUMNS, [_row(token) for token in tokens], session.out.columns))
        else:
            session.out.note("There are no tokens: `hartig token add NAME` makes one.")
    return exits.OK


def _row(token: dict[str, Any]) -> list[str]:
    until = token.get("expires_at")
    return [
        str(token.get("id", "")),
        ", ".join(str(scope) for scope in token.get("scopes", [])),
        moment(token.get("created_at")),
        moment(until) if until else "it is revoked",
        str(token.get("name", "")),
    ]


def _revoke(session: Session, token_id: str) -> int:
    session.node.revoke_token(token_id)
    session.out.json({"id": token_id, "revoked": True})
    session.out.line(f"{token_id} is worthless now.")
    return exits.OK


TOKEN = Recipe(
    _options,
    _run,
    "hartig token add board-sign --scope read --days 90",
    "`hartig token list` shows who may do what; `hartig token revoke ID` ends it.",
    "read: see posts and status. write: post and change, too. admin: invites and tokens, too.",
)
