"""A founder's first days on a real hub: organisers, who belongs, a removal, new rules by two of three trustees."""

from pathlib import Path

import pytest

from end_to_end.daemons import Daemon

pytestmark = pytest.mark.end_to_end


def test_trustees_and_organisers_do_their_work_with_keys_in_files(tmp_path: Path) -> None:
    words, rules = tmp_path / "words", tmp_path / "rules.json"
    words.write_text("seven quiet hubs at night\n")
    sealed = ("--passphrase-file", words)
    with Daemon(tmp_path / "ana") as ana:
        ana.command("init", "--name", "Ana's kitchen", "--network", "Valley")
        seats = ana.folder / "seats"
        ana.launch()
        ana.wait_ready()
        assert ana.command("network")["threshold"] == 2
        assert ana.command("status")["belonging"]["rank"] == "hub"
        made = ana.command("member", "organiser", "--key", seats / "seat-1.key")
        assert (made["rank"], made["us"]) == ("organiser", True)

        # Bea has a key of her own, sealed, and lets two belong; one of them stays when she is removed.
        bea, (cam, dan) = tmp_path / "bea.key", (tmp_path / "cam.key", tmp_path / "dan.key")
        keys = [ana.command("key", "new", path, *sealed)["public"] for path in (bea, cam, dan)]
        ana.command("member", "organiser", keys[0], "--key", seats / "seat-2.key")
        for one in keys[1:]:
            assert ana.command("member", "add", one, "--rank", "member", "--key", bea, *sealed)["invited_by"] == keys[0]
        with pytest.raises(AssertionError, match="only a trustee can remove an organiser"):
            ana.command("revoke", keys[0], "--yes")
        gone = ana.command("key", "new", tmp_path / "gus.key", *sealed)["public"]
        ana.command("member", "add", gone, "--rank", "member")
        ana.command("revoke", gone, "--key", bea, *sealed, "--yes")
        removed = ana.command("revoke", keys[0], "--keep", keys[1], "--key", seats / "seat-2.key", "--yes")
        assert (removed["kept"], [one["key"] for one in removed["fell"]]) == ([keys[1]], [keys[2]])
        assert (removed["stay_removed"], removed["returned"]) == ([gone], [])  # by Bea, and now by the trustee
        assert ana.command("member", "show", gone)["state"] == "removed"

        # The third trustee is replaced by Cam; the second has lost the key, and signs with the recovery key.
        spare = tmp_path / "cam-recovery.key"
        ana.command("key", "new", spare, *sealed)
        lost = seats / "seat-2-recovery.key"
        ana.command(
            "network", "draft", rules, "--remove-trustee", "3", "--add-trustee", cam, "--signers", f"1,{lost}", *sealed
        )
        for key in (seats / "seat-1.key", lost):
            said = ana.command("network", "sign", rules, "--key", key, "--yes")
        assert said["missing"] == []
        assert ana.command("network", "publish", rules)["version"] == 2
        assert keys[1] in [one["key"] for one in ana.command("network")["trustees"]]
        before = [one["key"] for one in ana.command("member", "list", "--all")]
        assert ana.stop() == 0
        ana.launch()
        ana.wait_ready()
        assert [one["key"] for one in ana.command("member", "list", "--all")] == before
        assert ana.stop() == 0
