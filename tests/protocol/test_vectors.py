"""Every vector of protocol/vectors runs against the package, and the files are what the generator writes."""

import itertools
import json
from typing import Any

import pytest

from hartig_protocol.records.opening import open_record
from protocol import vectors_generate
from protocol.vector_parts.running import offered, records_of, run, unhexed

VECTORS: list[dict[str, Any]] = [
    vector
    for name in vectors_generate.PARTS.values()
    for vector in json.loads((vectors_generate.VECTORS / f"{name}.json").read_text(encoding="utf-8"))
]

# Sets that one hub holds in the end, but for those where time passes or one record comes in two forms.
IN_ANY_ORDER = [
    vector
    for vector in VECTORS
    if "kept" in vector.get("expect", {}) and "sweep_at" not in vector and vector.get("error") != "body_due"
]


def _name(vector: dict[str, Any]) -> str:
    return f"{vector['rule']}: {vector['name']}"


@pytest.mark.parametrize("part", vectors_generate.PARTS.values())
def test_every_vector_of_a_part_gives_its_verdict(part: str) -> None:
    text = (vectors_generate.VECTORS / f"{part}.json").read_text(encoding="utf-8")
    wrong = []
    for vector in json.loads(text):
        error, seen = run(vector)
        expected = vector.get("expect", {})
        if error != vector.get("error") or any(seen.get(name) != value for name, value in expected.items()):
            wrong.append((_name(vector), error, {name: seen.get(name) for name in expected}))
    assert not wrong, f"{len(wrong)} wrong: {wrong[:8]}"


def test_the_files_are_what_the_generator_writes() -> None:
    for name, text in vectors_generate.files().items():
        held = (vectors_generate.VECTORS / name).read_text(encoding="utf-8")
        assert held == text, f"{name} is out of date: run python tests/protocol/vectors_generate.py"


def test_no_other_file_lies_among_the_vectors() -> None:
    names = {path.name for path in vectors_generate.VECTORS.iterdir()}
    assert names == {*(f"{name}.json" for name in vectors_generate.PARTS.values()), "README.md"}


def test_a_vector_is_valid_or_says_which_error_it_gives() -> None:
    for vector in VECTORS:
        assert vector["valid"] == ("error" not in vector), _name(vector)


def test_no_two_vectors_of_a_rule_have_one_name() -> None:
    names = [_name(vector) for vector in VECTORS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("vector", IN_ANY_ORDER, ids=_name)
def test_what_is_kept_does_not_depend_on_the_order_of_arrival(vector: dict[str, Any]) -> None:
    records = [*records_of(vector), open_record(unhexed(vector["input"]))]
    orders = itertools.islice(itertools.permutations(records), 0, None, 5 if len(records) > 5 else 1)
    for order in itertools.islice(orders, 24):
        assert offered(vector, list(order)).kept == vector["expect"]["kept"]
