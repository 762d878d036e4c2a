"""What stops something is said in people's words, whole and with the amount that would be allowed."""

import pytest

from hartig_node.board.accounts import refusing
from hartig_node.board.errors import ERRORS, BoardError
from hartig_node.glossary import words_used
from hartig_node.site.desk.troubles import NOTHING, RULES, TypedError, trouble
from hartig_node.site.forms import Typed
from hartig_node.site.languages import LANGUAGES, translations
from hartig_node.site.words import Tongue
from hartig_protocol.exchange import rules
from support.records import Network, key

TONGUES = [Tongue(language, translations(language)) for language in LANGUAGES]
ENGLISH = TONGUES[0]
TYPED = Typed({"quantity": "7"})


def test_every_rule_that_can_stop_something_has_a_sentence() -> None:
    assert set(RULES) == {*rules.Rule, *refusing.Rule}
    assert set(NOTHING) <= set(RULES)


@pytest.mark.parametrize("tongue", TONGUES, ids=repr)
@pytest.mark.parametrize("rule", RULES)
def test_every_sentence_is_in_peoples_words(rule: str, tongue: Tongue) -> None:
    for allowed in ("3", "0", ""):
        said = trouble(BoardError("not_allowed", "for programs", rule=rule, allowed=allowed), "promise", TYPED, "KGM")
        assert "%" not in said.text(tongue)
        assert words_used(said.text(tongue)) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (rules.not_free(2500), "At most 2.5\u00a0kg are free."),
        (rules.not_free(0), "Nothing of it is free now."),
        (rules.more_than_promised(3000), "At most 3\u00a0kg are promised."),
        (rules.below_asked(4000), "At least 4\u00a0kg are asked for, or have arrived."),
        (rules.more_than_needed(125), "At most 0.125\u00a0kg are still needed."),
        (rules.more_than_claimed(1000), "At most 1\u00a0kg were asked for."),
        (rules.more_than_received(1000), "At most 1\u00a0kg are here to give back."),
        (rules.still_promised(2), "Something of it is still promised."),
    ],
)
def test_what_would_be_allowed_is_said_in_the_unit_of_the_post(broken: rules.Broken, said: str) -> None:
    post = Network().offer(key("hub"), category="food.dry", unit="KGM", smallest_part=1000).head
    stopped = trouble(refusing.is_broken(broken, post), "promise", TYPED, "KGM")
    assert stopped.text(ENGLISH).startswith(said)
    assert (stopped.place, stopped.typed, stopped.status, stopped.rule) == ("promise", TYPED, 409, broken.rule)


@pytest.mark.parametrize("code", ERRORS)
def test_every_other_error_has_a_sentence_too(code: str) -> None:
    said = trouble(BoardError(code, "for programs", "for programs"), "x", TYPED).text(ENGLISH)
    assert said
    assert "for programs" not in said


@pytest.mark.parametrize(
    ("pointer", "said"),
    [("/quantity", "amount"), ("/date", "date"), ("/dates", "date"), ("/lot_date", "its dates"), ("/hub", "a hub")],
)
def test_a_field_that_is_not_right_is_named(pointer: str, said: str) -> None:
    for code in ("bad_request", "bad_draft"):
        assert said in trouble(BoardError(code, "detail", "", pointer), "x", TYPED).text(ENGLISH)


def test_what_was_typed_is_said_as_it_was_found() -> None:
    stopped = trouble(TypedError("Write how much."), "x", TYPED)
    assert (stopped.text(ENGLISH), stopped.status) == ("Write how much.", 422)
    missing = BoardError("bad_request", "how much was handed over?", "say how much", "/quantity")
    assert trouble(missing, "x", TYPED).text(ENGLISH) == "Write how much."
