"""Every field of every kind, wrong in turn: the error names it."""

from typing import Any

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.records import kinds
from hartig_protocol.records.opening import open_record
from protocol.vector_parts import governance, posts
from protocol.vector_parts.composing import DAY_MS, STAMP, Made, seal
from protocol.vector_parts.records import WRONG_FIELDS
from protocol.vector_parts.world import (
    CARD_BODY,
    CARD_FACTS,
    CHARTER,
    DEFAULTS,
    HUB,
    NEED_FACTS,
    POST_BODY,
    SEAT,
    SECOND_SEAT,
    card,
    card_fields,
    charter_fields,
    consent,
    fields_of,
    grant,
    grant_fields,
    post,
    post_fields,
    revoke,
    step,
    step_fields,
)

GRANT_FACTS = {"rank": "hub", "places": 50, "invites": 3, "gateway": True, "recovery": consent(HUB)}
FIXED_NAMES = ("category", "area", "unit", "smallest_part")
Case = tuple[str, Made]


def _charters() -> list[Case]:
    facts = CHARTER.fields["facts"]
    cases = [
        (f"facts.{name}", seal(charter_fields(facts=governance.changed(facts, name, value)), [SEAT]))
        for name, values in governance.WRONG_CHARTER.items()
        for value in values
    ]
    for name, values in governance.WRONG_DEFAULTS.items():
        for value in values:
            wrong = facts | {"defaults": governance.changed(DEFAULTS, name, value)}
            cases.append((f"facts.defaults.{name}", seal(charter_fields(facts=wrong), [SEAT])))
    high, low = sorted((SEAT.public, SECOND_SEAT.public), reverse=True)
    wrong_signers: list[Any] = [[], [high, low], [low, low], [bytes(31)], [bytes(32)], [0], [None], None, 0, "0"]
    return cases + [
        ("facts.signers", seal(charter_fields(facts=facts | {"signers": value}), [SEAT])) for value in wrong_signers
    ]


def _grants() -> list[Case]:
    fields = grant_fields(SEAT, HUB, 0)
    return [
        (f"facts.{name}", seal(fields | {"facts": governance.changed(GRANT_FACTS, name, value)}, [SEAT]))
        for name, values in governance.WRONG_GRANT.items()
        for value in values
    ]


def _ended() -> list[Case]:
    """What a version that ends still says is checked like the same fact of any other."""
    wrong_facts = {"rank": "seat", "places": -1, "invites": None, "gateway": 1, "recovery": 5}
    wrong_card = {"type": "person", "nodes": 5, "addresses": [1], "box": b"", "languages": "en"}
    ends = {"ends": True}
    grants = [
        (f"facts.{name}", seal(grant_fields(SEAT, HUB, 0) | {"facts": ends | {name: value}}, [SEAT]))
        for name, value in wrong_facts.items()
    ]
    cards = [
        (f"facts.{name}", seal(card_fields(facts=ends | {name: value}), [HUB])) for name, value in wrong_card.items()
    ]
    needs = [
        (f"facts.{name}", seal(post_fields(facts=ends | {name: values[0]}), [HUB]))
        for name, values in (posts.WRONG_FACTS | posts.WRONG_TIMES).items()
    ]
    return [*grants, *cards, *needs]


def _cards() -> list[Case]:
    cases = [
        (f"facts.{name}", card(facts=governance.changed(CARD_FACTS, name, value)))
        for name, values in governance.WRONG_CARD.items()
        for value in values
    ]
    for name, values in governance.WRONG_CARD_BODY.items():
        for value in values:
            body = governance.changed(CARD_BODY, name, value)
            cases.append((f"body.{name}", seal(card_fields(), [HUB], body)))
    return cases


def _posts() -> list[Case]:
    cases: list[Case] = []
    for kind in (16, 17):
        for name, values in (posts.WRONG_FACTS | posts.WRONG_TIMES).items():
            cases += [(f"facts.{name}", post(kind=kind, facts=NEED_FACTS | {name: value})) for value in values]
        for at, values in posts.WRONG_FIXED.items():
            for value in values:
                fixed = ["water", "d7mp", "LTR", 1]
                fixed[at] = value
                cases.append((f"fixed.{FIXED_NAMES[at]}", post(kind=kind, fixed=fixed)))
    for name, values in posts.WRONG_TEXTS.items():
        for value in values:
            body = governance.changed(POST_BODY, name, value)
            cases.append((f"body.{name}", seal(post_fields(), [HUB], body)))
    for name in posts.ATTRIBUTE_LISTS:
        for value in posts.WRONG_CODES:
            cases.append((f"body.{name}", seal(post_fields(), [HUB], POST_BODY | {name: value})))
    return cases


def _steps() -> list[Case]:
    need = post()
    wrong = {"expires": STAMP + DAY_MS, "subject": b"a", "fixed": ["a"], "place": None}
    cases = [(name, step(need, 1, None, **{name: value})) for name, value in wrong.items()]
    return [
        *cases,
        ("prev", step(need, 2, None)),
        ("prev", step(need, 1, need)),
        ("seq", step(need, 4097, need)),
        ("facts", step(need, 1, None, facts=[])),
    ]


HEADS: list[Case] = [
    (name, seal(post_fields() | {name: value}, [HUB], POST_BODY))
    for name, values in WRONG_FIELDS.items()
    for value in values
]
CASES = [*HEADS, *_charters(), *_grants(), *_ended(), *_cards(), *_posts(), *_steps()]


@pytest.mark.parametrize("field", sorted({field for field, _ in CASES}))
def test_a_wrong_field_is_refused_and_named(field: str) -> None:
    for made in (made for name, made in CASES if name == field):
        with pytest.raises(RecordError) as raised:
            open_record(made.wire)
        assert raised.value.code == "bad_field"
        assert str(raised.value).startswith(field), made.fields


def test_what_was_made_wrong_is_right_otherwise() -> None:
    good = [
        CHARTER,
        grant(SEAT, HUB, 0, **GRANT_FACTS),
        revoke(SEAT, HUB),
        card(),
        post(facts=NEED_FACTS),
        post(kind=17, facts={"level": "gone"}),
        step(post(), 1, None),
    ]
    assert [open_record(made.wire).id for made in good] == [made.id for made in good]


def test_both_seats_may_sign() -> None:
    signers = sorted((SEAT, SECOND_SEAT), key=lambda one: one.public)
    facts = CHARTER.fields["facts"] | {"threshold": 2, "signers": [one.public for one in signers]}
    assert open_record(seal(charter_fields(facts=facts), signers).wire).head.facts["threshold"] == 2


@pytest.mark.parametrize(
    ("kind", "days"), [(2, 400), (3, 435), (4, 400), (16, 90), (17, 90), (32, 400), (33, 90), (99, 90)]
)
def test_each_kind_has_its_longest_life(kind: int, days: int) -> None:
    assert kinds.life_ms_max(kind) == days * DAY_MS


@pytest.mark.parametrize("audience", ["network", "partners", bytes(16)])
@pytest.mark.parametrize("category", ["health.hiv", "legal", "safety.refuge", "safety.x-house"])
@pytest.mark.parametrize("kind", [16, 17])
def test_a_sensitive_post_never_leaves_its_hub(kind: int, category: str, audience: Any) -> None:
    fixed = [category, "", "C62", 1]
    assert open_record(post(kind=kind, fixed=fixed, audience="hub").wire)
    with pytest.raises(RecordError, match=r"^audience: .*sensitive"):
        open_record(post(kind=kind, fixed=fixed, audience=audience).wire)


def test_an_unknown_register_may_have_any_facts_and_any_body() -> None:
    made = seal(fields_of(HUB, 99, facts={"a": [1, {"b": b"c"}]}), [HUB], {"zz": [None]})
    record = open_record(made.wire)
    assert (record.head.facts, record.body) == ({"a": [1, {"b": b"c"}]}, {"zz": [None]})


def test_a_step_may_have_a_body_of_a_kilobyte_and_no_more() -> None:
    assert open_record(seal(step_fields(post(), 1, None), [HUB], {"sealed": bytes(1013)}).wire)
    with pytest.raises(RecordError, match="1025 bytes where at most 1024") as raised:
        open_record(seal(step_fields(post(), 1, None), [HUB], {"sealed": bytes(1014)}).wire)
    assert raised.value.code == "too_large"
