"""The code that organisers of two networks hand each other."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.code import ADDRESSES_MAX, CODE_BYTES_MAX, PartnerCode, Speaker, _check, read_code
from hartig_protocol.encoding import encode
from hartig_protocol.limits import ADDRESS_BYTES_MAX
from support.records import key

CODE = PartnerCode(b"n" * 16, "Río Verde", (Speaker(key(1).public, ("192.168.1.4:4279",)), Speaker(key(2).public)))


def test_a_code_says_which_network_and_who_speaks_for_it_where() -> None:
    assert read_code(CODE.text) == CODE
    broken = "\n  ".join(CODE.text[at : at + 40] for at in range(0, len(CODE.text), 40))
    assert read_code(broken) == CODE  # as a mail breaks it


def test_the_longest_code_is_within_its_bound() -> None:
    speakers = tuple(Speaker(key(one).public, ("a" * ADDRESS_BYTES_MAX,) * ADDRESSES_MAX) for one in range(4))
    longest = PartnerCode(b"n" * 16, "n" * 240, speakers)
    assert read_code(longest.text) == longest
    assert len(longest.text) < CODE_BYTES_MAX * 4 / 3


@given(st.integers(15, len(CODE.text) - 1), st.sampled_from("ABCxyz019-_"))
def test_a_wrong_letter_is_noticed(at: int, letter: str) -> None:
    text = CODE.text[:at] + letter + CODE.text[at + 1 :]
    if text != CODE.text:
        with pytest.raises(BoardError) as caught:
            read_code(text)
        assert (caught.value.code, caught.value.pointer) == ("bad_request", "/code")


@given(st.integers(0, len(CODE.text) - 1))
def test_what_is_missing_is_noticed(length: int) -> None:
    with pytest.raises(BoardError):
        read_code(CODE.text[:length])


@given(st.text(max_size=80))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    for one in (text, "hartig-partner:" + text):
        with pytest.raises(BoardError):
            read_code(one)


def test_what_is_too_long_or_newer_is_said() -> None:
    with pytest.raises(BoardError, match="too long"):
        read_code("hartig-partner:" + "A" * 5_000)
    for said, why in (
        ([2, "more"], "newer version"),
        ("text", "cannot be read"),
        ([1, b"n", "", []], "cannot be read"),
    ):
        data = encode(said)
        code = base64.urlsafe_b64encode(data + _check(data)).rstrip(b"=").decode()
        with pytest.raises(BoardError, match=why):
            read_code("hartig-partner:" + code)
    with pytest.raises(BoardError, match="not whole"):
        read_code("hartig-partner:AA*A")
