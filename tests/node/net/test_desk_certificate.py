"""The certificate of the organisers' door, and its context over real sockets."""

import asyncio
import datetime as dt
import hashlib
import ipaddress
import socket
import ssl
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from hartig_node.net.desk_certificate import (
    LIFE_DAYS,
    NAMES_MAX,
    OLD_DAYS,
    DeskCertificate,
    is_due,
    make_certificate,
    new_seed,
    read_certificate,
)
from hartig_node.net.tls import NO_CHECK_TIME, make_desk_context
from hartig_protocol.limits import DAY_MS

pytestmark = pytest.mark.usefixtures("patience")

NOW_MS = 1_795_305_600_000  # 2026-11-22T00:00:00Z
SEED = bytes(range(1, 33))
HOSTS = ["localhost", "Hub-3.local", "192.168.1.20", "fd00::1", "localhost"]


def made(hosts: list[str] = HOSTS, now_ms: int = NOW_MS, seed: bytes = SEED) -> DeskCertificate:
    return make_certificate(seed, hosts, now_ms, bytes(16))


def read(certificate: DeskCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.certificate_pem)


def names_of(certificate: DeskCertificate) -> x509.SubjectAlternativeName:
    return read(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_it_is_for_servers_alone_with_a_key_that_browsers_take_and_signs_itself() -> None:
    certificate = read(made())
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    certificate.verify_directly_issued_by(certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_its_names_are_those_of_the_hub_each_once() -> None:
    names = names_of(made())
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "hub-3.local"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.168.1.20"),
        ipaddress.ip_address("fd00::1"),
    ]


@pytest.mark.parametrize("host", ["", "two words", "-x.local", "hub_3", "hüb.local", "x" * 64, "a..b", "*"])
def test_a_name_that_no_certificate_can_hold_is_left_out(host: str) -> None:
    assert names_of(made(["localhost", host])).get_values_for_type(x509.DNSName) == ["localhost"]


def test_its_names_have_a_bound() -> None:
    assert len(names_of(made([f"hub-{number}.local" for number in range(100)]))) == NAMES_MAX


def test_it_lives_no_longer_than_phones_allow_and_begins_a_day_early() -> None:
    certificate = read(made())
    assert certificate.not_valid_before_utc == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == dt.timedelta(days=LIFE_DAYS)


@pytest.mark.parametrize(
    ("days", "due"), [(-2, True), (-1, False), (0, False), (OLD_DAYS - 2, False), (OLD_DAYS - 1, True), (9999, True)]
)
def test_another_one_is_due_after_two_years_and_where_this_one_begins_later(days: int, due: bool) -> None:
    assert is_due(made(), NOW_MS + days * DAY_MS) is due


def test_another_one_is_due_thirty_days_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.net.desk_certificate.LIFE_DAYS", 90)
    certificate = made()
    assert not is_due(certificate, NOW_MS + 58 * DAY_MS)
    assert is_due(certificate, NOW_MS + 59 * DAY_MS)


def test_it_is_read_back_with_its_key_and_refused_with_another() -> None:
    certificate = made()
    assert read_certificate(SEED, certificate.certificate_pem) == certificate
    assert read_certificate(bytes(range(2, 34)), certificate.certificate_pem) is None


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_junk_is_no_certificate(junk: bytes) -> None:
    assert read_certificate(SEED, junk) is None


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")),  # a curve that nobody knows
        (bytes.fromhex("a003020102"), bytes.fromhex("a003020105")),  # a version that there is not
    ],
)
def test_a_certificate_of_another_kind_is_replaced_and_stops_nothing(ours: bytes, theirs: bytes) -> None:
    der = ssl.PEM_cert_to_DER_cert(made().certificate_pem.decode())
    assert ours in der
    foreign = ssl.DER_cert_to_PEM_cert(der.replace(ours, theirs)).encode()
    assert read_certificate(SEED, foreign) is None


def test_a_repr_tells_no_secret() -> None:
    assert "PRIVATE" not in repr(made())


def test_a_seed_outside_of_the_curve_is_drawn_again() -> None:
    drawn = [bytes(32), b"\xff" * 32, SEED]
    assert new_seed(lambda count: drawn.pop(0)[:count]) == SEED
    assert not drawn


# --- The context


async def shaken_hands(client: ssl.SSLContext, certificate: DeskCertificate | None = None) -> dict[str, Any]:
    """Shake hands once with the door's context; return what the client saw."""
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    for end in (here, there):
        end.setblocking(False)
    serving = loop.connect_accepted_socket(asyncio.Protocol, there, ssl=make_desk_context(certificate or made()))
    dialling = loop.create_connection(asyncio.Protocol, sock=here, ssl=client, server_hostname="hub-3.local")
    dialled, served = await asyncio.gather(dialling, serving, return_exceptions=True)
    for one in (dialled, served):
        if not isinstance(one, BaseException):
            one[0].abort()
    here.close()
    there.close()
    await asyncio.sleep(0)
    if isinstance(served, BaseException):
        raise served  # it knows the reason; the other side sees a connection that ends
    assert not isinstance(dialled, BaseException)
    ssl_object = dialled[0].get_extra_info("ssl_object")
    return {
        "version": ssl_object.version(),
        "cipher": ssl_object.cipher()[0],
        "certificate": ssl_object.getpeercert(binary_form=True),
    }


def trusting(certificate: DeskCertificate) -> ssl.SSLContext:
    client = ssl.create_default_context(cadata=certificate.certificate_pem.decode())
    client.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)  # the test must not depend on the day on which it runs
    return client


async def test_a_browser_that_was_told_to_trust_it_finds_its_name_and_the_fingerprint() -> None:
    certificate = made()
    seen = await shaken_hands(trusting(certificate), certificate)
    assert seen["version"] == "TLSv1.3"
    shown = hashlib.sha256(seen["certificate"]).hexdigest()
    fingerprint = DeskCertificate(ssl.DER_cert_to_PEM_cert(seen["certificate"]).encode(), b"").fingerprint
    assert fingerprint == ":".join(shown[at : at + 2] for at in range(0, 64, 2)).upper()


async def test_an_old_phone_speaks_tls_1_2_with_forward_secrecy() -> None:
    client = unknowing()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    seen = await shaken_hands(client)
    assert seen["version"] == "TLSv1.2"
    assert seen["cipher"].startswith("ECDHE-ECDSA-")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_nobody_speaks_anything_older() -> None:
    client = unknowing()
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        await shaken_hands(client)


async def test_weak_ciphers_are_refused() -> None:
    client = unknowing()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
        await shaken_hands(client)


def unknowing() -> ssl.SSLContext:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return client
