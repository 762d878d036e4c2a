"""`hartig help categories | units | attributes`: the codes that posts use, with what they mean.

The lists are those that ship with this version; they are there without a node.
"""

from hartig_node.cli.width import isolate
from hartig_node.cli.words import language
from hartig_protocol.records import attributes, categories, units

_HEADS = {
    "categories": "Categories (C: stays on this hub, nobody else sees it). Extend one by a word: food.x-tamales",
    "units": "Units, for --unit",
    "attributes": "Attributes, for --requires, --avoids, --satisfies, --contains and --unknown",
}


def lines(topic: str) -> list[str]:
    """Return the head and every code with its label in the language of this terminal."""
    wanted = language()
    if topic == "categories":
        rows = [
            f"  {code:<24}{'C' if categories.is_sensitive(code) else ' '}  {isolate(categories.label(code, wanted))}"
            for code in categories.all_codes()
        ]
    else:
        module = units if topic == "units" else attributes
        rows = [f"  {code:<24}{isolate(module.label(code, wanted))}" for code in module.all_codes()]
    return [_HEADS[topic], *rows]
