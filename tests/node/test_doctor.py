"""From facts about a node to problems in people's words."""

from typing import Any

import pytest

from hartig_node.doctor import judge

WELL: dict[str, Any] = {
    "clock_trusted": True, "stuck": None, "store_problems": (), "state": "member", "peers_open": 1, "hubs_known": 2
}  # fmt: skip


def test_a_hub_that_is_well_has_no_problems() -> None:
    assert judge(**WELL) == []
    assert judge(**{**WELL, "peers_open": 0, "hubs_known": 0}) == [], "the first hub of a network misses nobody"


@pytest.mark.parametrize("state", ["removed", "over"])
def test_a_hub_that_belonged_once_is_not_told_to_found_a_network(state: str) -> None:
    assert judge(**{**WELL, "state": state, "peers_open": 0}) == []


@pytest.mark.parametrize(
    ("facts", "code", "blocks"),
    [
        ({"clock_trusted": False}, "clock", False),
        ({"stuck": "the disk is full"}, "disk_full", True),
        ({"store_problems": ["a page cannot be read"]}, "store", False),
        ({"state": "joining", "peers_open": 0}, "joining", False),
        ({"state": "no_network", "peers_open": 0}, "no_network", True),
        ({"peers_open": 0}, "alone", False),
    ],
)
def test_each_problem_says_what_to_do(facts: dict[str, Any], code: str, blocks: bool) -> None:
    (problem,) = judge(**{**WELL, **facts})
    assert (problem.code, problem.blocks) == (code, blocks)
    assert problem.what
    assert problem.hint


@pytest.mark.parametrize(
    ("hubs", "says"),
    [
        (1, "the one other hub of this network cannot be reached now"),
        (2, "none of the 2 other hubs of this network can be reached now"),
    ],
)
def test_a_hub_alone_counts_the_others_in_words(hubs: int, says: str) -> None:
    (problem,) = judge(**{**WELL, "peers_open": 0, "hubs_known": hubs})
    assert problem.what == says
