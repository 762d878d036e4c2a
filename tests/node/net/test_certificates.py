import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hartig_node.net.certificates import NodeIdentity, issue, node_id_in, public_authority
from hartig_protocol.errors import LocalError


def test_a_seed_gives_the_same_node_every_time() -> None:
    one = NodeIdentity.generate(lambda count: bytes(range(count)))
    again = NodeIdentity.from_seed(one.seed)
    assert again.node_id == one.node_id
    assert again.certificate_pem == one.certificate_pem
    assert len(one.node_id) == 32


def test_a_seed_of_another_length_is_our_mistake() -> None:
    with pytest.raises(LocalError, match="32 bytes"):
        NodeIdentity.from_seed(b"short")


def test_the_repr_tells_no_secret() -> None:
    one = NodeIdentity.from_seed(bytes(32))
    assert one.seed.hex() not in repr(one)


def test_a_certificate_carries_its_node_id_and_the_public_authority_signed_it() -> None:
    one = NodeIdentity.from_seed(b"s" * 32)
    certificate = issue(one.node_id)
    certificate.verify_directly_issued_by(public_authority()[1])
    assert node_id_in(certificate.public_bytes(Encoding.DER)) == one.node_id


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x30\x80", bytes(100)])
def test_junk_is_no_certificate(junk: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        node_id_in(junk)


@pytest.mark.parametrize(
    "weak",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ],
)
def test_a_key_of_small_order_is_nobody(weak: str) -> None:
    certificate = issue(bytes.fromhex(weak)).public_bytes(Encoding.DER)
    with pytest.raises(ValueError, match="main subgroup"):
        node_id_in(certificate)
