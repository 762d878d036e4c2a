"""SPEC.md is the one place: each rule has vectors, each citation has its rule, and its tables are those of the code."""

import json
import re
from pathlib import Path

import pytest

from hartig_protocol import limits
from hartig_protocol.limits import GRANTS_DEEP_MAX
from hartig_protocol.records import categories, keys
from hartig_protocol.records.record import HEAD_FIELDS, Kind
from hartig_protocol.sync import audit, sketch
from hartig_protocol.sync.framing import TABLE
from protocol.vectors_generate import PARTS, VECTORS

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
RULES = re.findall(r"^\*\*([A-Z]\d+)\*\* ", SPEC, re.MULTILINE)
SECTIONS = re.findall(r"^## ([A-Z])\. ", SPEC, re.MULTILINE)
_RULE = r"[A-Z]\d+"
_CITED_RULES = re.compile(rf"SPEC ({_RULE}(?:(?:, | and | to |[-–]){_RULE})*)")
_CITED_PARTS = re.compile(r"SPEC, parts? ([A-Z](?:(?:, | and )[A-Z])*)\b")
_SOURCES = sorted(
    path
    for folder in ("protocol/hartig_protocol", "node/hartig_node", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)


def _verdicts() -> dict[str, set[bool]]:
    verdicts: dict[str, set[bool]] = {rule: set() for rule in RULES}
    for name in PARTS.values():
        for vector in json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8")):
            verdicts.setdefault(vector["rule"], set()).add(vector["valid"])
    return verdicts


def test_every_rule_has_a_valid_and_an_invalid_vector() -> None:
    lacking = {rule: seen for rule, seen in _verdicts().items() if seen != {True, False}}
    assert not lacking


def test_every_vector_names_a_rule_that_stands_in_the_spec() -> None:
    assert set(_verdicts()) == set(RULES)


def test_rules_are_numbered_without_gaps_in_their_order() -> None:
    counts = {part: sum(rule[0] == part for rule in RULES) for part in SECTIONS}
    expected = [f"{part}{number}" for part in SECTIONS for number in range(1, 1 + counts[part])]
    assert expected == RULES
    assert list(PARTS) == SECTIONS


def test_every_rule_that_code_cites_stands_in_the_spec() -> None:
    unknown = []
    for path in _SOURCES:
        text = " ".join(path.read_text(encoding="utf-8").split())
        cited = [rule for match in _CITED_RULES.findall(text) for rule in re.findall(_RULE, match)]
        parts = [part for match in _CITED_PARTS.findall(text) for part in re.findall("[A-Z]", match)]
        unknown += [(path.name, rule) for rule in cited if rule not in RULES]
        unknown += [(path.name, part) for part in parts if part not in SECTIONS]
    assert not unknown


def test_rules_that_the_spec_refers_to_stand_in_it() -> None:
    referred = set(re.findall(r"\b([A-Z]\d{1,2})\b", SPEC)) - {"B2"}
    assert referred <= set(RULES)


def test_the_prefixes_are_those_of_the_code() -> None:
    listed = {f"{name}\0".encode() for name in re.findall(r"^\| `(hartig/1 [a-z ]+)` \|", SPEC, re.MULTILINE)}
    assert listed == {value for name, value in vars(keys).items() if name.startswith("PREFIX_")}


def test_the_fields_of_a_head_are_those_of_the_code() -> None:
    section = SPEC[SPEC.index("**R2**") : SPEC.index("**R3**")]
    listed = re.findall(r"^\| (\d+) \| ([a-z ]+) \|", section, re.MULTILINE)
    assert [(int(number), name.replace(" ", "_")) for number, name in listed] == list(enumerate(HEAD_FIELDS, 1))


def test_the_kinds_are_those_of_the_code() -> None:
    section = SPEC[SPEC.index("**R12**") : SPEC.index("## L.")]
    listed = {int(number): name for number, name in re.findall(r"\| (\d+) \| ([a-z]+) ", section)}
    assert listed == {int(kind): kind.name.lower() for kind in Kind}


@pytest.mark.parametrize("number", sorted(TABLE))
def test_every_message_stands_in_the_table_with_its_number_of_fields(number: int) -> None:
    message, checks = TABLE[number]
    section = SPEC[SPEC.index("**M2**") : SPEC.index("**M3**")]
    rows = re.findall(r"^\| ([\d, ]+) \| ([A-Za-z, ]+) \| (.+) \|$", section, re.MULTILINE)
    (row,) = [row for row in rows if str(number) in row[0].split(", ")]
    assert message.__name__ in row[1].split(", ")
    assert len(row[2].split(" · ")) == len(checks)


def test_the_sensitive_categories_are_those_of_the_code() -> None:
    section = SPEC[SPEC.index("**N7**") : SPEC.index("## A.")]
    listed = set(re.findall(r"`([a-z.-]+)`", section)) - {"hub"}
    assert listed == {code for code in categories.all_codes() if categories.is_sensitive(code)}


BOUNDS: dict[str, list[int]] = {
    "E1": [limits.HEAD_BYTES_MAX, limits.BODY_BYTES_MAX, limits.STEP_BODY_BYTES_MAX, limits.FRAME_BYTES_MAX],
    "E7": [limits.DEPTH_MAX],
    "R2": [limits.KIND_MAX, limits.SUBJECT_BYTES_MAX, limits.FIXED_ITEMS_MAX],
    "R9": [limits.KIND_CHAIN_LOWEST, limits.STEPS_MAX],
    "L1": [life // limits.DAY_MS for life in (limits.LIFE_MS_MAX, limits.LIFE_LONG_MS_MAX, limits.LIFE_REVOKE_MS_MAX)],
    "L2": [limits.BODY_KEPT_MS // limits.DAY_MS],
    "L3": [limits.THREAD_KEPT_MS // limits.DAY_MS],
    "L5": [limits.STAMP_AHEAD_MS_MAX // limits.MINUTE_MS],
    "G1": [limits.CHARTERS_MAX],
    "G2": [limits.SEATS_MAX, limits.SIGNATURE_BYTES],
    "G4": [limits.NAME_BYTES_MAX, limits.SEATS_MAX, limits.PLACES_MAX, limits.INVITES_MAX, limits.LANGUAGES_MAX],
    "G5": [limits.PLACES_MAX, limits.INVITES_MAX],
    "C1": [limits.NODES_MAX, limits.ADDRESSES_MAX, limits.ADDRESS_BYTES_MAX],
    "C2": [limits.HUB_CARDS_MAX],
    "C3": [limits.NAME_BYTES_MAX, limits.TEXT_BYTES_MAX],
    "N1": [limits.CATEGORY_BYTES_MAX, limits.AREA_CHARACTERS_MAX, limits.UNIT_CHARACTERS_MAX],
    "N2": [limits.PEOPLE_MAX, limits.REACH_KM_MAX],
    "N3": [limits.DATES_MAX],
    "N5": [limits.TITLE_BYTES_MAX, limits.TEXT_BYTES_MAX, limits.SOURCE_BYTES_MAX],
    "N6": [limits.ATTRIBUTES_MAX, limits.ATTRIBUTE_BYTES_MAX],
    "A3": [GRANTS_DEEP_MAX],
    "D12": [limits.THREAD_ID_BYTES, limits.KEY_BYTES, limits.LANGUAGES_MAX, limits.FLAG_TEXT_BYTES_MAX],
    "A8": [limits.REVOKES_MAX],
    "A9": [limits.SUCCESSIONS_MAX],
    "W4": [limits.WAITING_PER_PEER_MAX],
    "S2": [limits.TOLD_PER_PEER_MAX],
    "S5": [limits.SMALL_SET, limits.PREVIEW_RECORDS],
    "S6": [limits.WINDOW_RECORDS_MAX, limits.ACK_AFTER_RECORDS, limits.ACK_AFTER_MS // 1000],
    "S7": [limits.ANSWER_MS_MAX // 1000],
    "S8": [limits.SHORT_BYTES],
    "S9": [limits.SHORT_BYTES],
    "S10": [limits.FEED_SILENCE_MS // 1000, limits.FEED_MS_MAX // 1000],
    "F4": [
        limits.AUDIT_EVERY_MS // limits.MINUTE_MS,
        audit.UNSETTLED_MS_MAX // 1000,
    ],
    "F7": [sketch.SYMBOL_BYTES - 1, sketch.TALLY_BYTES, sketch.TALLY_LEVELS],
    "F8": [limits.IDS_LISTED_MAX, sketch.SKETCH_SYMBOLS_MAX, sketch.SYMBOLS_PER_FRAME_MAX, limits.SKETCH_ID_BYTES],
    "B1": [512, 19_232],
    "B5": [1_024],
    "B6": [limits.CARRIED_WAITING_MAX],
    "O1": [limits.MESH_HUBS_MAX],
    "O2": [limits.LINKS_FEW, limits.SETBACK_MS_MAX // limits.MINUTE_MS, limits.PATIENCE_MS_MAX // limits.MINUTE_MS],
    "O3": [limits.LINKS_FULL],
    "O4": [limits.LINKS_FEW, limits.MESH_HUBS_MAX],
    "O5": [limits.SHED_EVERY_MS // 1000],
    "O6": [
        limits.VISITS_AT_ONCE,
        limits.HINT_VISITS,
        limits.PROBES_AFTER_RETURN,
        limits.PROBE_EVERY_MS // 1000,
        limits.EXCHANGE_EVERY_MS // limits.MINUTE_MS,
        limits.LINKS_LOW,
        limits.LINKS_AIM,
        limits.LINKS_VISITED_MAX,
    ],
    "M2": [
        limits.HELLO_RECORDS_MAX,
        limits.RECORDS_PER_FRAME_MAX,
        limits.WANTS_PER_FRAME_MAX,
        limits.IDS_PER_FRAME_MAX,
        limits.SHORT_PER_FRAME_MAX,
        limits.PULLS_PER_FRAME_MAX,
        limits.LACKS_PER_FRAME_MAX,
        limits.SYMBOL_BYTES_PER_FRAME_MAX,
    ],
    "H1": [limits.HELLO_TIMEOUT_MS // 1000],
    "H8": [
        limits.PING_AFTER_MS // 1000,
        limits.PING_LATE_MS // 1000,
        limits.SILENCE_MS_MAX // 1000,
        limits.SESSIONS_MAX,
    ],
    "I1": [limits.INVITE_BYTES_MAX, 2 * limits.INVITE_BYTES_MAX],
    "I2": [limits.INVITE_USES_MAX, limits.INVITE_ADDRESSES_MAX, limits.ADDRESS_BYTES_MAX],
}


@pytest.mark.parametrize("rule", BOUNDS)
def test_the_bounds_are_those_of_the_code(rule: str) -> None:
    section = SPEC[SPEC.index(f"**{rule}** ") :]
    section = re.split(r"\n(?:\*\*|## )", section, maxsplit=1)[0]
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", section)}
    assert set(BOUNDS[rule]) <= numbers
