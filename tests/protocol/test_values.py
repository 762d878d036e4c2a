"""A value is compared, hashed and shown by its fields, like any dataclass."""

from dataclasses import field, replace

import pytest

from hartig_protocol.values import value


@value
class Pair:
    """Two fields that count and one that does not."""

    left: int
    right: str = "r"
    note: int = field(default=0, compare=False)
    secret: str = field(default="s", repr=False)


@value
class One:
    """A single field."""

    only: int


@value
class Nothing:
    """No field at all."""


@value
class Named:
    """Says itself what it is."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


def test_values_are_equal_by_the_fields_that_count() -> None:
    assert Pair(1, note=2) == Pair(1, note=3)
    assert hash(Pair(1, note=2)) == hash(Pair(1, note=3))
    assert Pair(1) != Pair(1, "x")
    assert {One(1), One(1), One(2)} == {One(1), One(2)}
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())


@pytest.mark.parametrize("other", [1, (1,), Pair(1), Nothing()])
def test_a_value_of_another_class_is_another(other: object) -> None:
    assert One(1) != other


def test_a_value_shows_its_fields_unless_it_says_itself_what_it_is() -> None:
    assert repr(Pair(1, "two")) == "Pair(left=1, right='two', note=0)"
    assert repr(Nothing()) == "Nothing()"
    assert repr(Named("hub")) == "<hub>"


def test_a_value_is_made_anew_with_another_field_and_taken_apart() -> None:
    assert replace(Pair(1), left=2) == Pair(2)  # type: ignore[type-var]
    match Pair(3, "x"):
        case Pair(left, right):
            assert (left, right) == (3, "x")
