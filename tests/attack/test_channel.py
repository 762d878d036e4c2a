"""The channel under attack: another node answers, a man in the middle, worse TLS, leaves that prove nothing.

Nobody but the node that is meant hears one byte, and nobody speaks under a node key without having it.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from attack.forged_keys import MADE_UP, NEUTRAL, ORDER_TWO
from attack.forged_tls import ForgedClient
from attack.ground import SETTINGS, Victim, new_key, new_node
from attack.hostile import LOOPBACK, Hostile, Node, bare_context, load_leaf
from attack.impostors import Impostor, relaying
from end_to_end.daemons import Daemon
from hartig_node.net.certificates import VALID_FROM, VALID_UNTIL, issue, public_authority
from hartig_protocol.records.invites import read_invite
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import Hello

pytestmark = pytest.mark.end_to_end


# --- Another node answers


async def test_the_node_that_is_meant_is_greeted_so_that_silence_below_means_something(hub: Victim) -> None:
    member = hub.member()
    meant = Impostor(member.node.context(server=True))
    async with meant.listening() as port:
        card = hub.card(member.key, member.node, addresses=[f"{LOOPBACK}:{port}"])
        await hub.bring(hub.member(), member.proofs[1], card)
        link = await meant.next()
        assert isinstance(link, Hostile), link
        hello = await link.hear()
        assert isinstance(hello, Hello)
        assert hello.peer_node == member.node.public
        await link.close()


async def test_a_wrong_pin_gets_not_one_byte(hub: Victim) -> None:
    member, thief = hub.member(), new_node()
    impostor = Impostor(thief.context(server=True))
    async with impostor.listening() as port:
        card = hub.card(member.key, member.node, addresses=[f"{LOOPBACK}:{port}"])
        await hub.bring(hub.member(), member.proofs[1], card)
        assert isinstance(await impostor.next(), OSError)


# --- A man in the middle


def joined(newcomer: Daemon) -> None:
    """Return when a hub has become a member, which is looked at whenever something happens there."""
    next(one for one in newcomer.node.events(after=0) if newcomer.node.status()["state"] == "member")


async def test_who_carries_a_newcomers_bytes_reads_nothing_and_who_ends_its_channel_hears_nothing(
    hub: Victim, tmp_path: Path
) -> None:
    man = Impostor(new_node().context(server=True))
    seen = bytearray()
    async with man.listening() as ending, relaying(hub.port, seen) as carrying:
        link = hub.daemon.node.invite(addresses=[f"{LOOPBACK}:{ending}"])["link"]
        with Daemon(tmp_path / "ben", settings=SETTINGS) as ben:
            ben.command("join", link, "--name", "Newcomer")
            ben.launch()
            ben.wait_ready()
            assert isinstance(await man.next(), OSError)
            assert ben.node.status()["state"] == "joining"
        typed = f"{hub.node.public.hex()}@{LOOPBACK}:{carrying}"
        with Daemon(tmp_path / "ben", settings={**SETTINGS, "HARTIG_PEERS": typed}) as ben:
            ben.launch()
            ben.wait_ready()
            await asyncio.to_thread(joined, ben)
            invite, key = read_invite(link), bytes.fromhex(ben.node.status()["hub"])
    assert seen
    told = (invite.secret, invite.network, key, hub.key.public, b"Newcomer")
    assert not [one for one in told if one in seen]


# --- Worse channels than ours


def older() -> ssl.SSLContext:
    """TLS 1.2 at most."""
    made = Node(bytes(32)).context()
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def with_leaf(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, *, by_itself: bool) -> ssl.SSLContext:
    """Show a leaf that the public authority signed, or that its own key did."""
    authority_key, authority = public_authority()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a stranger")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name if by_itself else authority.subject)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(VALID_FROM).not_valid_after(VALID_UNTIL)
    digest = hashes.SHA256() if by_itself and isinstance(key, ec.EllipticCurvePrivateKey) else None
    made = bare_context()
    load_leaf(made, key, builder.sign(key if by_itself else authority_key, digest).public_bytes(Encoding.PEM))
    return made


WORSE: dict[str, Callable[[], ssl.SSLContext | None]] = {
    "no TLS at all": lambda: None,
    "TLS 1.2": older,
    "no name of the protocol": lambda: Node(bytes(32)).context(alpn=None),
    "another protocol's name": lambda: Node(bytes(32)).context(alpn="h2"),
    "no certificate": bare_context,
    "a certificate of its own": lambda: with_leaf(Ed25519PrivateKey.generate(), by_itself=True),
    "a key of another kind": lambda: with_leaf(ec.generate_private_key(ec.SECP256R1()), by_itself=False),
    "another kind, of its own": lambda: with_leaf(ec.generate_private_key(ec.SECP256R1()), by_itself=True),
}


@pytest.mark.parametrize("worse", WORSE)
async def test_whoever_offers_less_than_the_whole_channel_is_told_nothing(hub: Victim, worse: str) -> None:
    try:
        link = await Hostile.dial(hub.port, WORSE[worse]())
    except OSError:
        return
    member = hub.member()
    await link.say(hub.hello(member))
    assert await link.ending() == ""
    assert link.heard == []


async def test_no_session_can_be_taken_up_again(hub: Victim) -> None:
    async with await hub.greeted(hub.member()) as link:
        await link.settled()
        tls = link.writer.get_extra_info("ssl_object")
        assert (tls.version(), tls.session is None or tls.session.has_ticket) == ("TLSv1.3", False)


# --- Leaves that prove nothing


def answer_to(hub: Victim, leaf: bytes, sign: Callable[[bytes], bytes], said: bytes) -> bytes:
    """What the hub says to a frame on a channel with this leaf and this signature."""
    with ForgedClient(hub.port) as client:
        client.shake_hands(leaf, sign)
        client.send(len(said).to_bytes(4, "big") + said)
        return client.receive()


def leaf_of(key: bytes) -> bytes:
    return issue(key).public_bytes(Encoding.DER)


def test_an_honest_leaf_is_answered_so_that_silence_below_means_something(hub: Victim) -> None:
    member = hub.member()
    sign = SigningKey(member.node.seed).sign
    assert answer_to(hub, leaf_of(member.node.public), sign, pack(hub.hello(member)))


def test_a_copied_leaf_is_worth_nothing_without_its_key(hub: Victim) -> None:
    member = hub.member()
    thief = new_key()
    assert answer_to(hub, leaf_of(member.node.public), thief.sign, pack(hub.hello(member))) == b""


@pytest.mark.parametrize("key_hex", NEUTRAL)
def test_a_leaf_that_verifies_what_nobody_signed_is_refused(hub: Victim, key_hex: str) -> None:
    key = bytes.fromhex(key_hex)
    hello = hub.hello(hub.member(), own_node=key)
    assert answer_to(hub, leaf_of(key), lambda _: MADE_UP, pack(hello)) == b""


def test_a_leaf_of_small_order_is_refused_however_often_it_is_tried(hub: Victim) -> None:
    key = bytes.fromhex(ORDER_TWO)  # for every other message the made-up signature is right
    hello = pack(hub.hello(hub.member(), own_node=key))
    assert [answer_to(hub, leaf_of(key), lambda _: MADE_UP, hello) for _ in range(8)] == [b""] * 8
