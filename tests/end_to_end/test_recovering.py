"""Hubs that lose their keys, or have them stolen, and come back: real daemons that find each other on loopback."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from end_to_end.daemons import HARTIG, Daemon, environment
from hartig_node.board.times import parse_rfc3339
from hartig_node.client.errors import ClientError
from hartig_node.daemon.folder import HubFolder
from hartig_node.daemon.joining import read_plan
from hartig_node.daemon.kits import hub_names
from hartig_protocol.limits import LIFE_LONG_MS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.writing import grant_head

pytestmark = pytest.mark.end_to_end

NEED = {"kind": "need", "category": "water.drinking", "title": {"en": "Water for 40 people"}, "contact": "ring 2"}
OFFER = {"kind": "offer", "category": "household.bedding", "title": {"en": "Blankets"}, "quantity": 5}
OURS, FOLDERS = "four words for kits", "four words for folders"
Json = dict[str, Any]


def wait_until(hub: Daemon, so: Callable[[], bool]) -> None:
    """Look at each event of a hub from the first on; the watchdog of the hub ends the wait."""
    for _ in hub.node.events(after=0):
        if so():
            return
    pytest.fail(f"the events of {hub!r} ended")


def titles(hub: Daemon) -> list[str]:
    return sorted(post["title"]["en"] for post in hub.node.posts() if post["state"] == "standing")


def codes(hub: Daemon) -> set[str]:
    return {problem["code"] for problem in hub.node.status()["problems"]}


class Street:
    """Ana has founded the network and has let Ben in; both have posted."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self._stack = path, stack
        self.ana, self.ben = self.hub("ana"), self.hub("ben")
        self.ana.command("init", "--name", "Ana")
        self.start(self.ana)
        self.ben.command("join", self.ana.node.invite()["link"], "--name", "Ben")
        self.start(self.ben)
        self.ana.node.publish(NEED)
        self.ana.node.publish(OFFER)
        wait_until(self.ben, lambda: self.ben.node.status()["state"] == "member")
        self.ben.node.publish({**NEED, "title": {"en": "Bread"}})
        for hub in (self.ana, self.ben):
            wait_until(hub, lambda hub=hub: len(titles(hub)) == 3)  # type: ignore[misc]

    def hub(self, name: str) -> Daemon:
        return self._stack.enter_context(Daemon(self.path / name, settings={"HARTIG_CLOCK": "trusted"}))

    def start(self, hub: Daemon) -> None:
        hub.launch()
        hub.wait_ready()

    def kit(self, hub: Daemon) -> Path:
        page = self.path / f"{hub.folder.name} {hub.node.status()['hub'][:8]}.html"
        hub.command("recover", "kit", "--out", page, "--passphrase-file", self.secret("kit", OURS))
        return page

    def secret(self, name: str, passphrase: str) -> Path:
        path = self.path / f"{name}.passphrase"
        path.write_text(passphrase + "\n")
        return path


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with ExitStack() as stack:
        yield Street(tmp_path, stack)


def test_a_stolen_key_is_replaced_in_the_folder_and_what_is_still_true_goes_on(street: Street) -> None:
    ana, ben = street.ana, street.ben
    assert "no_recovery_kit" in codes(ana)
    page = street.kit(ana)
    assert "recovery_key_here" in codes(ana)
    ana.command("recover", "kit", "--remove")
    assert not {"no_recovery_kit", "recovery_key_here"} & codes(ana)
    before = ana.node.status()["hub"]
    friend = thieves_grant(ana, ben)
    wait_until(ana, lambda: friend in {one["key"] for one in ana.node.members.list()})
    wait_until(ana, lambda: "Ben" in {one["name"] for one in ana.node.members.list()})
    assert ana.stop() == 0
    names = {before: "Ana", ben.node.status()["hub"]: "Ben"}
    assert {key.hex(): name for key, name in hub_names(HubFolder(ana.folder)).items()} == names
    with_kit = ("recover", "hub", page, "--passphrase-file", street.secret("kit", OURS))
    with pytest.raises(AssertionError, match=f"(?s){friend}.*Nothing was done yet"):
        ana.command(*with_kit)
    said = ana.command(*with_kit, "--yes")
    assert (said["before"], said["kept"], said["left_out"]) == (before, [ben.node.status()["hub"]], [friend])
    street.start(ana)
    assert ana.node.status()["hub"] == said["hub"] != before
    wait_until(ben, lambda: ana.node.status()["peers_open"] == 1 and titles(ben) == ["Bread", NEED["title"]["en"]])
    assert {post["author"] for post in ben.node.posts() if post["title"] == NEED["title"]} == {said["hub"]}
    assert friend not in {one["key"] for one in ben.node.members.list()}
    (waits,) = ana.node.read("/recounts")["items"]
    assert (waits["title"], waits["quantity"]) == (OFFER["title"], "5")
    ana.command("recount", waits["id"], "4")
    wait_until(ben, lambda: len(titles(ben)) == 3)
    assert {"no_recovery_kit"} == codes(ana) - {"count_anew"}
    with pytest.raises(AssertionError, match="another hub, or this one has a new key already"):
        stopped(ana).command("recover", "hub", page, "--passphrase-file", street.secret("kit", OURS))


def thieves_grant(ana: Daemon, ben: Daemon) -> str:
    """Whoever has Ana's key lets a friend in, elsewhere."""
    key, status = SigningKey(HubFolder(ana.folder).read_key("hub")), ana.node.status()
    stamp = parse_rfc3339(ben.node.status()["clock"]["now"])
    friend = SigningKey(b"friend of a thief".ljust(32))
    (own,) = [one for one in ana.node.members.list() if one["key"] == status["hub"]]
    head = grant_head(
        network=bytes.fromhex(status["network"]["id"]), author=key.public, place=own["invites"] - 1,
        subject=friend.public, rank="hub", places=10, invites=0, stamp=stamp,
        expires=stamp + LIFE_LONG_MS_MAX,
    )  # fmt: skip
    record = sign_record(head, None, [key])
    ben.node.publish_record(record.head_bytes, record.signature, None)
    return friend.public.hex()


def stopped(hub: Daemon) -> Daemon:
    assert hub.stop() == 0
    return hub


def test_with_its_kit_alone_a_hub_begins_again_on_a_new_machine(street: Street) -> None:
    ana, ben = street.ana, street.ben
    page = street.kit(ben)
    before = ben.node.status()["hub"]
    assert ben.stop() == 0
    shutil.rmtree(ben.folder)
    again = street.hub("again")
    said = again.command("recover", "hub", page, "--passphrase-file", street.secret("kit", OURS))
    assert said["before"] == before
    street.start(again)
    wait_until(again, lambda: len(titles(again)) == 2)
    status = again.node.status()
    assert (status["state"], status["name"], status["hub"]) == ("member", "Ben", said["hub"])
    assert "no_recovery_kit" in codes(again)
    again.node.publish({**NEED, "title": {"en": "Bread again"}})
    wait_until(ana, lambda: "Bread again" in titles(ana))
    assert "Bread" not in titles(ana)
    assert before not in {one["key"] for one in ana.node.members.list()}
    # Its successor can be recovered again, by a kit of its own.
    second = street.kit(again)
    assert again.stop() == 0
    once_more = again.command("recover", "hub", second, "--passphrase-file", street.secret("kit", OURS))
    street.start(again)
    wait_until(ana, lambda: once_more["hub"] in {one["key"] for one in ana.node.members.list()})


def test_an_old_kit_is_worth_nothing_once_a_trustee_removed_the_old_key_too(street: Street) -> None:
    ana, ben = street.ana, street.ben
    page, before = street.kit(ben), ben.node.status()["hub"]
    with_kit = ("recover", "hub", page, "--passphrase-file", street.secret("kit", OURS))
    said = stopped(ben).command(*with_kit)
    street.start(ben)
    wait_until(ana, lambda: said["hub"] in {one["key"] for one in ana.node.members.list()})
    named = ("--successor", said["hub"], "--recovery", ":".join(said["recovery"]))
    ana.command("revoke", before, *named, "--key", ana.folder / "seats" / "seat-1.key", "--yes")
    thief = street.hub("thief")
    taken = thief.command(*with_kit)
    folder = HubFolder(thief.folder)
    plan = read_plan(folder, folder.read_network())
    assert plan is not None
    removal = open_record(plan.records[0])
    with suppress(ClientError):  # refused or without effect, both are well
        ana.node.publish_record(removal.head_bytes, removal.signature, None)
    members = {one["key"] for one in ana.node.members.list()}
    assert said["hub"] in members
    assert not {before, taken["hub"]} & members
    wait_until(ben, lambda: ben.node.status()["state"] == "member")
    assert street.kit(ben).exists()  # its new recovery key is still known


def test_a_hub_without_a_kit_is_let_in_again_by_a_trustee(street: Street) -> None:
    ana, ben = street.ana, street.ben
    assert ben.stop() == 0
    said = ben.command("recover", "hub", "--trustees")
    seat = ana.folder / "seats" / "seat-1.key"
    named = ("--successor", said["hub"], "--recovery", ":".join(said["recovery"]))
    ana.command("revoke", said["before"], *named, "--key", seat, "--yes")
    street.start(ben)
    wait_until(ben, lambda: ben.node.status()["state"] == "member")
    wait_until(ana, lambda: "Bread" in titles(ana))
    assert {post["author"] for post in ana.node.posts() if post["title"]["en"] == "Bread"} == {said["hub"]}
    assert street.kit(ben).exists()  # its new recovery key is known


def test_keys_that_are_lost_beside_the_hub_key_are_made_anew(street: Street) -> None:
    ana, ben = street.ana, street.ben
    before = ana.node.status()["node"]
    assert ana.stop() == 0
    for name in ("node", "box"):
        (ana.folder / "keys" / f"{name}.key").unlink()
    street.start(ana)
    node = ana.node.status()["node"]
    assert node != before
    wait_until(ben, lambda: any(peer["node"] == node and peer["state"] == "open" for peer in ben.node.peers()))


def test_sealed_keys_open_with_their_passphrase_alone_also_out_of_a_backup(street: Street) -> None:
    ana = street.ana
    assert ana.stop() == 0
    seed = (ana.folder / "keys" / "hub.key").read_text().strip()
    ours = street.secret("folder", FOLDERS)
    assert bytes.fromhex(seed) in (ana.folder / "hartig.db").read_bytes()
    ana.command("key", "passphrase", "--passphrase-file", ours)
    for path in ana.folder.rglob("*"):
        if path.is_file() and "seats" not in path.parts:
            data = path.read_bytes()
            assert bytes.fromhex(seed) not in data, path
            assert seed.encode() not in data, path
    for arguments, code in (((), 8), (("--passphrase-file", str(street.secret("kit", OURS))), 8)):
        done = subprocess.run(
            [HARTIG, "run", "--folder", ana.folder, *arguments],
            env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code
        assert "passphrase" in done.stderr
        assert "Traceback" not in done.stderr
    (ana.folder / "credentials").mkdir()
    shutil.copy(ours, ana.folder / "credentials" / "hartig-passphrase")
    named = {"CREDENTIALS_DIRECTORY": str(ana.folder / "credentials"), "HARTIG_CLOCK": "trusted"}
    sealed = Daemon(ana.folder, settings=named)
    with sealed:
        street.start(sealed)
        hub = sealed.node.status()["hub"]
        backup = street.path / "ana.backup"
        sealed.command("backup", backup)
        assert bytes.fromhex(seed) not in backup.read_bytes()
        assert sealed.stop() == 0
    restored = Daemon(street.path / "restored", settings={"HARTIG_PASSPHRASE_FILE": str(ours)})
    with restored:
        restored.command("restore", backup)
        restored.command("verify", codes=(0,))
        street.start(restored)
        assert restored.node.status()["hub"] == hub
        assert restored.stop() == 0
    ana.command("key", "passphrase", "--remove", "--passphrase-file", ours)
    assert (ana.folder / "keys" / "hub.key").read_text().splitlines()[-1] == seed
    assert ana.command("verify")["ok"] is True
    assert (ana.folder / "keys" / "hub.key").stat().st_mode & 0o777 == 0o600
