"""What becomes of one record: accepted, known already, waiting for something, or refused (SPEC, part W)."""

from enum import Enum, auto

from hartig_protocol.values import value


class Outcome(Enum):
    """The four ends of judging."""

    ACCEPTED = auto()
    KNOWN = auto()
    WAITS = auto()
    REFUSED = auto()


@value
class Verdict:
    """An outcome with its reason. `waits_for` names what would complete it: ("proof", key), ("record", id) ..."""

    outcome: Outcome
    code: str = ""
    reason: str = ""
    waits_for: tuple[str, bytes] | None = None


ACCEPTED = Verdict(Outcome.ACCEPTED)
KNOWN = Verdict(Outcome.KNOWN)
BODY_BACK = Verdict(Outcome.KNOWN, "body_back", "its body had gone too early, and is here again")


def refused(code: str, reason: str) -> Verdict:
    """Void, expired or superseded: it passes, and holds nothing up."""
    return Verdict(Outcome.REFUSED, code, reason)


def waits(what: str, key: bytes, reason: str) -> Verdict:
    """It may yet be completed."""
    return Verdict(Outcome.WAITS, f"waits_{what}", reason, (what, key))
