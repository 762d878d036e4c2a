from collections.abc import Callable

import pytest

from hartig_node.net import pinning, tls
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.pinning import prove_pinning
from hartig_protocol.errors import LocalError

pytestmark = pytest.mark.usefixtures("patience")


async def test_the_self_check_passes_on_this_machine(identity: Callable[[int], NodeIdentity]) -> None:
    await prove_pinning(identity(1))


async def test_the_self_check_notices_when_the_hook_is_not_called(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tls.PinnedObject, "do_handshake")
    monkeypatch.setattr(pinning, "peer_node_id", lambda _stream: b"")
    with pytest.raises(LocalError, match="must fail"):
        await prove_pinning(identity(1))


async def test_the_self_check_notices_when_the_right_node_is_refused(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "node_id_in", lambda _certificate: bytes(32))
    with pytest.raises(LocalError, match="must work"):
        await prove_pinning(identity(1))


async def test_the_self_check_notices_when_clients_need_no_certificate(
    identity: Callable[[int], NodeIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tls.make_context

    def lax(owner: NodeIdentity, role: tls.Role, expected: bytes | None = None) -> tls.PinnedContext:
        context = made(owner, role, expected)
        if role == "server":
            context.verify_mode = tls.ssl.CERT_OPTIONAL
        return context

    monkeypatch.setattr(pinning, "make_context", lax)
    monkeypatch.setattr(tls, "_checked_peer", lambda _connection: b"x")
    with pytest.raises(LocalError, match="must fail"):
        await prove_pinning(identity(1))
