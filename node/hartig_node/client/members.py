"""Who belongs to a node's network, seen through its API: `Node.members`.

    with Node.find() as node:
        for person in node.members.list():
            print(person["name"], person["rank"])
        node.members.grant(key, days=365)

What the node itself grants, renews and removes it signs with its hub's key; `publish` hands in what was signed with
another. Keys may be short: the first digits that no other shares, or a name that only one has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hartig_node.client.deals import new_key
from hartig_node.client.errors import AmbiguousIdError, AnswerError, NotFoundError

if TYPE_CHECKING:
    from hartig_node.client.node import Node

Json = dict[str, Any]
_KEY = re.compile(r"[0-9a-f]{64}")
_SHORT_KEY = re.compile(r"[0-9a-f]{4,63}")


class Members:
    """The network of one node, and who belongs to it."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"<Members of {self._node!r}>"

    # --- Looking

    def network(self) -> Json:
        """The rules of the network: name, version, trustees, defaults; and other versions of them."""
        return _object(self._node.read("/network"))

    def list(self, *, also_former: bool = False) -> Iterator[Json]:
        """Everybody who belongs, whoever was invited below who invited; page by page."""
        return self._node.pages("/members", {"state": "all" if also_former else None}, None)

    def get(self, who: str) -> Json:
        """One, with whom it invited and who rests on it."""
        return _object(self._node.read(f"/members/{self.full_key(who)}"))

    def without(self, keys: Sequence[str], grant: str | None = None) -> Json:
        """What would follow if these keys did not belong any more, nor anybody by this one grant (a record's id).

        Who falls, who returns, whose removal falls.
        """
        asked = {"keys": ",".join(keys)} if keys else {}
        return _object(self._node.read("/network/without", asked if grant is None else {**asked, "record": grant}))

    def waiting(self) -> Json:
        """What is here and waits for a proof, a body, or what goes before it; by neighbour."""
        return _object(self._node.read("/waiting"))

    def full_key(self, who: str) -> str:
        """Return the key that short digits or a name stand for, among all who belong or did.

        Of several of one name it is the one who belongs: after a recovery the key before has the same name.
        """
        digits = who.lower()
        if _KEY.fullmatch(digits):
            return digits
        people = list(self.list(also_former=True))
        found = [one for one in people if _SHORT_KEY.fullmatch(digits) and str(one.get("key")).startswith(digits)]
        named = [] if found else [one for one in people if str(one.get("name") or "").casefold() == who.casefold()]
        found = found or [one for one in named if one.get("state") == "standing"] or named
        if not found:
            problem = {"code": "not_found", "detail": f"nobody here has a name or a key that begins with {who[:40]!r}"}
            raise NotFoundError(404, {**problem, "hint": "`hartig member list --all` shows everybody"})
        if len(found) > 1:
            detail = f"{len(found)} have this name or begin with {who[:40]!r}"
            former = ", and none of them belongs any more" * all(one.get("state") != "standing" for one in found)
            raise AmbiguousIdError(detail + former, "give more of the key: `hartig member list --all`")
        return str(found[0]["key"])

    # --- Changing, with the hub's key

    def grant(self, key_of_newcomer: str, *, key: str | None = None, **wishes: Any) -> Json:
        """Let a key belong (rank, places, invites, days, gateway), or change what this hub granted it."""
        return self._say("", {"key": key_of_newcomer.lower(), **wishes}, key)

    def renew(
        self, who: str, *, days: float | None = None, gateway: bool | None = None, key: str | None = None
    ) -> Json:
        """Let a membership that this hub gave last longer; `gateway`: whether it speaks with partner networks."""
        return self._say(f"/{self.full_key(who)}/renew", {"days": days, "gateway": gateway}, key)

    def end(self, who: str, *, key: str | None = None) -> Json:
        """Take back a membership that this hub gave."""
        return self._say(f"/{self.full_key(who)}/end", {}, key)

    def remove(
        self,
        who: str,
        *,
        keep: Sequence[str] = (),
        successor: str | None = None,
        returns: Sequence[str] = (),
        preview: bool = False,
        key: str | None = None,
    ) -> Json:
        """Remove a key from the network, or with `preview` only say what that would do.

        Those of `keep`, whom it invited, are granted anew by this hub; those of `returns`, whom it had removed, belong
        again: all others whom it had removed stay so.
        """
        more = {"returns": list(returns) or None, "preview": preview or None}
        said = {"keep": list(keep), "successor": successor, **more}
        return self._say(f"/{self.full_key(who)}/remove", said, key)

    def label(self, who: str, name: str, *, key: str | None = None) -> Json:
        """Call somebody who has no card so, on the node alone; an empty name takes that back."""
        return self._say(f"/{self.full_key(who)}/label", {"name": name}, key)

    # --- Changing, with other keys

    def publish(self, records: Sequence[tuple[bytes, bytes]], *, key: str | None = None) -> Sequence[Json]:
        """Hand in head and signature of records that belong together: all are taken, or none."""
        given = [{"head": head.hex(), "signature": signature.hex()} for head, signature in records]
        said = _object(self._node.post_once("/records", {"records": given}, key or new_key())).get("records")
        if not isinstance(said, list) or len(said) != len(given):
            raise AnswerError("the hub did not answer for all that was handed in", "look at `hartig member list`")
        return [_object(one) for one in said]

    def _say(self, path: str, said: Mapping[str, Any], key: str | None) -> Json:
        body = {name: value for name, value in said.items() if value is not None}
        return _object(self._node.post_once(f"/members{path}", body, key or new_key()))


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
    return value
