"""Where a passphrase comes from."""

import getpass
import sys
from pathlib import Path

import pytest

from hartig_node.keyfile import PassphraseError
from hartig_node.passphrases import find_passphrase, new_passphrase, passphrase_file


def test_what_is_named_wins_over_the_environment_and_the_service_manager(tmp_path: Path) -> None:
    credential = tmp_path / "hartig-passphrase"
    environment = {"HARTIG_PASSPHRASE_FILE": "/env", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert passphrase_file(Path("/named"), environment) == Path("/named")
    assert passphrase_file(None, environment) == Path("/env")
    del environment["HARTIG_PASSPHRASE_FILE"]
    assert passphrase_file(None, environment) is None
    credential.write_text("four words together\n")
    assert passphrase_file(None, environment) == credential


def test_a_key_outside_the_hub_is_not_tried_with_the_hubs_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "passphrase"
    held.write_text("four words together\n")
    monkeypatch.setenv("HARTIG_PASSPHRASE_FILE", str(held))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert find_passphrase(None, "?") == "four words together"
    with pytest.raises(PassphraseError, match="--passphrase-file"):
        find_passphrase(None, "?", is_hub=False)


def test_a_new_one_is_typed_twice_and_is_no_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda _: typed.pop(0))
    typed[:] = ["four words together", "four words together"]
    assert new_passphrase(None, "?") == "four words together"
    typed[:] = ["four words together", "four words togethr"]
    with pytest.raises(PassphraseError, match="not the same"):
        new_passphrase(None, "?")
    typed[:] = ["short", "short"]
    with pytest.raises(PassphraseError, match="at least 8"):
        new_passphrase(None, "?")

    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", ended)
    with pytest.raises(PassphraseError, match="no passphrase"):
        find_passphrase(None, "?")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PassphraseError, match="missing cannot be read"):
        find_passphrase(tmp_path / "missing", "?")
    (tmp_path / "picture").write_bytes(b"\xff\xfe")
    with pytest.raises(PassphraseError, match="no text"):
        new_passphrase(tmp_path / "picture", "?")
