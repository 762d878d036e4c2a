"""Small checks that every kind's rules are written with. Each names the field in its error.

Every record that comes passes dozens of these, so what only an error needs (its words) is made only for an error.
"""

import re
from typing import Any, NoReturn

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import LANGUAGE_BYTES_MAX, LANGUAGES_MAX

# The well-formed part of BCP 47 that we use. Meaning is not checked: there is no registry on the wire.
LANGUAGE_FORM = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")


def need(condition: bool, field: str, problem: str) -> None:  # noqa: FBT001
    """Raise `RecordError` with code `bad_field` unless the condition holds."""
    if not condition:
        refuse(field, problem)


def refuse(field: str, problem: str) -> NoReturn:
    """Raise `RecordError` with code `bad_field`; for checks whose words cost more than the check."""
    raise RecordError("bad_field", f"{field}: {problem}")


def integer(field: str, value: Any, lowest: int, highest: int) -> None:
    """Check for an integer within bounds; booleans are not integers here."""
    if type(value) is not int or not lowest <= value <= highest:
        refuse(field, f"must be an integer from {lowest} to {highest}")


def bytes_of(field: str, value: Any, length: int) -> None:
    """Check for a byte string of exactly `length` bytes."""
    if type(value) is not bytes or len(value) != length:
        refuse(field, f"must be {length} bytes")


def text(field: str, value: Any, bytes_max: int, bytes_min: int = 1) -> None:
    """Check for text whose UTF-8 form has a bounded length.

    Lone surrogates cannot occur: msgpack text is decoded as strict UTF-8.
    """
    if type(value) is not str or not bytes_min <= len(value.encode()) <= bytes_max:
        refuse(field, f"must be text of {bytes_min} to {bytes_max} bytes")


def one_of(field: str, value: Any, allowed: frozenset[str]) -> None:
    """Check for one of a closed list of codes."""
    if type(value) is not str or value not in allowed:
        refuse(field, f"must be one of {', '.join(sorted(allowed))}")


def language(field: str, value: Any) -> None:
    """Check for a language tag such as `ht` or `zh-Hant`."""
    if type(value) is not str or len(value) > LANGUAGE_BYTES_MAX or LANGUAGE_FORM.fullmatch(value) is None:
        refuse(field, f"{value!r:.30} is no language tag such as es or zh-Hant")


def texts(field: str, value: Any, bytes_max: int, *, at_least: int) -> None:
    """Check for a map from language tags to text."""
    if type(value) is not dict or not at_least <= len(value) <= LANGUAGES_MAX:
        refuse(field, f"must map {at_least} to {LANGUAGES_MAX} languages to text")
    for tag, item in value.items():
        name = f"{field}.{tag!s:.16}"
        language(name, tag)
        text(name, item, bytes_max)


def listed(field: str, value: Any, items_max: int) -> None:
    """Check for a list of bounded length."""
    if type(value) is not list or len(value) > items_max:
        refuse(field, f"must be a list of at most {items_max}")
