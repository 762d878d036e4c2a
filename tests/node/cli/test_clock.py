import pytest

from hartig_node.cli import exits
from node.cli.conftest import Hartig
from node.client.fake_node import FakeNode

UNKNOWN = {"now": "2026-11-22T00:00:42Z", "trusted": False, "source": None}


@pytest.mark.parametrize(
    ("source", "said"),
    [("system", "time service"), ("person", "somebody here"), ("hubs", "three other hubs"), ("moon", "moon")],
)
def test_the_time_is_shown_with_who_says_so(hartig: Hartig, fake: FakeNode, source: str, said: str) -> None:
    fake.plan(200, {"now": "2026-11-22T18:00:00Z", "trusted": True, "source": source})
    code, out, err = hartig("clock")
    assert (code, out) == (exits.OK, "Sun 22 Nov 2026 18:00\n")
    assert said in err
    assert (fake.requests[0].method, fake.requests[0].path) == ("GET", "/api/v1/clock")


def test_a_time_that_nobody_knows_is_shown_with_what_to_do(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(200, UNKNOWN)
    _, _, err = hartig("clock", "show")
    assert "stood still while the" in err
    assert "hartig clock confirm --time YYYY-MM-DDTHH:MM" in err
    assert "2026" not in err, "no time that could be copied"
    fake.plan(200, UNKNOWN)
    assert '"source": null' in hartig("clock", "--json").out


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((), {}),
        (("--time", "2026-11-22T18:00"), {"now": "2026-11-22T18:00:00+00:00"}),
        (("--time", "2026-11-22T18:00:00-05:00"), {"now": "2026-11-22T23:00:00+00:00"}),
    ],
)
def test_a_person_says_that_it_is_right_or_what_it_is(
    hartig: Hartig, fake: FakeNode, arguments: tuple[str, ...], sent: dict[str, str]
) -> None:
    fake.plan(200, {"now": "2026-11-22T18:00:00Z", "trusted": True, "source": "person"})
    assert hartig("clock", "confirm", *arguments).code == exits.OK
    assert (fake.requests[0].method, fake.requests[0].value) == ("POST", sent)


@pytest.mark.parametrize("arguments", [("confirm", "--time", "noon"), ("show", "--time", "2026-11-22T18:00")])
def test_what_is_no_time_or_no_question_is_not_sent(hartig: Hartig, fake: FakeNode, arguments: tuple[str, ...]) -> None:
    assert hartig("clock", *arguments).code == exits.USAGE
    assert fake.requests == []
