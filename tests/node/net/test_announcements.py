import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.net.announcements import (
    ADDRESSES_MAX,
    Announcement,
    AnnouncementError,
    Found,
    host_name,
    instance_name,
    is_instance_name,
    merge,
    read_txt,
    txt_of,
)

NODE, TAG = bytes(range(32)), b"12345678"
GOOD = {key.encode(): value.encode() for key, value in txt_of(NODE, TAG).items()}


def test_what_we_announce_is_read_back() -> None:
    assert read_txt(GOOD) == (NODE, TAG)
    assert read_txt({**GOOD, b"later": b"field", b"flag": None}) == (NODE, TAG)


def test_txt_fits_one_packet_and_holds_no_more_than_it_must() -> None:
    assert set(GOOD) == {b"v", b"n", b"t"}
    assert sum(len(key) + len(value) + 2 for key, value in GOOD.items()) <= 100


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {**GOOD, b"v": b"2"},
        {**GOOD, b"v": None},
        {**GOOD, b"n": b""},
        {**GOOD, b"n": b"0" * 63},
        {**GOOD, b"n": b"0" * 66},
        {**GOOD, b"n": b"G" * 64},
        {**GOOD, b"n": NODE.hex().upper().encode()},
        {**GOOD, b"n": None},
        {**GOOD, b"t": b"\xff" * 16},
        {**GOOD, b"t": b"0" * 14},
        {b"v": b"1", b"n": GOOD[b"n"]},
    ],
)
def test_bad_txt_is_refused(bad: dict[bytes, bytes | None]) -> None:
    with pytest.raises(AnnouncementError):
        read_txt(bad)


@given(st.dictionaries(st.sampled_from([b"v", b"n", b"t", b"x"]), st.none() | st.binary(max_size=70)))
def test_no_txt_makes_the_reader_stumble(properties: dict[bytes, bytes | None]) -> None:
    try:
        node_id, tag = read_txt(properties)
    except AnnouncementError:
        return
    assert (len(node_id), len(tag)) == (32, 8)


def test_names_tell_addresses_apart_and_nothing_else() -> None:
    one, other = instance_name(NODE, "10.0.0.1"), instance_name(NODE, "10.0.0.2")
    assert one != other
    assert one == instance_name(NODE, "10.0.0.1")
    assert is_instance_name(one)
    assert is_instance_name(one.upper())
    assert NODE.hex()[:16] not in one
    assert host_name(one) == one[:16] + ".local."


@pytest.mark.parametrize("name", ["", "hub._hartig._tcp.local.", "0123456789abcdef._http._tcp.local.", "x" * 1000])
def test_other_names_are_not_looked_at(name: str) -> None:
    assert not is_instance_name(name)


def test_the_instances_of_a_node_are_one_finding_the_latest_first_and_bounded() -> None:
    many = [Announcement(NODE, TAG, ((f"10.0.0.{number}", 1), ("10.0.0.0", 1))) for number in range(1, 20)]
    many.append(Announcement(NODE, b"new tag!", (("10.0.0.5", 1),)))
    found = merge(many)
    assert isinstance(found, Found)
    assert found.network_tag == b"new tag!"
    assert found.addresses[:3] == (("10.0.0.5", 1), ("10.0.0.19", 1), ("10.0.0.0", 1))
    assert len(found.addresses) == ADDRESSES_MAX
    assert merge([]) is None
