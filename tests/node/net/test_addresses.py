import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.net.addresses import (
    AddressError,
    AddressKind,
    TypedAddress,
    format_address,
    kind_of,
    may_dial_announced,
    parse_address,
)

NODE = bytes(range(32))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.20", TypedAddress("192.168.1.20", 4279)),
        (" 192.168.1.20:5000 ", TypedAddress("192.168.1.20", 5000)),
        ("127.0.0.1:65535", TypedAddress("127.0.0.1", 65535)),
        ("Hub.Example", TypedAddress("hub.example", 4279)),
        ("hub.example.:1", TypedAddress("hub.example", 1)),
        ("hub-2.local", TypedAddress("hub-2.local", 4279)),
        ("fd00::1", TypedAddress("fd00::1", 4279)),
        ("[fd00::1]", TypedAddress("fd00::1", 4279)),
        ("[FD00:0::1]:99", TypedAddress("fd00::1", 99)),
        ("fe80::1%eth0", TypedAddress("fe80::1%eth0", 4279)),
        ("[fe80::1%3]:4280", TypedAddress("fe80::1%3", 4280)),
        (f"{NODE.hex()}@10.0.0.1", TypedAddress("10.0.0.1", 4279, NODE)),
        (f"{NODE.hex().upper()}@[::1]:7", TypedAddress("::1", 7, NODE)),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, expected: TypedAddress) -> None:
    assert parse_address(text) == expected
    assert parse_address(str(expected)) == TypedAddress(expected.host, expected.port)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "address.empty"),
        (":4279", "address.empty"),
        ("hub.example:", "address.port"),
        ("hub.example:0", "address.port"),
        ("hub.example:65536", "address.port"),
        ("hub.example:http", "address.port"),
        ("hub.example:-1", "address.port"),
        ("hub.example:١", "address.port"),
        ("[fd00::1]:", "address.port"),
        ("[fd00::1", "address.brackets"),
        ("[fd00::1]4279", "address.brackets"),
        ("[hub.example]:1", "address.brackets"),
        ("1.2.3", "address.ip"),
        ("1.2.3.256", "address.ip"),
        ("1.2.3.4.5:80", "address.ip"),
        ("fd00::1::2", "address.ip"),
        ("hub_example/", "address.name"),
        ("-hub", "address.name"),
        ("hub..example", "address.name"),
        ("a" * 64, "address.name"),
        ("hub example", "address.name"),
        ("fe80::1", "address.scope"),
        ("fd00::1%eth0", "address.scope"),
        ("fe80::1%", "address.scope"),
        ("fe80::1%a b", "address.scope"),
        ("0.0.0.0", "address.nobody"),
        ("::", "address.nobody"),
        ("224.0.0.251", "address.nobody"),
        ("255.255.255.255", "address.nobody"),
        ("ff02::fb", "address.nobody"),
        ("abc@10.0.0.1", "address.node_id"),
        ("@10.0.0.1", "address.node_id"),
        ("x" * 600, "address.too_long"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str, code: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.code == code


@given(st.text(max_size=80))
def test_no_text_makes_the_parser_stumble(text: str) -> None:
    try:
        read = parse_address(text)
    except AddressError:
        return
    assert parse_address(str(read)).host == read.host


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", AddressKind.LOOPBACK),
        ("::1", AddressKind.LOOPBACK),
        ("::ffff:127.0.0.1", AddressKind.LOOPBACK),
        ("169.254.1.1", AddressKind.LINK_LOCAL),
        ("fe80::1%eth0", AddressKind.LINK_LOCAL),
        ("192.168.0.1", AddressKind.PRIVATE),
        ("10.1.2.3", AddressKind.PRIVATE),
        ("fd00::1", AddressKind.PRIVATE),
        ("8.8.8.8", AddressKind.PUBLIC),
        ("2a00::1", AddressKind.PUBLIC),
        ("0.0.0.0", AddressKind.NOBODY),
        ("239.1.1.1", AddressKind.NOBODY),
        ("255.255.255.255", AddressKind.NOBODY),
        ("ff02::1", AddressKind.NOBODY),
        ("::", AddressKind.NOBODY),
    ],
)
def test_addresses_are_told_apart(address: str, kind: AddressKind) -> None:
    assert kind_of(address) is kind


@pytest.mark.parametrize(
    ("address", "on_network", "on_loopback"),
    [
        ("192.168.0.1", True, False),
        ("169.254.3.4", True, False),
        ("fe80::1%eth0", True, False),
        ("fe80::1", False, False),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("8.8.8.8", False, False),
        ("224.0.0.1", False, False),
        ("no address", False, False),
    ],
)
def test_an_announcement_may_lead_to_a_neighbour_only(address: str, on_network: bool, on_loopback: bool) -> None:
    assert may_dial_announced(address, heard_on_loopback=False) is on_network
    assert may_dial_announced(address, heard_on_loopback=True) is on_loopback


def test_ipv6_is_written_in_brackets() -> None:
    assert format_address("fd00::1", 1) == "[fd00::1]:1"
    assert format_address("10.0.0.1", 1) == "10.0.0.1:1"
