"""Invites as text: what is written is read, and damage is told from a wrong version."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.errors import InviteError
from hartig_protocol.limits import INTEGER_MAX
from hartig_protocol.records.invites import Invite, read_invite, secret_hash
from protocol.vector_parts.composing import digest
from protocol.vector_parts.invites import GOOD, WRONG, link

INVITE = Invite(b"n" * 16, b"k" * 32, b"s" * 16, 1_790_000_000_000, 5, ("192.168.1.4:4279",))


def _octets(count: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=count, max_size=count)


invites = st.builds(
    Invite,
    _octets(16),
    _octets(32),
    _octets(16),
    st.integers(0, INTEGER_MAX),
    st.integers(1, 1000),
    st.lists(st.text("abc.:[]0123456789", min_size=1, max_size=80), max_size=4).map(tuple),
)


@settings(deadline=None)
@given(invites)
def test_what_is_written_is_read(invite: Invite) -> None:
    assert read_invite(invite.link) == invite


@settings(deadline=None)
@given(invites, st.data())
def test_white_space_inside_does_no_harm(invite: Invite, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(invite.link)))
    assert read_invite(f"  {invite.link[:at]}\r\n > \t{invite.link[at:]}\n".replace(">", "")) == invite


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_other_text_is_refused_and_nothing_else_is_raised(text: str) -> None:
    for candidate in (text, "hartig:" + text):
        with pytest.raises(InviteError):
            read_invite(candidate)


@pytest.mark.parametrize("length", range(7, len(INVITE.link)))
def test_an_invite_that_was_cut_short_is_refused(length: int) -> None:
    with pytest.raises(InviteError, match=r"not whole|cannot be read"):
        read_invite(INVITE.link[:length])


@pytest.mark.parametrize(
    ("at", "name"), [(1, "network"), (2, "node"), (3, "secret"), (4, "expires"), (5, "uses"), (6, "addresses")]
)
def test_a_wrong_field_is_named(at: int, name: str) -> None:
    for value in WRONG[at]:
        with pytest.raises(InviteError, match=rf"invite\.{name}"):
            read_invite(link([*GOOD[:at], value, *GOOD[at + 1 :]]))


def test_a_later_version_says_what_to_do() -> None:
    with pytest.raises(InviteError, match="upgrade this hub") as raised:
        read_invite(link([2, "whatever"]))
    assert raised.value.code == "version"


def test_an_invite_does_not_show_its_secret_in_a_log() -> None:
    assert repr(INVITE) == "<Invite to 6e6e6e6e by node 6b6b6b6b>"


def test_a_secret_is_kept_as_a_hash() -> None:
    assert secret_hash(INVITE.secret) == digest("invite secret", INVITE.secret)
