"""What the rules of the network do not allow, said with the rule that stops it and with what would be allowed."""

from hartig_node.board.belonging.people import Person
from hartig_node.board.errors import BoardError

WITH_A_KEY = "or sign with the key of one who may: `--key FILE`"
RULES = frozenset(
    {"rank", "equals", "trustees", "inviter", "places", "invites", "removed", "own", "keep", "over", "speakers"}
)


class NotAllowedError(BoardError):
    """What the rules of the network do not allow."""

    @property
    def title(self) -> str:
        """The kind of problem, for people."""
        return "The rules of this network do not allow this"


def not_allowed(rule: str, detail: str, hint: str, pointer: str = "", allowed: str = "") -> NotAllowedError:
    """Return the error for a rule of the network that would be broken."""
    return NotAllowedError("not_allowed", detail, hint, pointer, rule, allowed=allowed)


def only_by_rules(person: Person) -> NotAllowedError:
    """Return the error where somebody is a trustee."""
    hint = "`hartig network draft --remove-trustee KEY` writes new rules, which the trustees sign"
    return not_allowed("trustees", f"{person} is a trustee: trustees change by new rules of the network alone", hint)


def was_removed(pointer: str) -> NotAllowedError:
    """Return the error for a key that was removed."""
    hint = "whoever is to come back makes a new key, and that one is added"
    return not_allowed("removed", "this key was removed from the network, and that is for good", hint, pointer)
