import re
from pathlib import Path

import pytest

from hartig_node.daemon.config import SETTINGS, Config, ConfigError, read_config, settings_text

WRONG = [
    ('nam = "x"', "did you mean name?"),
    ("flavour = 1", "known settings"),
    ("name = 5", "must be text"),
    ('name = ""', "something to read"),
    ('name = " \\u202e\\t"', "something to read"),
    ("peer_port = 70000", "port"),
    ('site = "maybe"', "true or false"),
    ('clock = "sundial"', "auto, trusted, untrusted"),
    ('languages = ["English"]', "language tag"),
    ('interfaces = ["eth0"]', "eth0"),
    ('peers = ["http://x/"]', "peers"),
    ('peers = ["zz@192.0.2.1"]', "node id"),
    ('site_names = ["bad name"]', "host name"),
    ("name = ", "not TOML"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_setting_says_where_and_what(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "hartig.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path, {})
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_config(tmp_path / "hartig.toml", {}) == Config()


def test_the_environment_wins_and_is_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "hartig.toml"
    path.write_text('name = "file"\npeer_port = 1')
    config = read_config(path, {"HARTIG_NAME": "env", "HARTIG_SITE": "off", "HARTIG_INTERFACES": "127.0.0.1, ::1"})
    assert (config.name, config.peer_port, config.site) == ("env", 1, False)
    assert config.interfaces == ("127.0.0.1", "::1")
    with pytest.raises(ConfigError, match="HARTIG_PEER_PORT"):
        read_config(path, {"HARTIG_PEER_PORT": "many"})


def test_every_setting_is_a_field_with_a_default() -> None:
    fields = set(Config.__dataclass_fields__) - {"sources"}
    assert set(SETTINGS) == fields


@pytest.mark.parametrize("name", ['Ola "Casa"', "back\\slash", "Ñandú 水", "a\nb"])
def test_a_written_file_is_read_back_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hartig.toml"
    path.write_text(settings_text({"name": name, "languages": ["ht", "zh-Hant"]}), "utf-8")
    config = read_config(path, {})
    assert (config.name, config.languages) == (name, ("ht", "zh-Hant"))


def test_a_written_file_shows_every_other_setting_as_a_comment(tmp_path: Path) -> None:
    text = settings_text({"name": "x"})
    assert all(f"{name} = " in text for name in SETTINGS)


def test_every_setting_is_in_the_guide_with_what_holds_without_it() -> None:
    guide = Path(__file__).parents[3] / "deploy" / "GUIDE.md"
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", guide.read_text("utf-8"), re.MULTILINE)
    written = [line.removeprefix("# ").partition(" = ") for line in settings_text({}).splitlines() if " = " in line]
    assert rows == [(name, value) for name, _, value in written]
