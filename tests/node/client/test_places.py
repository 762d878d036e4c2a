import os

from hartig_node.client.places import Place, default_folder, find_place


def test_the_folder_is_the_one_named_then_the_environments_then_the_users() -> None:
    assert find_place({"HARTIG_FOLDER": "/hub"}, folder="/other").folder == "/other"
    assert find_place({"HARTIG_FOLDER": "/hub"}).folder == "/hub"
    assert default_folder({"XDG_DATA_HOME": "/data"}, is_root=False) == "/data/hartig"
    assert default_folder({"XDG_DATA_HOME": "relative", "HOME": "/home/hub"}, is_root=False) == (
        "/home/hub/.local/share/hartig"
    )
    assert default_folder({"XDG_DATA_HOME": "/data"}, is_root=True) == "/var/lib/hartig"


def test_a_folder_becomes_absolute() -> None:
    assert find_place({}, folder="hub").folder == os.path.abspath("hub")  # noqa: PTH100


def test_an_address_comes_from_the_arguments_or_the_environment_unless_a_folder_is_named() -> None:
    environment = {"HARTIG_URL": "http://127.0.0.1:1", "HARTIG_TOKEN": "secret"}
    assert find_place(environment)[1:] == ("http://127.0.0.1:1", "secret")
    assert find_place(environment, url="http://127.0.0.1:2").url == "http://127.0.0.1:2"
    assert find_place(environment, folder="/hub").url is None


def test_a_place_never_shows_its_token() -> None:
    assert "secret" not in repr(Place("/hub", "http://127.0.0.1:1", "secret"))
