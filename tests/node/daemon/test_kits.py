"""The recovery kit: what is on the page is what comes back, and nothing else is taken for a kit."""

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.cli.exits import OK, REFUSED, SEALED
from hartig_node.daemon import commands, kits, recover
from hartig_node.daemon.folder import HubFolder
from hartig_node.daemon.kits import KIT_START, Kit, kit_in, page, read_kit
from hartig_node.glossary import words_used
from hartig_node.keyfile import SEALED_BYTES, KeyFileError, armour
from hartig_protocol.encoding import encode

KIT = Kit(
    bytes(range(16)),
    bytes(range(32)),
    "Réseau <du> quartier",
    "Cuisine & cave",
    ("192.0.2.7:4279", "hub.example:4279"),
    bytes(SEALED_BYTES),
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


FIELDS = [1, KIT.network, KIT.hub, "a", "b", [], KIT.sealed]


@pytest.mark.parametrize(
    "fields",
    [
        [], {}, 7, [1], [2, *FIELDS[1:]], FIELDS[:-1], [*FIELDS, 1],
        [1, b"", *FIELDS[2:]], [*FIELDS[:2], b"", *FIELDS[3:]],
        [*FIELDS[:3], "", *FIELDS[4:]], [*FIELDS[:4], "x" * 300, *FIELDS[5:]], [*FIELDS[:5], ["a"] * 4, KIT.sealed],
        [*FIELDS[:5], [7], KIT.sealed], [*FIELDS[:6], b"short"],
    ],
)  # fmt: skip
def test_a_kit_with_a_wrong_field_says_so(fields: object) -> None:
    with pytest.raises(KeyFileError, match="kit"):
        read_kit(KIT_START + armour(encode(fields)))


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
