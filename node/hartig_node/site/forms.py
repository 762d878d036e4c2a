"""From what a browser sends to a draft for the board, or to one sentence for each field that is not right.

In: the bytes of a form (bounded before they are parsed). Out: `Typed`, what somebody typed, kept as it was for the page
that shows it again; then a draft and no problems, or problems by field. Who calls: `posting.py`, `mine.py`, and the
desk, whose forms say more (`desk/takingforms.py`).
"""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_node.site.choices import MODES_OFFERED, SHELF_LEVELS, STAYS
from hartig_node.site.words import N_, TEXT_LANGUAGES, URGENCIES
from hartig_protocol.limits import CONTACT_TEXT_BYTES, TEXT_BYTES_MAX, TITLE_BYTES_MAX
from hartig_protocol.records import categories, units
from hartig_protocol.values import value

# 8 KiB of text is at most 24 KiB in a form's percent notation; a text twice too long still gets a friendly answer.
FORM_BYTES_MAX = 64 * 1024
FIELDS_MAX = 512  # a box for each whom a hub has let in; the longest other form has 27
TITLE_CHARACTERS_MAX = 120  # what fits TITLE_BYTES_MAX in the widest script
SEARCH_CHARACTERS_MAX = 200  # more than the search looks at
WORD_CHARACTERS_MAX = 100  # three words and a number, with room for odd spelling
POST_FIELDS = (
    "title", "category", "text", "quantity", "unit", "urgency", "level", "contact", "mode", "days", "language",
    "ticket",
)  # fmt: skip
UNIT_DEFAULT = "H87"
_NUMBER = re.compile(r"\d{1,9}([.,٫]\d{1,3})?")
_SEPARATED_THOUSANDS = re.compile(r"[1-9]\d{0,2}([.,٫]\d{3})+")

NEEDS_TITLE = N_("Say in a few words what it is.")
LONG_TITLE = N_("This is too long for a heading. Write the rest below.")
NEEDS_CATEGORY = N_("Choose what it belongs to. If nothing fits, take “Something else”.")
LONG_TEXT = N_("This is too long. Please make it shorter.")
LONG_CONTACT = N_("This is too long. A name and a number are enough.")
BAD_QUANTITY = N_("Write only a number here, such as 5 or 2.5, or leave it empty.")
THOUSANDS = N_("Write the number without a point or comma between the thousands, such as 1500.")
WHOLE_QUANTITY = N_("This amount does not go with that unit. Write a whole number, or choose another unit.")
LEVEL_AND_QUANTITY = N_("An open shelf has no number. Leave the number empty, or choose that it is not a shelf.")
BAD_CHOICE = N_("Please choose one from the list.")


@value
class Typed:
    """What somebody typed into a form, by field; a field that is not there is empty."""

    values: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


@value
class CheckedForm:
    """A draft for the board, and a sentence (before translation) for each field that is not right."""

    draft: dict[str, Any]
    problems: dict[str, str]


def read_form(content: bytes) -> Typed:
    """Parse a form of type application/x-www-form-urlencoded; of fields sent twice the first counts."""
    try:
        pairs = parse_qsl(content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:  # also UnicodeDecodeError: bytes that are no text in any language
        raise BoardError("bad_request", "the form cannot be read: it must be UTF-8 in percent notation") from error
    return Typed(dict(reversed(pairs)))


def clean_line(text: str, characters_max: int) -> str:
    """Return one line of text without control characters, cut to a length."""
    return " ".join(clean_text(text).split())[:characters_max]


def check_post(kind: str, typed: Typed) -> CheckedForm:
    """Check the form of a need or an offer."""
    problems: dict[str, str] = {}
    language = typed["language"]
    if language not in TEXT_LANGUAGES:
        problems["language"] = BAD_CHOICE
    draft: dict[str, Any] = {"kind": kind, "category": _category(typed, problems)}
    draft["title"] = {language: _title(typed, problems)}
    text = _text(typed, problems)
    if text:
        draft["text"] = {language: text}
    contact = _contact(typed, problems)
    if contact:
        draft["contact"] = contact
    draft.update(_amount(kind, typed, problems))
    draft.update(_chosen(kind, typed, problems))
    return CheckedForm(draft, problems)


def _category(typed: Typed, problems: dict[str, str]) -> str:
    code = typed["category"]
    if not categories.is_valid(code):
        problems["category"] = NEEDS_CATEGORY
    return code


def _title(typed: Typed, problems: dict[str, str]) -> str:
    title = " ".join(clean_text(typed["title"]).split())
    if not title:
        problems["title"] = NEEDS_TITLE
    elif len(title) > TITLE_CHARACTERS_MAX or len(title.encode()) > TITLE_BYTES_MAX:
        problems["title"] = LONG_TITLE
    return title


def _text(typed: Typed, problems: dict[str, str]) -> str:
    text = clean_text(typed["text"])
    if len(text.encode()) > TEXT_BYTES_MAX:
        problems["text"] = LONG_TEXT
    return text


def _contact(typed: Typed, problems: dict[str, str]) -> str:
    contact = " ".join(clean_text(typed["contact"]).split())
    if len(contact.encode()) > CONTACT_TEXT_BYTES:
        problems["contact"] = LONG_CONTACT
    return contact


def _amount(kind: str, typed: Typed, problems: dict[str, str]) -> dict[str, Any]:
    level = typed["level"] if kind == "offer" else ""
    quantity = typed["quantity"].strip()
    if level and level not in SHELF_LEVELS:
        problems["level"] = BAD_CHOICE
    if level and quantity:
        problems["quantity"] = LEVEL_AND_QUANTITY
    if level:
        return {"level": level}
    return _counted(quantity, typed["unit"] or UNIT_DEFAULT, problems) if quantity else {}


def _counted(quantity: str, unit: str, problems: dict[str, str]) -> dict[str, Any]:
    if not units.is_valid(unit):
        problems["unit"] = BAD_CHOICE
    number, problem = read_quantity(quantity)
    if problem:
        problems["quantity"] = problem
        return {}
    return {"quantity": number, "unit": unit}


def read_quantity(text: str) -> tuple[str, str]:
    """Return the number that somebody typed as decimal text, or nothing and a sentence that says what is wrong."""
    if _SEPARATED_THOUSANDS.fullmatch(text):
        # "1.500" is a thousand and a half in one language and one and a half in the next: ask, do not guess.
        return "", THOUSANDS
    if _NUMBER.fullmatch(text) is None or not Decimal(_with_point(text)):
        return "", BAD_QUANTITY
    return str(Decimal(_with_point(text))), ""


def _with_point(quantity: str) -> str:
    return quantity.replace(",", ".").replace("٫", ".")


def _chosen(kind: str, typed: Typed, problems: dict[str, str]) -> dict[str, Any]:
    draft: dict[str, Any] = {}
    if kind == "need" and typed["urgency"]:
        draft["urgency"] = _one_of("urgency", typed, tuple(URGENCIES), problems)
    if typed["mode"]:
        draft["mode"] = _one_of("mode", typed, MODES_OFFERED, problems)
    days = _one_of("days", typed, tuple(STAYS), problems)
    if days and "days" not in problems:
        draft["days"] = float(days)
    return draft


def _one_of(name: str, typed: Typed, allowed: tuple[str, ...], problems: dict[str, str]) -> str:
    if typed[name] not in allowed:
        problems[name] = BAD_CHOICE
    return typed[name]


def problem_at(error: BoardError) -> dict[str, str]:
    """Return what the board found wrong in a draft, by field of the form; empty where it names no field of it."""
    field = error.pointer.removeprefix("/").partition("/")[0]
    if field not in POST_FIELDS:
        return {}
    return {field: WHOLE_QUANTITY if field == "quantity" else BAD_CHOICE}
