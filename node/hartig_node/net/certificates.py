"""Node identities and the certificates that carry them through TLS.

Comes in: a 32-byte seed from disk. Goes out: the node id, and a certificate with its key for `tls.py`. Who
calls: the daemon makes one `NodeIdentity`; `tls.py` reads the rest.

THE AUTHORITY KEY BELOW IS PUBLIC ON PURPOSE. Anyone may sign with it, and that proves nothing. The TLS
library refuses a client certificate whose issuer it does not know, and hubs have no common issuer; so all of
them use this one, and who the peer is follows from the Ed25519 key in its certificate alone (`tls.py`
compares that). Never read a meaning into a certificate's issuer, names or dates.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import cache, cached_property

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID
from nacl.bindings import crypto_core_ed25519_is_valid_point

from hartig_protocol.errors import LocalError

SEED_BYTES = 32  # RFC 8032, section 5.1.5
NODE_ID_BYTES = 32

PUBLIC_AUTHORITY_SEED = hashlib.sha256(b"hartig public certificate authority 1: anyone may sign").digest()

# Boards boot in 1970 and no date in a certificate is ever checked (`tls.py`), so the dates only have to be
# legal.
VALID_FROM = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
VALID_UNTIL = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)  # RFC 5280, 4.1.2.5: no end


class NodeIdentity:
    """The key with which a node speaks TLS; made on first start and never part of a backup."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.node_id = _raw_public(private_key)

    def __repr__(self) -> str:
        return f"<NodeIdentity {self.node_id.hex()[:12]}>"

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> "NodeIdentity":
        """Make an identity from `random_bytes(32)`, which must come from the system's random source."""
        return cls.from_seed(random_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "NodeIdentity":
        """Return the identity of a 32-byte seed, which is what the daemon keeps on disk."""
        if len(seed) != SEED_BYTES:
            raise LocalError(f"node key: the seed must have {SEED_BYTES} bytes, not {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes to keep; `from_seed` makes the same identity of them."""
        return self._private_key.private_bytes_raw()

    @cached_property
    def certificate_pem(self) -> bytes:
        """This identity's certificate: always the same bytes for the same key."""
        return issue(self.node_id).public_bytes(serialization.Encoding.PEM)

    def private_key_pem(self) -> bytes:
        """The private key as OpenSSL reads it; the caller keeps it off the disk."""
        return self._private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@cache
def public_authority() -> tuple[Ed25519PrivateKey, x509.Certificate]:
    """Return the authority whose private key everybody knows, and its certificate."""
    key = Ed25519PrivateKey.from_private_bytes(PUBLIC_AUTHORITY_SEED)
    name = _name("hartig public authority (its key is public)")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _dated(name, name, key.public_key()).serial_number(1)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return key, builder.sign(key, None)


def issue(node_id: bytes) -> x509.Certificate:
    """Return the certificate of a node id, signed by the public authority."""
    authority_key, authority = public_authority()
    # The serial number follows from the key, so the certificate needs neither a clock nor a random source.
    serial = int.from_bytes(hashlib.sha256(b"hartig certificate serial 1" + node_id).digest()[:16], "big") + 1
    public_key = Ed25519PublicKey.from_public_bytes(node_id)
    builder = _dated(_name("hartig node"), authority.subject, public_key).serial_number(serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(authority_key, None)


def node_id_in(certificate_der: bytes) -> bytes:
    """Return the Ed25519 key of a peer's certificate.

    Raises `ValueError` with the reason when the certificate cannot be read, has another kind of key, or a key
    for which signatures can be made up (OpenSSL accepts points of small order: under four encodings one
    constant signature verifies every message).
    """
    try:
        public_key = x509.load_der_x509_certificate(certificate_der).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError(f"the other side's certificate cannot be read: {error}") from error
    if not isinstance(public_key, Ed25519PublicKey):
        kind = type(public_key).__name__
        kind = type(public_key).__name__
        raise ValueError(f"the other side's key is {kind}, not Ed25519")  # noqa: TRY004 (their data, not our type)
    node_id = public_key.public_bytes_raw()
    if not crypto_core_ed25519_is_valid_point(node_id):
        raise ValueError("the other side's Ed25519 key is no valid point of the main subgroup")
    return node_id


def _raw_public(private_key: Ed25519PrivateKey) -> bytes:
    return private_key.public_key().public_bytes_raw()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _dated(subject: x509.Name, issuer: x509.Name, public_key: Ed25519PublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    return builder.not_valid_before(VALID_FROM).not_valid_after(VALID_UNTIL)
