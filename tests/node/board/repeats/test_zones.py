"""In which time zone this machine is, and which zones there are."""

from pathlib import Path

import pytest

from hartig_node.board.repeats.zones import own_zone_name, zone_of

ZONES = ["Europe/Madrid", "America/Santiago", "Pacific/Auckland", "Asia/Kathmandu", "America/Port-au-Prince", "UTC"]


@pytest.mark.parametrize("name", ZONES)
def test_a_zone_is_found_by_its_name(name: str) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert zone.key == name


@pytest.mark.parametrize(
    "name",
    ["", "Madrid", "Europe", "europe/madrid", "right/Europe/Madrid", "../Europe/Madrid", "/etc/passwd",
     "Europe/Madrid\n", "Europe/../Europe/Madrid", "A" * 49, "CET-1CEST", "Zone\0"],
)  # fmt: skip
def test_what_is_no_name_of_a_zone_is_not_looked_for_elsewhere(name: str) -> None:
    assert zone_of(name) is None


def test_zones_are_known_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import zoneinfo

    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert zone_of("Asia/Kathmandu") is not None
    finally:
        zoneinfo.reset_tzpath(before)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    assert own_zone_name("Asia/Kathmandu", nothing, nothing) == "Asia/Kathmandu"
    assert own_zone_name(":Asia/Kathmandu", nothing, nothing) == "Asia/Kathmandu"
    assert own_zone_name("", nothing, nothing) == "UTC"
    assert own_zone_name("CET-1CEST,M3.5.0,M10.5.0/3", nothing, nothing) is None


def test_then_the_systems_link_then_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    link, file = tmp_path / "localtime", tmp_path / "timezone"
    assert own_zone_name(None, link, file) == "UTC"
    zone = tmp_path / "zoneinfo" / "Europe" / "Madrid"
    zone.parent.mkdir(parents=True)
    zone.touch()
    link.symlink_to(zone)
    assert own_zone_name(None, link, file) == "Europe/Madrid"
    link.unlink()
    link.write_bytes(b"TZif")
    assert own_zone_name(None, link, file) is None
    file.write_text("America/Santiago\n", encoding="utf-8")
    assert own_zone_name(None, link, file) == "America/Santiago"
