import pytest

from hartig_node.net.interfaces import LOCALS_MAX, Interface, Local, read_interfaces, require_multicast, usable

UP, LOOPBACK, MULTICAST = 0x1, 0x8, 0x1000
LO = Interface(1, "lo", UP | LOOPBACK, ("127.0.0.1", "::1"))
ETH = Interface(2, "eth0", UP | MULTICAST, ("192.168.1.5", "fd00::5", "fe80::5"))
WLAN = Interface(3, "wlan0", UP | MULTICAST, ("10.0.0.5", "10.0.0.6", "fe80::8", "fe80::7"))


@pytest.mark.parametrize(
    ("interfaces", "only", "addresses"),
    [
        ([], None, []),
        ([LO], None, []),
        ([LO], {"127.0.0.1"}, ["127.0.0.1"]),
        ([LO, ETH], None, ["192.168.1.5", "fe80::5"]),
        ([LO, WLAN, ETH], None, ["192.168.1.5", "10.0.0.5", "10.0.0.6", "fe80::5", "fe80::7"]),
        ([LO, ETH], {"192.168.1.5"}, ["192.168.1.5"]),
        ([LO, ETH], {"10.9.9.9"}, []),
        ([Interface(2, "eth0", MULTICAST, ("192.168.1.5",))], None, []),
        ([Interface(2, "tun0", UP, ("192.168.1.5",))], None, []),
        ([Interface(2, "eth0", UP | MULTICAST, ("192.168.1.5",), carrier=False)], None, []),
        ([Interface(2, "eth0", UP | MULTICAST, ())], None, []),
    ],
)
def test_every_network_that_is_up_is_spoken_on(
    interfaces: list[Interface], only: set[str] | None, addresses: list[str]
) -> None:
    found = usable(interfaces, None if only is None else frozenset(only))
    assert [one.address for one in found] == addresses


def test_a_machine_full_of_containers_is_bounded_and_keeps_ipv4_first() -> None:
    many = [Interface(n, f"veth{n}", UP | MULTICAST, (f"10.0.{n}.1", "fe80::1")) for n in range(2, 40)]
    found = usable(many, None)
    assert len(found) == LOCALS_MAX
    assert not any(one.is_ipv6 for one in found)


def test_this_machine_has_a_loopback_that_can_do_multicast() -> None:
    (local,) = usable(read_interfaces(), frozenset({"127.0.0.1"}))
    assert local.is_loopback
    require_multicast(local)


@pytest.mark.parametrize(
    "local", [Local(1, "203.0.113.9", "lo"), Local(9999, "fe80::77", "nowhere0")], ids=["ipv4", "ipv6"]
)
def test_an_address_that_is_gone_cannot_do_multicast(local: Local) -> None:
    with pytest.raises(OSError, match=r"\w"):
        require_multicast(local)
