"""P1 to P4: what a need cannot say, whose it is, where it is, and where diet and access stand.

P1: no field for name, street, birth date, status or health. P2: its author is a hub. P3: its place is the hub's cell.
P4: diet and access stand in the body, never in the head.
"""

from typing import Any

import pytest

from hartig_node.board.drafts.drafts import DRAFT_FIELDS, read_draft
from hartig_node.board.errors import BoardError
from hartig_node.site import forms
from hartig_node.site.desk import takingforms
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import AREA_CHARACTERS_MAX
from hartig_protocol.records import attributes
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import HEAD_FIELDS, Record
from support.boards import Bench, running_board
from support.records import Network

CODES = {"requires": ["diet.halal", "access.step-free"], "avoids": ["allergen.nuts"]}
FULL: dict[str, Any] = {
    "kind": "need", "category": "food.bread", "title": "Bread", "text": "Fresh", "language": "en", "quantity": 2,
    "unit": "H87", "smallest_part": 1, "mode": "give", "urgency": "high", "area": "u33db", "reach_km": 3, "people": 4,
    "window": {"from": "2026-11-24T10:00:00Z", "to": "2026-11-24T12:00:00Z"}, "best_before": "2026-11-30T00:00:00Z",
    "source": "a list", "audience": "network", "days": 3, "parent": "ab" * 16, "contact": "Ana, blue door", **CODES,
}  # fmt: skip
PERSONAL = (
    "name", "first_name", "surname", "person", "author", "owner", "poster", "street", "address", "house", "city",
    "phone", "mail", "birth_date", "born", "age", "sex", "gender", "nationality", "status", "income", "eligibility",
    "health", "diagnosis", "disability", "religion", "household", "latitude", "longitude", "location", "photo",
)  # fmt: skip


async def posted(bench: Bench, draft: dict[str, Any]) -> Record:
    view = await bench.board.posts.publish(draft)
    stored = await bench.store.post(bytes.fromhex(view.id))
    assert stored is not None
    return open_record(stored.wire)


@pytest.mark.parametrize("field", PERSONAL)
def test_p01_no_draft_and_no_form_has_a_field_for_a_person(field: str) -> None:
    with pytest.raises(BoardError, match="there is no field"):
        read_draft({**FULL, field: "x"})
    assert field not in (*DRAFT_FIELDS, *forms.POST_FIELDS, *takingforms.MORE_FIELDS)


async def test_p01_all_that_a_need_can_say_is_known_by_name() -> None:
    async with running_board() as bench:
        record = await posted(bench, FULL)
    assert set(record.head.facts) <= {
        "quantity", "mode", "urgency", "reach", "people", "window", "best_before", "parent", "dates", "level",
        "level_at", "rule", "closes", "approx", "ends",
    }  # fmt: skip
    assert set(record.body or {}) == {"title", "text", "requires", "avoids", "source"}
    assert set(FULL) - {"kind"} | {"satisfies", "contains", "unknown"} >= set(record.body or {}) - {"repeats"}
    assert HEAD_FIELDS == (
        "version", "network", "kind", "author", "thread", "place", "subject", "fixed", "seq", "prev", "stamp",
        "expires", "audience", "facts", "body_hash",
    )  # fmt: skip


async def test_p02_the_author_of_a_neighbours_need_is_the_hub() -> None:
    async with running_board() as bench:
        view, word = await bench.board.posts.publish_for_neighbour(FULL)
        other, _ = await bench.board.posts.publish_for_neighbour(FULL)
        assert {view.author, other.author} == {bench.key.public.hex()}
        rows = [(key, value) for (_, key), (value, _) in bench.store.disk.private.items()]
        assert not any(word.encode() in part for row in rows for part in row)
        for row in bench.store.disk.rows.values():
            assert word.encode() not in row.head + (row.body or b"")


@pytest.mark.parametrize("area", ["u33dbc", "u33db1x9q2rt", "52.5200,13.4050", "Baker Street"])
def test_p03_a_place_is_never_finer_than_a_cell(area: str) -> None:
    network = Network()
    with pytest.raises(RecordError, match="geohash"):
        network.need(network.hub(1), area=area)
    assert AREA_CHARACTERS_MAX == 5  # 4.9 km


async def test_p03_the_board_refuses_it_too() -> None:
    async with running_board() as bench:
        with pytest.raises(BoardError):
            await bench.board.posts.publish({**FULL, "area": "u33dbc"})
        assert (await posted(bench, FULL)).head.fixed[1] == "u33db"


async def test_p04_diet_and_access_are_in_the_body_and_in_no_head() -> None:
    async with running_board() as bench:
        record = await posted(bench, FULL)
    body = record.body or {}
    assert {name: body[name] for name in CODES} == {name: sorted(codes) for name, codes in CODES.items()}
    for code in attributes.all_codes():
        assert code.encode() not in record.head_bytes
