"""A hub of a folder goes over to a new key, and survives being killed at each step of it."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hartig_node.board.signing import logged
from hartig_node.cli.exits import OK, REFUSED, SEALED
from hartig_node.daemon import commands, keys, kits, recover, recovering
from hartig_node.daemon.config import Config
from hartig_node.daemon.folder import FolderError, HubFolder
from hartig_node.daemon.joining import read_plan
from hartig_node.daemon.kits import Kit
from hartig_node.daemon.offline import judged, keep_carried
from hartig_node.daemon.recovering import Rekeyed, begin_again, public_before, rekey, settle
from hartig_node.keyfile import SEALED_BYTES, KeyFileError, is_sealed, read_text
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.limits import LIFE_LONG_MS_MAX
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.record import Kind
from hartig_protocol.records.writing import grant_head, recovery_of

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


async def test_next_keys_of_a_refused_recovery_are_never_used(folder: HubFolder) -> None:
    for name in ("hub-next", "recovery-next"):  # as a process leaves them that was killed
        folder.write_key(name, bytes(range(32)))
    with pytest.raises(FolderError, match="trustees"):
        await rekey(folder, CONFIG, SigningKey(bytes(32)), keep=NOBODY, drop=NOBODY)
    assert set(folder.key_files()) == {"hub", "node", "recovery"}
    for name in ("hub-next", "recovery-next"):
        folder.write_key(name, bytes(range(32)))
    await gone_over(folder)
    assert bytes(range(32)) not in (folder.read_key("hub"), folder.read_key("recovery"))


async def test_next_keys_that_were_decided_are_not_thrown_away(
    folder: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovery = SigningKey(folder.read_key("recovery"))
    monkeypatch.setattr(HubFolder, "take_next_keys", lambda _folder: None)
    done = await gone_over(folder)
    with pytest.raises(FolderError, match="just gone over"):
        await rekey(folder, CONFIG, recovery, keep=NOBODY, drop=NOBODY)
    monkeypatch.undo()
    await settle(folder)
    assert folder.noted_public("hub") == done.after
    assert await stands(folder)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("what?")])
async def test_a_kit_does_where_the_file_of_the_hub_key_is_gone(
    folder: HubFolder, damage: Callable[[Path], None]
) -> None:
    kit, recovery = kit_of(folder), SigningKey(folder.read_key("recovery"))
    damage(folder.key_path("hub"))
    before = public_before(folder, kit)
    assert before == kit.hub
    with pytest.raises((FolderError, KeyFileError)):
        public_before(folder, None)
    done = await rekey(folder, CONFIG, recovery, keep=NOBODY, drop=NOBODY, kit=kit)
    assert (done.before, folder.noted_public("hub")) == (kit.hub, done.after)
    assert await stands(folder)
    await keep_carried(folder)
    folder.key_path("hub").unlink()
    assert public_before(folder, kit) == done.after  # the store knows it, and the kit is one of before


async def test_a_kit_does_where_the_passphrase_is_forgotten(
    folder: HubFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, said = tmp_path / "kit.html", tmp_path / "passphrase"
    said.write_text("four words together")
    here = ("--folder", str(folder.path), "--passphrase-file", str(said))
    assert await called("kit", "--out", str(page), *here) == OK
    assert await asyncio.to_thread(keys.key, ["passphrase", *here]) == OK
    wrong = ("--hub-passphrase-file", str(page))
    assert await called("hub", str(page), *here, *wrong) == SEALED
    assert "--forgotten" in capsys.readouterr().err
    assert await called("hub", *here, "--forgotten") == REFUSED
    assert await called("hub", str(page), *here, "--forgotten") == OK
    assert not any(is_sealed(read_text(path)) for path in folder.key_files().values())
    assert await stands(folder)
    assert "burn the old one" in (out := capsys.readouterr().out)
    assert "can take this hub again" in out
    assert "not sealed" in out
    assert "hartig revoke" in out


async def called(*argv: str) -> int:
    return await asyncio.to_thread(recover.recover, list(argv))


async def test_nobody_is_left_out_without_being_asked(
    folder: HubFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, friend, known = folder.read_network().network, *map(SigningKey, (b"f" * 32, b"k" * 32))
    async with recovering._opened(folder, CONFIG, network) as context:
        now_ms, signed = context.clock.reading().wall_ms, []
        for place, key in enumerate((friend, known)):
            head = grant_head(
                network=network, author=context.pen.key.public, place=place, subject=key.public, rank="hub", places=1,
                invites=0, stamp=now_ms, expires=now_ms + LIFE_LONG_MS_MAX,
            )  # fmt: skip
            signed.append(sign_record(head, None, [context.pen.key]))
        commits, refusals = judged(context.engine.hub, signed, [logged(signed[1])], context.clock)
        assert not refusals
        for commit in commits:
            await context.store.commit(commit)
    monkeypatch.setattr(kits, "hub_names", lambda _folder: {friend.public: "Strike kitchen"})
    before, here = folder.noted_public("hub"), ("--folder", str(folder.path))
    assert await called("hub", *here) == REFUSED
    err = capsys.readouterr().err
    assert f'"Strike kitchen" {friend.public.hex()}' in err
    assert "--keep" in err
    assert known.public.hex() not in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    assert await called("hub", *here) == REFUSED
    assert (folder.noted_public("hub"), folder.has_key("hub-next")) == (before, False)
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    assert await called("hub", *here) == OK
    assert "Strike kitchen" in capsys.readouterr().out
    assert folder.noted_public("hub") != before


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
    hub, recovery = (SigningKey(folder.read_key(name)) for name in ("hub", "recovery"))
    _, consent = recovery_of(hub, network, recovery_hash(recovery.public))
    return Kit(network, hub.public, "Net", "Our hub", ("192.0.2.7:4279",), bytes(SEALED_BYTES), consent)


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
