"""How a hub that is not admitted yet gets in: kept in the folder from `join` or `recover` until it stands.

In: `network.json`, whose invite says it all, or `joining.json`, which `hartig join` without a link and `hartig recover`
write. Out: the core's `Joining`, and the addresses at which the nodes that are asked may be found.
"""

import base64
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile, write_whole
from hartig_protocol.limits import JOIN_RECORDS_MAX, KEY_BYTES
from hartig_protocol.values import value

if TYPE_CHECKING:
    from hartig_protocol.records.keys import SigningKey
    from hartig_protocol.records.record import Wire
    from hartig_protocol.sync.state import Joining


@value
class JoinPlan:
    """Whom to ask, where they may be (`HOST:PORT`, for each node), and what proves this hub's key already.

    `nodes` may be empty: then every hub of the network is asked that mDNS or `peers` in `hartig.toml` lead to.
    `records`: at most `JOIN_RECORDS_MAX` governance records in wire form, such as a revocation that names this key.
    """

    nodes: tuple[bytes, ...] = ()
    addresses: tuple[str, ...] = ()
    records: "tuple[Wire, ...]" = ()
    secret: bytes = b""


def plan_path(folder: HubFolder) -> Path:
    """Where a plan without a link stands."""
    return folder.path / "joining.json"


def write_plan(folder: HubFolder, plan: JoinPlan) -> None:
    """Write how to get in, before `write_network`: a folder that names a network is a hub."""
    assert len(plan.records) <= JOIN_RECORDS_MAX
    records = [[None if part is None else base64.b64encode(part).decode() for part in wire] for wire in plan.records]
    nodes = [node.hex() for node in plan.nodes]
    held = {"nodes": nodes, "addresses": list(plan.addresses), "records": records}
    write_whole(plan_path(folder), (json.dumps(held, indent=2) + "\n").encode())


def forget_plan(folder: HubFolder) -> None:
    """Another way in was chosen, or this hub stands: what was written is not wanted any more."""
    with contextlib.suppress(FileNotFoundError):
        plan_path(folder).unlink()


def read_plan(folder: HubFolder, network: NetworkFile) -> JoinPlan | None:
    """Return how this hub wants to get in, or None where it founded its network."""
    if plan_path(folder).exists():
        return _read_file(plan_path(folder))
    if network.invite is None:
        return None
    from hartig_protocol.records.invites import read_invite

    invite = read_invite(network.invite)
    return JoinPlan((invite.inviter_node,), invite.addresses, (), invite.secret)


def _read_file(path: Path) -> JoinPlan:
    try:
        held = json.loads(path.read_text("utf-8"))
        nodes = tuple(bytes.fromhex(node) for node in held["nodes"])
        addresses = tuple(str(address) for address in held["addresses"])
        records = tuple(
            (base64.b64decode(head), base64.b64decode(signature), None if body is None else base64.b64decode(body))
            for head, signature, body in held["records"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{path} cannot be read: {error}; run 'hartig join' or 'hartig recover' again") from error
    if any(len(node) != KEY_BYTES for node in nodes) or len(records) > JOIN_RECORDS_MAX:
        raise FolderError(f"{path} is not what this program wrote; run 'hartig join' or 'hartig recover' again")
    return JoinPlan(nodes, addresses, records)


def joining_of(folder: HubFolder, network: bytes, hub_key: "SigningKey", plan: JoinPlan) -> "Joining":
    """Return what the core is told: the plan, and the recovery key's hash for the grant to carry."""
    from hartig_protocol.records.keys import SigningKey, recovery_hash
    from hartig_protocol.records.writing import recovery_of
    from hartig_protocol.sync.state import Joining

    recovery = None
    if folder.has_key("recovery"):
        hash_ = recovery_hash(SigningKey(folder.read_key("recovery")).public)
        recovery = recovery_of(hub_key, network, hash_)
    return Joining(plan.nodes, plan.secret, plan.records, recovery)
