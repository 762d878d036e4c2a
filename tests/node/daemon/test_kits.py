"""The recovery kit: what is on the page is what comes back, and nothing else is taken for a kit."""

import asyncio
import html
import re
import secrets
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.cli.exits import OK, REFUSED, SEALED
from hartig_node.daemon import commands, kits, recover
from hartig_node.daemon.folder import HubFolder, read_seed
from hartig_node.daemon.kits import HUBS_MAX, KIT_START, Kit, kit_in, page, read_kit
from hartig_node.daemon.offline import publish_offline
from hartig_node.glossary import words_used
from hartig_node.keyfile import SEALED_BYTES, KeyFileError, armour, seal_bytes
from hartig_node.net.address_book import KEY_GOOD, SPACE_ADDRESSES
from hartig_node.store.opening import open_store
from hartig_protocol.encoding import encode
from hartig_protocol.events import Commit, PrivateRow
from hartig_protocol.limits import ADDRESS_BYTES_MAX, NAME_BYTES_MAX
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.record import Kind
from hartig_protocol.records.writing import recovery_of
from support.records import Network, key

HUB, RECOVERY = SigningKey(bytes(range(32))), SigningKey(bytes(32))
KIT = Kit(
    bytes(range(16)),
    HUB.public,
    "Réseau <du> quartier",
    "Cuisine & cave",
    ("192.0.2.7:4279", "hub.example:4279"),
    bytes(SEALED_BYTES),
    recovery_of(HUB, bytes(range(16)), recovery_hash(RECOVERY.public))[1],
)


def test_the_page_says_in_text_what_its_picture_says() -> None:
    made = page(KIT)
    assert read_kit(made) == KIT
    assert kit_in(KIT.line.lower()) == KIT
    for text in (KIT.network_name, KIT.hub_name, *KIT.addresses, KIT.hub.hex(), KIT.network.hex()):
        assert html.escape(text) in made
    assert "http" not in made  # nothing is fetched, and no name space is needed in HTML
    assert made.count("<svg") == 1
    assert words_used(re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]*>", " ", made, flags=re.DOTALL)) == []


def test_the_picture_holds_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import segno

    made: list[str] = []
    real = segno.make
    monkeypatch.setattr(segno, "make", lambda text, **named: made.append(text) or real(text, **named))  # type: ignore[func-returns-value]
    page(KIT)
    assert made == [KIT.line]
    assert real(KIT.line, error="m").mode == "alphanumeric"


@given(st.binary(max_size=300))
def test_nothing_else_is_a_kit(data: bytes) -> None:
    for text in (data.decode("latin-1"), KIT_START + data.decode("latin-1"), KIT_START + armour(data)):
        with pytest.raises(KeyFileError):
            read_kit(text)


FIELDS = [1, KIT.network, KIT.hub, "a", "b", [], KIT.sealed, KIT.consent]


@pytest.mark.parametrize(
    "fields",
    [
        [], {}, 7, [1], [2, *FIELDS[1:]], FIELDS[:-1], [*FIELDS, 1],
        [1, b"", *FIELDS[2:]], [*FIELDS[:2], b"", *FIELDS[3:]],
        [*FIELDS[:3], "", *FIELDS[4:]], [*FIELDS[:4], "x" * 300, *FIELDS[5:]], [*FIELDS[:5], ["a"] * 4, *FIELDS[6:]],
        [*FIELDS[:5], [7], *FIELDS[6:]], [*FIELDS[:6], b"short", KIT.consent], [*FIELDS[:7], b"short"],
    ],
)  # fmt: skip
def test_a_kit_with_a_wrong_field_says_so(fields: object) -> None:
    with pytest.raises(KeyFileError, match="kit"):
        read_kit(KIT_START + armour(encode(fields)))


def test_a_kit_opens_only_with_the_consent_of_its_hub() -> None:
    kit = replace(KIT, sealed=seal_bytes(RECOVERY.seed, "four words together"))
    assert kit.opened("four words together").public == RECOVERY.public
    for wrong in (replace(kit, hub=RECOVERY.public), replace(kit, network=bytes(16)), replace(kit, consent=bytes(64))):
        with pytest.raises(KeyFileError, match="another copy"):
            wrong.opened("four words together")


def test_the_longest_kit_can_be_read() -> None:
    names = {"network_name": "é" * (NAME_BYTES_MAX // 2), "hub_name": "o" * NAME_BYTES_MAX}
    longest = replace(KIT, **names, addresses=tuple(f"{number}" * ADDRESS_BYTES_MAX for number in range(HUBS_MAX)))
    assert read_kit(page(longest)) == longest


def test_what_is_neither_a_kit_nor_a_file_says_so(tmp_path: Path) -> None:
    for given_as in (str(tmp_path / "none"), "\0", str(tmp_path)):
        with pytest.raises(KeyFileError):
            kit_in(given_as)


def test_a_kit_is_made_checked_and_reminded_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where, passphrase, wrong = tmp_path / "hub", tmp_path / "passphrase", tmp_path / "wrong"
    passphrase.write_text("four words together")
    wrong.write_text("other words together")
    folder, made = HubFolder(where), tmp_path / "kit.html"
    assert commands.init(["--folder", str(where), "--network", "Valley"]) == OK
    assert "hartig recover kit" in capsys.readouterr().out
    assert [code for code, _, _ in kits.problems(folder)] == ["no_recovery_kit"]
    assert recover.recover(["kit", "--remove", "--folder", str(where)]) == REFUSED
    arguments = ["kit", "--folder", str(where), "--out", str(made), "--passphrase-file"]
    assert recover.recover([*arguments, str(passphrase)]) == OK
    assert made.stat().st_mode & 0o777 == 0o600
    assert "Valley" in made.read_text()
    assert [code for code, _, _ in kits.problems(folder)] == ["recovery_key_here"]
    assert recover.recover(["kit", "--check", str(made), "--passphrase-file", str(passphrase)]) == OK
    assert recover.recover(["kit", "--check", str(made), "--passphrase-file", str(wrong)]) == SEALED
    assert recover.recover(["kit", "--remove", "--folder", str(where)]) == OK
    assert kits.problems(folder) == []
    assert recover.recover([*arguments, str(passphrase)]) == REFUSED
    assert recover.recover(["hub", "--folder", str(where)]) == REFUSED
    assert "--trustees" in capsys.readouterr().err


def test_what_is_noted_around_a_kit_and_typed_digits_do_not_damage_it() -> None:
    line = KIT.line
    around = ("{}\nkept by Ana 2026\n", "hartig-kit: of the cellar\n{}", "hartig-kit:\nhartig-kit: of Ana\n{}\nthe end")
    for text in around:
        assert read_kit(text.format(line)) == KIT
    code = line.partition(":")[2]
    assert read_kit("HART1G-K1T:" + code.replace("O", "0").replace("I", "1")) == KIT
    named = replace(KIT, hub_name="hartig-kit: Corner shelf", network_name="Hartig-Kit:AAAA")
    assert read_kit(page(named)) == named
    wrong = "B" if code[9] == "A" else "A"
    with pytest.raises(KeyFileError, match="damaged"):
        read_kit(KIT_START + code[:9] + wrong + code[10:])


def made_kit(where: Path, passphrase: Path, *more: str) -> int:
    return recover.recover(["kit", "--folder", str(where), "--passphrase-file", str(passphrase), *more])


@pytest.fixture
def founded(tmp_path: Path) -> tuple[Path, Path]:
    where, passphrase = tmp_path / "hub", tmp_path / "passphrase"
    passphrase.write_text("four words together")
    assert commands.init(["--folder", str(where), "--network", "Valley"]) == OK
    return where, passphrase


def test_a_kit_says_where_hubs_have_answered_whose_cards_give_no_address(
    founded: tuple[Path, Path], tmp_path: Path
) -> None:
    where, folder = founded[0], HubFolder(founded[0])
    assert kits.what_is_known(folder) == ("Valley", ())
    network = Network(seat=SigningKey(read_seed(folder.seats / "seat-1.key")))
    network.charter = next(one for one in kits._records(folder) if one.head.kind == Kind.CHARTER)
    stamp, shown, quiet = network.charter.head.stamp, network.hub(1), network.hub(2)
    records = [
        *(network.grant(one.public, place=at, places=100, stamp=stamp) for at, one in enumerate((shown, quiet), 1)),
        network.card(shown, addresses=["192.0.2.7:4279"], nodes=[key(1).public], place=99, stamp=stamp),
        network.card(quiet, nodes=[key(2).public], place=99, stamp=stamp),
    ]
    asyncio.run(publish_offline(folder, network.id, SigningKey(folder.read_key("hub")), [one.wire for one in records]))
    assert kits.what_is_known(folder) == ("Valley", ("192.0.2.7:4279",))
    good = [(key(1).public, "192.0.2.8", 4279), (key(2).public, "192.0.2.9", 1), (key(2).public, "fd00::9", 4279)]
    asyncio.run(kept(folder, PrivateRow(SPACE_ADDRESSES, KEY_GOOD, msgpack.packb(good))))
    folder.settings.write_text(f'peers = ["{"0" * 64}@hub.example:4279"]')
    assert set(kits.what_is_known(folder)[1]) == {"192.0.2.7:4279", "[fd00::9]:4279", "hub.example:4279"}
    long = ".".join(["a" * 60] * 2) + ".example.org:4279"  # more than a kit that can be read back has room for
    folder.settings.write_text(f'peers = ["{long}", "hub.example:4279"]')
    assert set(kits.what_is_known(folder)[1]) == {"192.0.2.7:4279", "[fd00::9]:4279", "hub.example:4279"}
    assert made_kit(where, founded[1], "--out", str(tmp_path / "kit.html")) == OK
    assert "no address is known" not in (tmp_path / "kit.html").read_text()


async def kept(folder: HubFolder, row: PrivateRow) -> None:
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes)
    await store.commit(Commit(private=[row]))
    await store.close()


def test_a_kit_is_not_written_over_another(
    founded: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where, passphrase = founded
    monkeypatch.chdir(tmp_path)
    assert made_kit(where, passphrase) == OK
    page_here = tmp_path / f"recovery-kit-{HubFolder(where).noted_public('hub').hex()[:8]}.html"
    page_here.write_text("another")
    assert made_kit(where, passphrase) == REFUSED
    assert "--force" in capsys.readouterr().err
    assert page_here.read_text() == "another"
    assert made_kit(where, passphrase, "--force") == OK
    assert kit_in(str(page_here)).hub == HubFolder(where).noted_public("hub")


def test_a_page_that_does_not_read_back_is_no_kit(
    founded: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, passphrase = founded
    monkeypatch.setattr(recover, "write_whole", lambda path, data: path.write_bytes(data[:4000]))
    assert made_kit(where, passphrase, "--out", str(tmp_path / "kit.html")) == REFUSED
    assert recover.recover(["kit", "--remove", "--folder", str(where)]) == REFUSED
    assert HubFolder(where).has_key("recovery")


def test_a_hub_that_was_not_admitted_yet_has_nothing_to_print(tmp_path: Path) -> None:
    where = tmp_path / "hub"
    assert commands.init(["--folder", str(where)]) == OK
    (where / "hartig.db").unlink()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("four words together")
    said = ["kit", "--folder", str(where), "--out", str(tmp_path / "x"), "--passphrase-file", str(passphrase)]
    assert recover.recover(said) == REFUSED


def test_problems_use_no_inner_word_and_name_what_is_damaged(tmp_path: Path) -> None:
    folder = HubFolder(tmp_path)
    folder.make()
    assert kits.problems(folder) == []
    folder.key_path("recovery").write_text("what?")
    ((code, what, hint),) = kits.problems(folder)
    assert code == "no_recovery_kit"
    assert words_used(f"{what} {hint}") == []
    (tmp_path / "kit.json").write_text("[1")
    assert not kits.is_made(folder, bytes(32))
