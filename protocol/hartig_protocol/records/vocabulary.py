"""The one reader of the word lists in `data/`: categories, attributes, units.

In comes the name of a list; out go its entries by code, read once and never written. Who calls:
`categories`, `attributes` and `units`, nobody else. The lists ship inside the package and are read through
`importlib.resources`, so they are found in a wheel, a zip file and a checkout alike, without a path.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from hartig_protocol.values import value

LANGUAGES = ("ar", "en", "es", "fr", "ht", "zh")
LANGUAGE_FALLBACK = "en"


@value
class Entry:
    """One code of a list: its labels by language, and whatever else the list says about it."""

    code: str
    labels: Mapping[str, str]
    facts: Mapping[str, Any]

    def label(self, language: str) -> str:
        """The label in `language`; `zh-Hant` falls back to `zh`, a language that we lack to English."""
        primary = language.partition("-")[0].lower()
        return self.labels.get(primary, self.labels[LANGUAGE_FALLBACK])


@cache
def entries(list_name: str) -> Mapping[str, Entry]:
    """Every entry of `data/<list_name>.json` by code, in the file's order."""
    text = files("hartig_protocol.records").joinpath("data", f"{list_name}.json").read_text(encoding="utf-8")
    found = {item["code"]: _entry(item) for item in json.loads(text)[list_name]}
    return MappingProxyType(found)


def words(code_part: str) -> str:
    """What a person can read of a code that has no label: `x-corn-tamales` becomes `corn tamales`."""
    return code_part.removeprefix("x-").replace(".x-", " ").replace("-", " ").replace(".", " ")


def _entry(item: dict[str, Any]) -> Entry:
    facts = {key: value for key, value in item.items() if key not in {"code", "labels"}}
    return Entry(item["code"], MappingProxyType(item["labels"]), MappingProxyType(facts))
