"""What people can choose from in the forms, with labels in their language.

Comes in: a language. Goes out: options (value, label), in groups where there are many. Made once for each language.
Who calls: `rendering.py`.
"""

from collections.abc import Iterable
from functools import cache

from hartig_node.site.languages import translations
from hartig_node.site.words import LEVELS, MODES, N_, TEXT_LANGUAGES, URGENCIES
from hartig_protocol.records import categories, units
from hartig_protocol.values import value

Option = tuple[str, str]

# In the order of how often neighbours use them; what is not named here follows, by label.
OFTEN_USED_UNITS = ("H87", "PR", "SET", "PTN", "KGM", "LTR", "XBG", "XBX", "XPA", "XCX", "XBO", "IE", "HUR", "E54")
_SAME_AS_PIECE = "C62"
# How long a post stays up, in days; nothing chosen is the usual time for what it is.
STAYS = {
    "": N_("The usual time for such things"),
    "0.5": N_("Half a day"),
    "1": N_("One day"),
    "3": N_("Three days"),
    "7": N_("One week"),
    "14": N_("Two weeks"),
    "30": N_("One month"),
    "90": N_("Three months"),
}
SHELF_LEVELS = ("plenty", "some", "low")  # nobody puts up an empty shelf
MODES_OFFERED = ("give", "lend", "in-place", "do", "ride")


@value
class Group:
    """Options under one heading."""

    label: str
    options: tuple[Option, ...]


@value
class Choices:
    """Everything that can be chosen, in one language."""

    top_categories: tuple[Option, ...]
    categories: tuple[Group, ...]
    units: tuple[Group, ...]
    urgencies: tuple[Option, ...]
    levels: tuple[Option, ...]
    modes: tuple[Option, ...]
    stays: tuple[Option, ...]
    text_languages: tuple[Option, ...]


@cache
def choices(language: str) -> Choices:
    """Return all choices in a language."""
    say = translations(language).gettext
    return Choices(
        top_categories=_by_label((code, categories.label(code, language)) for code in _tops()),
        categories=_category_groups(language),
        units=_unit_groups(language),
        urgencies=tuple((code, say(label)) for code, label in URGENCIES.items()),
        levels=tuple((code, say(LEVELS[code])) for code in SHELF_LEVELS),
        modes=tuple((code, say(MODES[code])) for code in MODES_OFFERED),
        stays=tuple((days, say(label)) for days, label in STAYS.items()),
        text_languages=tuple(TEXT_LANGUAGES.items()),
    )


def _tops() -> list[str]:
    return [code for code in categories.all_codes() if categories.parent(code) is None]


def _by_label(options: Iterable[Option]) -> tuple[Option, ...]:
    """Sort as people look it up; the one for everything else comes last."""
    return tuple(sorted(options, key=lambda option: (option[0] == "other", option[1].casefold())))


def _category_groups(language: str) -> tuple[Group, ...]:
    """Return each category with those under it; categories that stand alone share the last group."""
    say = translations(language).gettext
    under: dict[str, list[str]] = {code: [] for code in _tops()}
    for code in categories.all_codes():
        if categories.parent(code) is not None:
            under[categories.ancestors(code)[-1]].append(code)
    groups = []
    for top, label in _by_label((code, categories.label(code, language)) for code in under if under[code]):
        # Translators: the general choice within a group, such as "Food (any kind)".
        general = (top, say(N_("%(category)s (any kind)")) % {"category": label})
        rest = _by_label((code, categories.label(code, language)) for code in under[top])
        groups.append(Group(label, tuple(_stays_here(one, say(N_("stays here"))) for one in (general, *rest))))
    alone = _by_label((code, categories.label(code, language)) for code in under if not under[code])
    return (*groups, Group(say(N_("More")), alone))


def _stays_here(option: Option, mark: str) -> Option:
    code, label = option
    return (code, f"{label} — {mark}") if categories.is_sensitive(code) else option


def _unit_groups(language: str) -> tuple[Group, ...]:
    say = translations(language).gettext
    rest = (code for code in units.all_codes() if code not in {*OFTEN_USED_UNITS, _SAME_AS_PIECE})
    return (
        Group(say(N_("Often used")), tuple((code, units.label(code, language)) for code in OFTEN_USED_UNITS)),
        Group(say(N_("More")), _by_label((code, units.label(code, language)) for code in rest)),
    )
