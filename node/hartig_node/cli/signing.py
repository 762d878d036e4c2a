"""Signing with a key outside the hub: a trustee's, an organiser's own; sealed or not.

In: `--key FILE`, and what the hub says of who belongs. Out: signed records, handed in together. What is signed is built
here: the hub is asked for facts, never for something to sign. Called by `member`, `revoke` and `network`.
"""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hartig_node.cli.session import Session
from hartig_node.client.errors import ClientError, NotFoundError
from hartig_node.client.members import Members
from hartig_node.keyfile import KeyFileError, read_key_file
from hartig_node.passphrases import find_passphrase
from hartig_node.wording import how_many
from hartig_protocol.limits import DAY_MS, LIFE_LONG_MS_MAX, LIFE_REVOKE_MS_MAX, RECORDS_PER_FRAME_MAX, REVOKES_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Head, Record, read_head
from hartig_protocol.records.writing import grant_head, pact_head, pact_times, revoke_head

Json = dict[str, Any]
_TERMS = ("kinds", "categories", "areas", "retention_days")


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a key."""
    parser.add_argument("--key", metavar="FILE", help="sign with the key in this file (a trustee's, an organiser's)")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="where its passphrase stands, for scripts")


def add_return_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name who may come back when those do not belong any more who had removed them."""
    back = parser.add_mutually_exclusive_group()
    back.add_argument(
        "--return", dest="returns", action="append", metavar="KEY",
        help="who had been removed and may come back (all others stay removed); may be repeated",
    )  # fmt: skip
    back.add_argument("--return-all", action="store_true", help="all who had been removed may come back")


def who_return(session: Session, options: argparse.Namespace, removals: Iterable[Json]) -> list[str]:
    """Return the keys that the options let come back, of those whose removals would fall."""
    removed = {one["key"]: one for one in removals}
    named = keys_named(session, options.returns, removed, all_of_them=options.return_all)
    if others := set(named) - set(removed):
        hint = "whom others removed, too, stays removed: `hartig member list --all`"
        raise ClientError(f"{min(others)[:8]} was not removed by who leaves, or not by them alone", hint)
    return named


def keys_named(session: Session, named: Sequence[str] | None, known: Iterable[str], *, all_of_them: bool) -> list[str]:
    """Return the keys that options name, each once, or all that are known."""
    keys = list(known) if all_of_them else [session.node.members.full_key(one) for one in named or []]
    if len(set(keys)) < len(keys):
        raise ClientError("one key is named twice", "name each of them once")
    return keys


def read_key(options: argparse.Namespace, path: str | None = None) -> SigningKey:
    """Read the key that the options name, or another; asks for its passphrase where it has one."""
    file, passphrase_file = Path(path or options.key), options.passphrase_file
    try:
        return SigningKey(read_key_file(file, lambda: find_passphrase(passphrase_file, f"Passphrase of {file}: ")))
    except KeyFileError as error:
        raise ClientError(str(error), "`hartig key show FILE` says what is in a key file") from error


class Signer:
    """A key, and what it may do in the network of a node."""

    def __init__(self, session: Session, key: SigningKey) -> None:
        self._members, self._node, self._key = session.node.members, session.node, key
        self.network = bytes.fromhex(self._members.network()["id"])
        clock = self._node.clock()
        self._now_ms = int(datetime.fromisoformat(str(clock["now"])).timestamp() * 1000)
        self._approx = not clock.get("trusted", True)
        try:
            self.person = self._members.get(key.public.hex())
        except NotFoundError as error:
            detail = f"the key {key.public.hex()[:8]}… belongs to nobody in this network"
            raise ClientError(detail, "`hartig member list` shows who may do what") from error
        if self.person["state"] != "standing":
            raise ClientError("who has this key does not belong to the network any more", "take another key")
        self._invited: list[Json] = list(self.person["invited"])
        self._left = int(self.person["invites_left"])
        self._now_taken: set[int] = set()

    # --- Records

    def renew(self, subject: str, days: float | None = None, *, gateway: bool | None = None) -> Record:
        """Sign that a membership that this key gave lasts longer; `gateway`: if it speaks with partner networks."""
        self._check_given(subject)
        return self.grant(subject, days=days, gateway=gateway)

    def grant(
        self, subject: str, *, days: float | None = None, until_ms: int | None = None, anew: bool = False, **wishes: Any
    ) -> Record:
        """Sign a membership: the next version of one that this key gave, unless `anew`, else a new one.

        `wishes`: rank, places, invites, recovery, gateway; what is left out stays as it was, also what others said of
        the key's recovery key: only the membership by which it stands can name that.
        """
        before = None if anew else self._given(subject)
        held = {} if before is None or before.ends else before.facts
        said = {**_wished(held), **{name: one for name, one in wishes.items() if one is not None}}
        said.setdefault("places", int(self.person["places"]))
        if not anew and "recovery" not in said:
            said["recovery"] = self.recovery_of(subject)
        if before is None and not anew and "gateway" not in said:
            said["gateway"] = self._speaks(subject)
        passed_before = held.get("invites", -1) + 1
        left = self._left + passed_before
        said.setdefault("invites", min(20, max(left - 1, 0)) if said["rank"] != "member" else 0)
        if left < 1 + said["invites"]:
            detail = f"this key can invite {left} more, and each one that it lets others invite counts as one of them"
            raise ClientError(detail, "say fewer with --invites, or sign with another key")
        self._left -= 1 + said["invites"] - passed_before
        expires = self._now_ms + (LIFE_LONG_MS_MAX if days is None or self._approx else int(days * DAY_MS))
        expires = expires if until_ms is None else min(expires, until_ms)
        return self._sign_grant(subject, before, expires, **said)

    def agree(self, change: Json) -> Record:
        """Sign our side of an agreement with a partner network, as a preview of it says, or that it ends."""
        place, terms = change["place"], change["terms"]
        before = None if place["before"] is None else self.head_of(place["before"])
        now_ms, is_open = self._now_ms, self._approx and terms is not None
        until_ms = now_ms + 1 if terms is None else int(datetime.fromisoformat(terms["until"]).timestamp() * 1000)
        stamp, expires_ms = pact_times(now_ms, until_ms, int(place["lasts_ms"]), approx=is_open)
        head = pact_head(
            network=self.network,
            author=self._key.public,
            place=place["number"],
            partner=bytes.fromhex(change["id"]),
            stamp=stamp,
            expires=expires_ms,
            seq=1 if before is None else before.seq + 1,
            terms=None if terms is None else {name: terms[name] for name in _TERMS},
            approx=self._approx,
        )
        return sign_record(head, None, [self._key])

    def end(self, subject: str) -> Record:
        """Sign that a membership that this key gave is taken back."""
        before = self._check_given(subject)
        return self._sign_grant(subject, before, before.expires or 0, rank="member", places=0, invites=0, ends=True)

    def remove(self, subject: str, successor: str | None = None, recovery: tuple[bytes, bytes] | None = None) -> Record:
        """Sign that a key is removed from the network; with its successor, and that one's own recovery key."""
        head = revoke_head(
            network=self.network,
            author=self._key.public,
            subject=bytes.fromhex(subject),
            stamp=self._now_ms,
            expires=self._now_ms + LIFE_REVOKE_MS_MAX,
            successor=None if successor is None else bytes.fromhex(successor),
            recovery=recovery,
        )
        return sign_record(head, None, [self._key])

    def remove_again(self, removals: Sequence[Json], returns: Collection[str] = ()) -> list[Record]:
        """Sign removals anew that others made and that would fall, but for those of keys that are to return."""
        again: dict[str, Record] = {}
        room = REVOKES_MAX - int(self.person["removals_made"]) - RECORDS_PER_FRAME_MAX
        for one in removals:
            if len(again) < room and one["key"] not in again and one["key"] not in returns:
                recovery = tuple(map(bytes.fromhex, one["recovery"]))
                named = (recovery[0], recovery[1]) if recovery else None
                again[one["key"]] = self.remove(one["key"], one["successor"], named)
        return list(again.values())

    def give_all_again(self, grants: Sequence[Json], others: Mapping[str, Json]) -> list[Record]:
        """Sign memberships that somebody else gave, none for longer than it was.

        First each gets as many invites as those whom it let in need, then of the rest up to what it had. `others` is
        what one says, by its key, in place of what it said, as for a successor, whose recovery key is its own.
        """
        needs = [int(one.get("invites_needed", 0)) for one in grants]
        spare = self._left - sum(needs) - len(grants)
        if grants and spare < 0:
            needed = how_many(self._left - spare, "invite")
            detail = f"who is to stay, and whom those invited, need {needed} of this key"
            raise ClientError(f"{detail}, which has {self._left} left", "keep fewer, or sign with another key")
        records = []
        for at, (grant, need) in enumerate(zip(grants, needs, strict=True)):
            record, more = self._give_again(grant, need, spare // (len(grants) - at), others.get(grant["key"], {}))
            records.append(record)
            spare -= more
        return records

    def _give_again(self, grant: Json, need: int, more: int, others: Json) -> tuple[Record, int]:
        """Sign one anew, with at most so many invites more than it needs; return how many more."""
        before = self.head_of(grant["record"])
        if before.ends or (not self._approx and (before.expires or 0) <= self._now_ms):
            raise ClientError(
                f"the membership of {grant['key'][:8]} is over already", "`hartig member add KEY` gives another"
            )
        facts = _wished(before.facts)
        if grant.get("recovery"):  # who holds it came by a recovery kit, and has another now
            facts = {**facts, "recovery": _wished(self.head_of(grant["recovery"]).facts).get("recovery")}
        facts |= others
        facts["places"] = min(facts["places"], int(self.person["places"]))
        more = max(0, min(facts["invites"] - need, more))
        facts["invites"] = need + more
        return self.grant(grant["key"], anew=True, until_ms=before.expires, **facts), more

    def recovery_of(self, key: str) -> tuple[bytes, bytes] | None:
        """Return what is said of somebody's recovery key now, if it belongs."""
        try:
            naming = self._members.get(key).get("recovery")
        except NotFoundError:
            return None
        said = self.head_of(naming).facts.get("recovery") if naming else None
        return None if said is None else (said[0], said[1])

    def _speaks(self, key: str) -> bool:
        """Tell whether somebody speaks with partner networks already."""
        try:
            return bool(self._members.get(key).get("gateway"))
        except NotFoundError:
            return False

    def head_of(self, record_id: str) -> Head:
        """Return the head of a record that the node holds."""
        return read_head(bytes.fromhex(self._node.record(record_id)["head"]))

    def _check_given(self, subject: str) -> Head:
        before = self._given(subject)
        if before is None or before.ends:
            raise ClientError("this key did not give that membership", "`hartig member show KEY` says who invited it")
        if any(one["key"] == subject and one["state"] == "removed" for one in self._invited):
            raise ClientError("this key was removed from the network, for good", "whoever comes back makes a new key")
        return before

    def _given(self, subject: str) -> Head | None:
        own = [one for one in self._invited if one["key"] == subject]
        if not own:
            return None
        return self.head_of(min(own, key=lambda one: (one["ended"], one["number"]))["record"])

    def _sign_grant(self, subject: str, before: Head | None, expires: int, **said: Any) -> Record:
        if before is not None:
            place, seq = before.place or 0, before.seq + 1
            stamp = max(self._now_ms, (before.expires or 0) - LIFE_LONG_MS_MAX)
            expires, subject = max(expires, before.expires or 0), before.subject.hex()
        else:
            place, seq, stamp = self._free_number(), 1, self._now_ms
        if self._approx and not said.get("ends"):
            said["approx"], expires = True, stamp + LIFE_LONG_MS_MAX
        head = grant_head(
            network=self.network, author=self._key.public, place=place, subject=bytes.fromhex(subject), stamp=stamp,
            expires=expires, seq=seq, **said,
        )  # fmt: skip
        return sign_record(head, None, [self._key])

    def _free_number(self) -> int:
        taken = {one["number"] for one in self._invited} | self._now_taken
        for number in range(int(self.person["invites"])):
            if number not in taken:
                self._now_taken.add(number)
                return number
        raise ClientError("all invites of this key are used up", "sign with another key")

    # --- Handing in

    def publish(self, records: list[Record]) -> None:
        """Hand records in together."""
        publish(self._members, records)


def publish(members: Members, records: list[Record]) -> None:
    """Hand records in together; raises `ClientError`, with nothing taken, where one would not count.

    Where they are more than fit, those of the end come last: what is given again counts before what ends it.
    """
    for at in range(0, len(records), RECORDS_PER_FRAME_MAX):
        members.publish([one.wire[:2] for one in records[at : at + RECORDS_PER_FRAME_MAX]])


def _wished(facts: Json) -> Json:
    """Return what a membership says that a next one goes on with."""
    known: Json = {name: facts[name] for name in ("rank", "places", "invites", "gateway") if name in facts}
    return {**known, "recovery": tuple(facts["recovery"])} if facts.get("recovery") else known
