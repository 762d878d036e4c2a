"""The lists that clients build their forms from: categories, attributes and units, with labels in one language.

In: nothing but the shipped lists. Out: endpoints. Who calls: `app`.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from hartig_node.api.answers import answer
from hartig_node.api.endpoints import PREFIX, READ, Endpoint
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import LANGUAGE_BYTES_MAX
from hartig_protocol.records import attributes, categories, units
from hartig_protocol.records.vocabulary import LANGUAGE_FALLBACK, LANGUAGES


def code_endpoints() -> list[Endpoint]:
    """Return the routes of the three lists."""
    lists = {"categories": _category, "attributes": _attribute, "units": _unit}
    return [
        Endpoint("GET", f"{PREFIX}/{name}", _lister(name, describe), READ, ("language",))
        for name, describe in lists.items()
    ]


def _lister(name: str, describe: Callable[[str, str], dict[str, Any]]) -> Any:
    modules = {"categories": categories, "attributes": attributes, "units": units}

    async def list_codes(request: web.Request) -> web.Response:
        language = _language(request)
        items = [describe(code, language) for code in modules[name].all_codes()]
        return answer(request, {"language": language, "languages": LANGUAGES, "items": items, "next": None})

    return list_codes


def _language(request: web.Request) -> str:
    """Return the language that labels come in: what was asked for, its base language, or English."""
    asked = request.query.get("language", LANGUAGE_FALLBACK)
    if not 2 <= len(asked) <= LANGUAGE_BYTES_MAX or not asked.replace("-", "").isalnum() or not asked.isascii():
        raise BoardError(
            "bad_request", f"{asked[:20]!r} is no language tag", "send one such as ht or zh-Hant", "/language"
        )
    base = asked.partition("-")[0].lower()
    return base if base in LANGUAGES else LANGUAGE_FALLBACK


def _category(code: str, language: str) -> dict[str, Any]:
    return {
        "code": code,
        "parent": categories.parent(code),
        "label": categories.label(code, language),
        "perishable": categories.is_perishable(code),
        "sensitive": categories.is_sensitive(code),
        "wikidata": categories.wikidata(code),
    }


def _attribute(code: str, language: str) -> dict[str, Any]:
    return {"code": code, "group": attributes.group(code), "label": attributes.label(code, language)}


def _unit(code: str, language: str) -> dict[str, Any]:
    factor = units.factor(code)
    return {
        "code": code,
        "dimension": units.dimension(code),
        "label": units.label(code, language),
        "factor": [factor.numerator, factor.denominator],
    }
