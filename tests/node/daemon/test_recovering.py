"""A hub of a folder goes over to a new key, and survives being killed at each step of it."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hartig_node.daemon import commands, recovering
from hartig_node.daemon.config import Config
from hartig_node.daemon.folder import FolderError, HubFolder
from hartig_node.daemon.joining import read_plan
from hartig_node.daemon.kits import Kit
from hartig_node.daemon.recovering import Rekeyed, begin_again, rekey, settle
from hartig_node.keyfile import SEALED_BYTES
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind

CONFIG = Config(clock="trusted")
NOBODY: frozenset[bytes] = frozenset()


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("hub") / "hub"
    assert commands.init(["--folder", str(where), "--json"]) == 0
    return where


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> HubFolder:
    shutil.copytree(founded, tmp_path / "hub")
    return HubFolder(tmp_path / "hub")


async def gone_over(folder: HubFolder, *, trustees: bool = False) -> Rekeyed:
    recovery = None if trustees else SigningKey(folder.read_key("recovery"))
    return await rekey(folder, CONFIG, recovery, keep=NOBODY, drop=NOBODY)


async def stands(folder: HubFolder) -> bool:
    """Whether the hub key of a folder belongs to its network, by what the folder's store holds."""
    async with recovering._opened(folder, CONFIG, folder.read_network().network) as context:
        return context.pen.catalog.authority.standing(context.pen.key.public) is not None


async def test_the_new_key_stands_in_place_of_the_old_and_all_keys_are_new(folder: HubFolder) -> None:
    before = {name: folder.read_key(name) for name in ("hub", "node", "recovery")}
    done = await gone_over(folder)
    assert SigningKey(before["hub"]).public == done.before
    assert folder.noted_public("hub") == done.after
    assert folder.read_key("recovery") != before["recovery"]
    assert set(folder.key_files()) == {"hub", "recovery"}
    assert await stands(folder)
    again = await gone_over(folder)
    assert (again.before, await stands(folder)) == (done.after, True)


async def test_what_the_old_key_had_in_doubt_is_forgotten(folder: HubFolder) -> None:
    from hartig_node.board.belonging.membership import rows_after_restore
    from hartig_node.board.signing import KEY_RESTORES, KEY_SEQ_FLOOR, SPACE_SETTING
    from hartig_protocol.events import Commit

    network = folder.read_network().network
    async with recovering._opened(folder, CONFIG, network) as context:
        for when in (1, 2):
            rows = await rows_after_restore(context.store, context.pen.key.public, when)
            await context.store.commit(Commit(private=rows))
    await gone_over(folder)
    async with recovering._opened(folder, CONFIG, network) as context:
        for key in (KEY_SEQ_FLOOR, KEY_RESTORES):
            assert await context.store.private_get(SPACE_SETTING, key) is None


async def test_a_recovery_key_of_another_hub_changes_nothing(folder: HubFolder) -> None:
    before = folder.read_key("hub")
    with pytest.raises(FolderError, match="trustees"):
        await rekey(folder, CONFIG, SigningKey(bytes(32)), keep=NOBODY, drop=NOBODY)
    await settle(folder)
    assert folder.read_key("hub") == before
    assert await stands(folder)


async def test_with_trustees_the_new_key_asks_whoever_it_meets(folder: HubFolder) -> None:
    await gone_over(folder, trustees=True)
    assert not await stands(folder)
    plan = read_plan(folder, folder.read_network())
    assert plan is not None
    assert (plan.nodes, plan.records, plan.secret) == ((), (), b"")


# --- Killed


@dataclass
class Steps:
    """Counts what is done to the disk, and ends the process before one of it."""

    die_at: int
    done: int = 0

    def step(self) -> None:
        self.done += 1
        if self.done == self.die_at:
            raise KilledError


@contextmanager
def killed(at: int) -> Iterator[Steps]:
    steps, patch = Steps(at), pytest.MonkeyPatch()

    def before(method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            steps.step()
            return method(*arguments, **named)

        return counted

    for name in ("rename", "replace", "unlink"):
        patch.setattr(Path, name, before(getattr(Path, name)))
    patch.setattr(SqliteStore, "commit", before(SqliteStore.commit))
    try:
        yield steps
    finally:
        patch.undo()


@pytest.mark.parametrize("trustees", [False, True])
async def test_killed_at_any_step_the_next_start_ends_it_or_goes_on_as_before(
    founded: Path, tmp_path: Path, trustees: bool
) -> None:
    at, over, seen = 0, False, set()
    while not over:
        at += 1
        path = tmp_path / f"{at}"
        shutil.copytree(founded, path)
        folder = HubFolder(path)
        before = folder.read_key("hub")
        with killed(at) as steps, suppress(KilledError):
            await gone_over(folder, trustees=trustees)
        over = steps.done < at
        with killed(at // 2 + 1), suppress(KilledError):  # and the start after it is killed, too
            await settle(HubFolder(path))
        folder = HubFolder(path)
        await settle(folder)
        has_changed = folder.read_key("hub") != before
        seen.add(has_changed)
        assert await stands(folder) is not (trustees and has_changed), f"step {at}"
        if has_changed:
            assert not {"hub-next", "recovery-next", "node", "box"} & set(folder.key_files()), f"step {at}"
        else:
            await gone_over(folder, trustees=trustees)
            assert folder.read_key("hub") != before
            assert await stands(folder) is not trustees
    assert seen == {False, True}
    assert at > 8


# --- In an empty folder


def kit_of(folder: HubFolder) -> Kit:
    network = folder.read_network().network
    return Kit(network, folder.noted_public("hub"), "Net", "Our hub", ("192.0.2.7:4279",), bytes(SEALED_BYTES))


async def test_killed_at_any_step_an_empty_folder_is_begun_again(folder: HubFolder, tmp_path: Path) -> None:
    kit, recovery = kit_of(folder), SigningKey(folder.read_key("recovery"))
    at, over = 0, False
    while not over:
        at += 1
        empty = HubFolder(tmp_path / f"new {at}")
        with killed(at) as steps, suppress(KilledError):
            begin_again(empty, kit, recovery)
        over = steps.done < at
        if not over:
            assert not empty.is_founded
            begin_again(empty, kit, recovery)
        plan = read_plan(empty, empty.read_network())
        assert plan is not None
        (wire,) = plan.records
        head = open_record(wire).head
        assert (head.kind, head.subject, head.author) == (Kind.REVOKE, kit.hub, recovery.public)
        assert head.facts["successor"] == empty.noted_public("hub")
        assert "192.0.2.7:4279" in empty.settings.read_text()
    assert at > 4


def test_a_folder_with_the_keys_of_the_kit_is_no_empty_one(folder: HubFolder) -> None:
    kit, recovery = kit_of(folder), SigningKey(folder.read_key("recovery"))
    (folder.path / "network.json").unlink()
    with pytest.raises(FolderError, match="to be replaced"):
        begin_again(folder, kit, recovery)
    assert asyncio.run(settle(folder)) is None
