"""What a broken rule tells people: what would be allowed, in their words."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hartig_protocol.exchange import rules
from hartig_protocol.exchange.rules import Broken, Rule
from hartig_protocol.limits import ACCOUNTS_MAX

MAKERS: list[Callable[[int], Broken]] = [
    made for name, made in inspect.getmembers(rules, inspect.isfunction) if name.islower()
]
ALL = [value for value in vars(rules).values() if isinstance(value, Broken)] + [make(7) for make in MAKERS]
# Design, section 7: words that stay in code, API and SPEC.
INNER = re.compile(
    r"charter|grant|pact|\blots?\b|\bsteps?\b|mark|steward|thread|\bseq|epoch|fork|sketch|tombstone|gateway|chain|claim"
)


def test_the_codes_and_bounds_of_the_spec_are_those_of_the_code() -> None:
    spec = (Path(__file__).resolve().parents[3] / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    section = spec[spec.index("**D3** ") : spec.index("**D8** ")]
    assert {rule for rule in Rule if f"`{rule}`" not in section} == set()
    assert section.count(f"{ACCOUNTS_MAX:,} accounts") == 2


def test_every_rule_can_be_said() -> None:
    assert {broken.rule for broken in ALL} == set(Rule)


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.allowed[:30])
def test_what_is_allowed_is_a_sentence_without_inner_words(broken: Broken) -> None:
    assert not INNER.search(broken.allowed.lower())
    assert re.fullmatch(r"[a-z0-9 ,;:']+", broken.allowed)


@pytest.mark.parametrize("broken", [made for made in ALL if made.most is not None], ids=lambda made: made.rule)
def test_the_number_in_the_sentence_is_given_apart(broken: Broken) -> None:
    assert str(broken.most) in broken.allowed


@pytest.mark.parametrize(
    ("made", "one", "several"),
    [
        (rules.still_promised, "first: 1 promise is open", "first: 2 promises are open"),
        (rules.still_asked, "first: 1 is open", "first: 2 are open"),
    ],
)
def test_one_is_said_as_one(made: Callable[[int], Broken], one: str, several: str) -> None:
    assert made(1).allowed.endswith(one)
    assert made(2).allowed.endswith(several)
