"""`hartig join`: with an invite, at an address with words to compare, and into an open network."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from hartig_node.daemon import join as joining
from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile
from hartig_node.daemon.joining import JoinPlan, forget_plan, plan_path, read_plan, write_plan
from hartig_node.daemon.knocking import Met
from hartig_protocol.records.governance import Charter, Defaults
from hartig_protocol.records.invites import Invite
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.words import pairing_words
from node.daemon.test_commands import called

INVITE = Invite(bytes(16), bytes(range(32)), bytes(16), 2**50, 1)
BAD_LINKS = [
    ("https://example.org/", "no invite"),
    ("hartig:", "not whole"),
    ("hartig:%%%", "not whole"),
    (INVITE.link[:-8], "not whole"),
    (INVITE.link + "A" * 3000, "too long"),
    (Invite(bytes(16), bytes(32), bytes(16), 5, 1).link, "expired"),
]


@pytest.mark.parametrize(("link", "words"), BAD_LINKS)
def test_a_bad_invite_says_what_is_wrong_and_leaves_no_hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, link: str, words: str
) -> None:
    monkeypatch.setattr("hartig_node.clock.is_synchronised", lambda: True)
    monkeypatch.setattr("hartig_node.clock.Clock.is_trusted", lambda _self: True)
    code, _, err = called(capsys, joining.join, link, "--folder", str(tmp_path))
    assert code == 5
    assert words in err
    assert not HubFolder(tmp_path).is_founded


def test_join_keeps_the_invite_for_the_first_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spaced = INVITE.link[:20] + "\n  " + INVITE.link[20:]
    code, out, _ = called(capsys, joining.join, spaced, "--folder", str(tmp_path), "--name", "Kitchen")
    assert code == 0
    assert "hartig run" in out
    held = HubFolder(tmp_path).read_network()
    assert (held.network, held.invite) == (INVITE.network, INVITE.link)


# --- Without an invite

CHARTER = Charter("Valley", (), 1, Defaults(100, 10, 90, False, ("en",)))
OPEN = Charter("Open valley", (), 1, Defaults(100, 10, 90, True, ("en",)))
CLOSED_MET = Met(bytes(range(32)), "192.0.2.7:4279", "not_admitted_yet", "wait", bytes(range(16)), CHARTER)
OPEN_MET = replace(CLOSED_MET, charter=OPEN, network=bytes(range(1, 17)))


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers at an address, and who is heard on the network."""

    async def met_at(_identity: object, _hub: object, host: str, _port: int) -> Met:
        return OPEN_MET if host == "open.example" else CLOSED_MET

    async def open_networks(*_: object) -> list[Met]:
        return [OPEN_MET, replace(OPEN_MET, network=bytes(range(2, 18)), charter=replace(OPEN, name="Hill"))]

    monkeypatch.setattr("hartig_node.daemon.knocking.met_at", met_at)
    monkeypatch.setattr("hartig_node.daemon.knocking.open_networks", open_networks)


@pytest.mark.usefixtures("met")
@pytest.mark.parametrize("answer", ["no", ""])
def test_words_that_differ_leave_no_hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    code, out, err = called(capsys, joining.join, "192.0.2.7", "--folder", str(tmp_path))
    assert (code, "Valley" in out, "somebody may stand between" in err) == (5, True, True)
    assert not HubFolder(tmp_path).is_founded


@pytest.mark.usefixtures("met")
@pytest.mark.parametrize("how", ["--yes", "--json"])
def test_words_that_agree_keep_whom_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    code, out, _ = called(capsys, joining.join, "192.0.2.7:4279", how, "--folder", str(tmp_path))
    folder = HubFolder(tmp_path)
    node, hub = (SigningKey(folder.read_key(name)).public for name in ("node", "hub"))
    assert (code, pairing_words(CLOSED_MET.network, node, hub, CLOSED_MET.node) in " ".join(out.split())) == (0, True)
    assert read_plan(folder, folder.read_network()) == JoinPlan((CLOSED_MET.node,), ("192.0.2.7:4279",))


@pytest.mark.usefixtures("met")
@pytest.mark.parametrize(
    ("argv", "network"),
    [
        (["--open", "hill"], bytes(range(2, 18))),
        (["--open", "01020304"], OPEN_MET.network),
        (["--open", "open.example"], OPEN_MET.network),
        (["open.example"], OPEN_MET.network),
    ],
)
def test_an_open_network_is_joined_by_name_id_or_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], network: bytes
) -> None:
    assert called(capsys, joining.join, *argv, "--folder", str(tmp_path))[0] == 0
    folder = HubFolder(tmp_path)
    assert folder.read_network().network == network
    plan = read_plan(folder, folder.read_network())
    assert plan is not None
    assert plan.nodes == ()


@pytest.mark.usefixtures("met")
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--open"], "several open networks"),
        (["--open", "Lake"], "is not one"),
        (["--open", "192.0.2.7:1"], "is not open"),
        (["192.0.2.7:99999"], "a port is a number"),
    ],
)
def test_what_cannot_be_joined_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    code, _, err = called(capsys, joining.join, *argv, "--folder", str(tmp_path))
    assert (code, words in err) == (5, True)
    assert not HubFolder(tmp_path).is_founded


def test_a_plan_is_read_as_it_was_written_and_damage_is_told(tmp_path: Path) -> None:
    folder, network = HubFolder(tmp_path), NetworkFile(bytes(16))
    assert read_plan(folder, network) is None
    plan = JoinPlan((bytes(32),), ("a.example:1",), ((b"head", b"signature", None), (b"h", b"s", b"body")))
    write_plan(folder, plan)
    assert read_plan(folder, network) == plan
    for text in ("{", '{"nodes": ["00"], "addresses": [], "records": []}', '{"nodes": []}'):
        plan_path(folder).write_text(text)
        with pytest.raises(FolderError, match="again"):
            read_plan(folder, network)
    forget_plan(folder)
    forget_plan(folder)
    assert read_plan(folder, network) is None
