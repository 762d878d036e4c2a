"""The pages' languages: which there are, which one a neighbour reads, and the sentences in it.

English stands in templates and code; every other language is a `.po` file here, with its compiled `.mo` beside it
(`python -m hartig_node.site.languages.update` makes both follow the code). Who calls: `rendering.py` for each request.
"""

import gettext
from functools import cache
from importlib.resources import files

SOURCE_LANGUAGE = "en"
# In the order in which they are offered, each by its own name.
LANGUAGES = {"en": "English", "es": "Español"}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ps", "ur", "yi"})
ACCEPTED_MAX = 16  # languages that are looked at in one Accept-Language header


def direction(language: str) -> str:
    """Return `rtl` or `ltr`."""
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the sentences of a language of `LANGUAGES`."""
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    with files(__package__).joinpath(f"{language}.mo").open("rb") as compiled:
        return gettext.GNUTranslations(compiled)


def choose(asked: str | None, kept: str | None, accepted: str, default: str) -> str:
    """Return the language to show.

    Args:
        asked: from the address (`?lang=`), which wins.
        kept: from the cookie of an earlier choice.
        accepted: the Accept-Language header (RFC 9110, section 12.5.4).
        default: the hub's first language.
    """
    for one in (asked, kept, *_accepted(accepted), _primary(default)):
        if one in LANGUAGES:
            return one
    return SOURCE_LANGUAGE


def _accepted(header: str) -> list[str]:
    """Return primary language tags by falling weight; what cannot be read is left out."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(",")[:ACCEPTED_MAX]:
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        weight = _weight(value) if name.strip() == "q" else 1.0
        if weight > 0:
            weighted.append((-weight, _primary(tag)))
    return [tag for _weight, tag in sorted(weighted, key=lambda pair: pair[0])]


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _primary(tag: str) -> str:
    return tag.strip().lower().partition("-")[0]
