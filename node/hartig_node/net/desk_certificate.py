"""The certificate of the organisers' door: made by the hub itself, since no authority vouches for a name on a LAN.

Comes in: a 32-byte seed from disk, the names and addresses of this machine, and the time. Goes out: a private key and a
certificate for `tls.make_desk_context`, and the fingerprint by which people compare it. Who calls: the daemon.

Browsers warn once, and remember. They do read names and dates, so here both are true: another certificate is made when
one is due (`is_due`), from the same key. Not Ed25519: no browser takes it.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hartig_protocol.values import value

SEED_BYTES = 32
NAMES_MAX = 48  # 16 set by hand, 16 addresses, the names of this machine: about 2 KiB
# Safari takes none of more than 825 days (support.apple.com/103769); renewed long before, at two years.
LIFE_DAYS = 825
OLD_DAYS = 730
END_DAYS = 30
_BEFORE_DAYS = 1  # for phones whose clock is behind
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SP 800-186, 3.2.1.3)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@value
class DeskCertificate:
    """A certificate and its key, as OpenSSL reads them; the key is kept off the disk by whoever loads it."""

    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate as browsers show it: `AB:CD:…`."""
        return x509.load_pem_x509_certificate(self.certificate_pem).fingerprint(hashes.SHA256()).hex(":").upper()


def new_seed(random_bytes: Callable[[int], bytes]) -> bytes:
    """Return 32 secret bytes that are a key of P-256; nearly all are."""
    while not 0 < int.from_bytes(seed := random_bytes(SEED_BYTES), "big") < _ORDER:
        pass
    return seed


def make_certificate(seed: bytes, hosts: Sequence[str], now_ms: int, serial: bytes) -> DeskCertificate:
    """Make a certificate of the key of `seed`, which must be of `new_seed`.

    Args:
        seed: 32 secret bytes.
        hosts: names and addresses under which the hub is reached; those that no certificate can hold are left out.
        now_ms: the time; the certificate is good from a day earlier on.
        serial: 16 random bytes; browsers refuse two certificates with one name and one number.
    """
    key = _key(seed)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hartig hub")])
    start = _EPOCH + dt.timedelta(milliseconds=now_ms) - dt.timedelta(days=_BEFORE_DAYS)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(int.from_bytes(serial, "big") + 1)
    builder = builder.not_valid_before(start).not_valid_after(start + dt.timedelta(days=LIFE_DAYS))
    builder = builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = builder.add_extension(usage, critical=False).sign(key, hashes.SHA256())
    return DeskCertificate(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def read_certificate(seed: bytes, certificate_pem: bytes) -> DeskCertificate | None:
    """Return the certificate of a file; None where it cannot be read or belongs to another key."""
    key = _key(seed)
    try:
        public = x509.load_pem_x509_certificate(certificate_pem).public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):  # damaged, or put there by somebody else
        return None
    return DeskCertificate(certificate_pem, _key_pem(key)) if public == key.public_key() else None


def is_due(certificate: DeskCertificate, now_ms: int) -> bool:
    """Whether another one should be made: this one is old, nears its end, or begins later than now."""
    held, now = x509.load_pem_x509_certificate(certificate.certificate_pem), _EPOCH + dt.timedelta(milliseconds=now_ms)
    start, end = held.not_valid_before_utc, held.not_valid_after_utc
    return not start <= now < min(start + dt.timedelta(days=OLD_DAYS), end - dt.timedelta(days=END_DAYS))


def _key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Return the names that a certificate can hold: each once, in the order given."""
    names: dict[str, x509.GeneralName] = {}
    for host in (one.lower() for one in hosts):
        try:
            names[host] = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            if _NAME.fullmatch(host):
                names[host] = x509.DNSName(host)
    return list(names.values())[:NAMES_MAX]
