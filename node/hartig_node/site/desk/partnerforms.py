"""What is typed of agreements with partner networks, and what stops them, in people's words.

In: forms. Out: what the board takes as wishes, sentences for what is not right, and the digest by which the button of a
page is known to be about what the page has shown. Who calls: `partners.py`.
"""

from dataclasses import replace
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.partners import Change
from hartig_node.board.partners.terms import Terms
from hartig_node.site.desk.troubles import TypedError
from hartig_node.site.forms import Typed
from hartig_node.site.words import N_
from hartig_protocol.records.keys import sha256_of
from hartig_protocol.values import value

DoneWords = dict[str, str]
CATEGORY = "category-"
DAYS = ("90", "180", "365", "400")
KEPT = {
    "audience": N_("It is not meant for partner networks."),
    "need": N_("A need is asked of one partner network alone."),
    "kind": N_("What is of this kind is not shared."),
    "category": N_("Its category is not shared."),
    "area": N_("Its area is not shared."),
}
_POINTED = {
    "/code": N_("This is no whole code of another network. Copy all of it, as its people have sent it."),
    "/kinds": N_("Choose what is to be shared."),
    "/categories": N_("One of these categories is not known here, or never leaves its hub."),
    "/areas": N_("Write areas as the beginnings of geohashes, with commas between them, such as u33d, u33e."),
    "/retention_days": N_("Write a number of days, from 1 to 400."),
    "/days": N_("An agreement gets no less time than it has. To end it sooner, leave it, and ask again."),
}
_TOO_MANY = N_("There are agreements with as many networks as fit. Leave one that is not needed any more.")
_GOES_BEFORE = N_(
    "Somebody else has said something about this network that goes before. Ask an organiser, or a trustee."
)


@value
class FormDefaults:
    """With what the form of terms begins."""

    kinds: tuple[str, ...] = ("offer",)
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    retention_days: int = 90
    is_new: bool = True

    @classmethod
    def of(cls, terms: Terms) -> "FormDefaults":
        """Begin with terms that stand, or that are asked for."""
        made = cls(terms.kinds, terms.categories, terms.areas, terms.retention_days)
        return replace(made, is_new=False)


def read_terms(typed: Typed) -> tuple[dict[str, Any], float | None]:
    """Return what a form wishes for, and for how many days; raises `TypedError`."""
    days, keep = typed["days"], typed["retention"].strip()
    if days and days not in DAYS:
        raise TypedError(_POINTED["/days"])
    if not (keep.isascii() and keep.isdecimal() and len(keep) <= 3):
        raise TypedError(_POINTED["/retention_days"])
    codes = [name.removeprefix(CATEGORY) for name in typed.values if name.startswith(CATEGORY)]
    wishes = {
        "kinds": [kind for kind in ("offer", "note") if typed[f"share-{kind}"]],
        "categories": codes,
        "areas": [one.strip() for one in typed["areas"].replace(";", ",").split(",") if one.strip()],
        "retention_days": int(keep),
    }
    return wishes, float(days) if days else None


def said_of(error: BoardError | TypedError) -> BoardError | TypedError:
    """Return what stops an agreement in words of its own, where there are some."""
    if isinstance(error, BoardError):
        for pointer, sentence in _POINTED.items():
            if error.code == "bad_request" and error.pointer.startswith(pointer):
                return TypedError(sentence)
        if error.code in ("too_many", "refused"):
            return TypedError(_TOO_MANY if error.code == "too_many" else _GOES_BEFORE)
    return error


def digest_of(tried: Change) -> str:
    """Return what tells whether a change is still the one that a page has shown."""
    different = tried.difference
    posts = b"".join(one.id for one in (*different.gained, *different.lost))
    terms = repr((tried.network, tried.terms, tried.until_ms // 86_400_000)).encode()
    return sha256_of(terms, posts).hex()
