"""Changing what is shared with partner networks: propose, accept, change, leave; tried, shown and asked before.

In: options. Out: our side of an agreement, by the hub's key or by one that it does not have (`signing`). Called by
`partnering`.
"""

import argparse
import base64
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.drafting import moment as moment_of
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.partnerwords import ALWAYS, COPIED, KINDS, post_line, terms_words
from hartig_node.cli.session import Session
from hartig_node.cli.signing import Signer, read_key
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError
from hartig_protocol.encoding import decode
from hartig_protocol.errors import EncodingError
from hartig_protocol.limits import DAY_MS

Json = dict[str, Any]
CODE_START = "hartig-partner:"
CODE_BYTES_MAX = 16 * 1024
CHECK_BYTES = 4  # at the end of a code


def named(options: argparse.Namespace) -> str:
    """Return what an action is about; raises `UsageError` where that was not said."""
    if not options.who:
        raise UsageError(f"`hartig partner {options.action}` needs a name", "`hartig partner` lists the networks")
    return str(options.who)


def propose(session: Session, options: argparse.Namespace) -> int:
    """Ask another network, by its code, to be our partner."""
    code = _read_code(named(options))
    if not options.share:
        raise UsageError("what do we share?", "--share offers, or --share offers,notes")
    wishes = _wishes(session, options)

    def act(**more: Any) -> Json:
        return session.node.partners.propose(code, **wishes, **more)

    done = _change(session, options, act, "Propose this", _network_of(code), wishes)
    session.out.line("Our side stands. Nothing crosses before the organisers of the other network agree, too.")
    return _ended(session, done)


def accept(session: Session, options: argparse.Namespace) -> int:
    """Say yes to a network that asks."""
    network, wishes = session.node.partners.full_id(named(options)), _wishes(session, options)

    def act(**more: Any) -> Json:
        return session.node.partners.accept(network, **wishes, **more)

    done = _change(session, options, act, "Agree to this", network, wishes)
    session.out.line("Agreed. What both share crosses as soon as their hubs and ours meet.")
    return _ended(session, done)


def alter(session: Session, options: argparse.Namespace) -> int:
    """Share something else, or for longer."""
    network, wishes = session.node.partners.full_id(named(options)), _wishes(session, options)
    if not any(one is not None for one in wishes.values()):
        raise UsageError("nothing to change was said", "for example: hartig partner change Ost --area u33d,u33e")

    def act(**more: Any) -> Json:
        return session.node.partners.change(network, **wishes, **more)

    done = _change(session, options, act, "Change it so", network, wishes)
    session.out.line("Changed. Hubs follow as soon as they hear.")
    return _ended(session, done)


def leave(session: Session, options: argparse.Namespace) -> int:
    """End our side."""
    network = session.node.partners.full_id(named(options))

    def act(**more: Any) -> Json:
        return session.node.partners.leave(network, **more)

    session.out.note("What of theirs is here goes at once, at all our hubs.")
    session.out.note("What they have of ours they are asked to let go; whatever somebody copied there may stay.")
    done = _change(session, options, act, "Leave", network, {})
    session.out.line("Left. Nothing crosses any more.")
    return _ended(session, done)


def _ended(session: Session, done: Json) -> int:
    session.out.json(done)
    return exits.OK


def _change(
    session: Session, options: argparse.Namespace, act: Callable[..., Json], question: str, network: str, wishes: Json
) -> Json:
    """Try a change, say what it would do, ask, and do it: by the hub's key, or by one that it does not have.

    What is signed is about the network that was named, and shares nothing beyond what was wished for, whatever a hub
    says.
    """
    signer = Signer(session, read_key(options)) if options.key else None
    tried = act(preview=True, signer=None if signer is None else signer.person["key"])
    if tried["id"] != network or not _is_within(tried["terms"], wishes):
        raise ClientError("the hub answers for other terms, or another network, than you named", "ask its people why")
    _say_difference(session, tried)
    _ask(session, options, question)
    if signer is None or tried["place"] is None:  # the hub has this key itself
        return act()
    head, signature, _ = signer.agree(tried).wire
    return act(record={"head": head.hex(), "signature": signature.hex()})


def _is_within(terms: Json | None, wishes: Json) -> bool:
    """Tell whether terms share no more than was wished for; what was not said is shown and asked."""
    if terms is None:
        return not wishes
    for name in ("kinds", "categories", "areas"):
        wished = wishes.get(name)
        narrower = set(terms[name]) <= {one.lower() for one in wished or ()} and bool(terms[name]) == bool(wished)
        if wished is not None and not narrower:
            return False
    return wishes.get("retention_days") in (None, terms["retention_days"])


def _say_difference(session: Session, tried: Json) -> None:
    note = session.out.note
    if tried["terms"] is not None:
        note(f"With the network {tried['id']}")
        note(f"we share {terms_words(tried['terms'])}.")
        note(
            f"That is {how_many(tried['shared_count'], 'post')} of ours now, with what was asked and promised of them."
        )
    for name, words in (("gained", "would cross that {} not now"), ("lost", "would go there, as far as they let go")):
        count = tried[f"{name}_count"]
        if count:
            note(f"  {how_many(count, 'post')} {words.format('does' if count == 1 else 'do')}:")
            for post in tried[name]:
                note(f"  {post_line(post)}")
            if count > len(tried[name]):
                note(f"    and {count - len(tried[name]):,} more")
    note(ALWAYS)
    note(COPIED)


def _ask(session: Session, options: argparse.Namespace, question: str) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", "say --yes to do it without a question")
    session.out.flush()
    if input(f"{question}? Type yes: ").strip().lower() != "yes":
        raise ClientError("nothing was done", "")


def _wishes(session: Session, options: argparse.Namespace) -> Json:
    kinds = None
    if options.share is not None:
        kinds = [KINDS.get(one, one) for one in _listed(options.share)]
        if unknown := [one for one in kinds if one not in KINDS.values()]:
            raise UsageError(f"{unknown[0]!r:.40} cannot be shared", f"--share takes {', '.join(KINDS)}")
    return {
        "kinds": kinds,
        "categories": _codes(options.categories),
        "areas": _codes(options.area),
        "retention_days": options.retention,
        "days": _days(session, options),
    }


def _codes(text: str | None) -> list[str] | None:
    return None if text is None else [] if text == "all" else _listed(text)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _days(session: Session, options: argparse.Namespace) -> float | None:
    if options.until is None:
        return None if options.days is None else float(options.days)
    end = datetime.fromisoformat(str(moment_of(options.until, is_end=True)))
    now = datetime.fromisoformat(str(session.node.clock()["now"]))
    return (end - now).total_seconds() * 1000 / DAY_MS


def _read_code(text: str) -> str:
    """Return a code that was written out, or that a file holds."""
    if text.startswith(CODE_START):
        return text
    path = Path(text)
    try:
        with path.open("rb") as file:
            content = file.read(CODE_BYTES_MAX + 1)
    except OSError as error:
        hint = f"a code begins with '{CODE_START}'; `hartig partner code` on a hub of the other network prints it"
        raise UsageError(f"{text[:60]!r} is no code, and no file that can be read: {error.strerror}", hint) from error
    if len(content) > CODE_BYTES_MAX:
        raise UsageError(f"{path} is too long for a code", "save nothing but the code in it")
    return content.decode("utf-8", "replace").strip()


def _network_of(code: str) -> str:
    """Return the id of the network that a code is about, read here; raises `UsageError`."""
    encoded = "".join(code.split()).removeprefix(CODE_START)
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        fields = decode(data[:-CHECK_BYTES], CODE_BYTES_MAX)
        return bytes(fields[1]).hex()
    except (ValueError, TypeError, IndexError, EncodingError) as error:
        raise UsageError("this is no whole code of a network", "copy all of it, as its people have sent it") from error
