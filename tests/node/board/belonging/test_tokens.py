import pytest

from hartig_node.board.errors import BoardError
from support.boards import Bench


async def test_a_token_opens_what_its_scope_says(bench: Bench) -> None:
    view, secret = await bench.board.tokens.add("sign", ["write"], None)
    checked = await bench.board.tokens.check(secret)
    assert checked == view
    assert [view.allows(scope) for scope in ("read", "write", "admin")] == [True, True, False]


async def test_a_secret_is_kept_as_a_hash_only(bench: Bench) -> None:
    _, secret = await bench.board.tokens.add("sign", ["read"], None)
    kept = [key + value[0] for (_, key), value in bench.store.disk.private.items()]
    assert not any(secret.encode() in row for row in kept)


async def test_a_revoked_or_expired_token_opens_nothing(bench: Bench) -> None:
    view, first = await bench.board.tokens.add("one", ["read"], None)
    _, second = await bench.board.tokens.add("two", ["read"], 1)
    await bench.board.tokens.revoke(view.id)
    assert await bench.board.tokens.check(first) is None
    bench.time.advance(86401)
    assert await bench.board.tokens.check(second) is None
    assert await bench.board.tokens.list() == []


async def test_a_guess_opens_nothing(bench: Bench) -> None:
    await bench.board.tokens.add("one", ["admin"], None)
    for guess in ("", "hartig_", "hartig_" + "A" * 43, "x" * 10_000):
        assert await bench.board.tokens.check(guess) is None


@pytest.mark.parametrize(
    ("name", "scopes", "days", "pointer"),
    [
        ("", ["read"], None, "/name"),
        ("x" * 81, ["read"], None, "/name"),
        ("a\nb", ["read"], None, "/name"),
        ("x", [], None, "/scopes"),
        ("x", ["root"], None, "/scopes"),
        ("x", ["read"], 0, "/days"),
        ("x", ["read"], float("inf"), "/days"),
    ],
)
async def test_a_bad_request_says_where(
    bench: Bench, name: str, scopes: list[str], days: float | None, pointer: str
) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.tokens.add(name, scopes, days)
    assert caught.value.pointer == pointer


async def test_tokens_have_a_bound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.belonging.tokens.TOKENS_MAX", 2)
    for name in ("one", "two"):
        await bench.board.tokens.add(name, ["read"], None)
    with pytest.raises(BoardError) as caught:
        await bench.board.tokens.add("three", ["read"], None)
    assert caught.value.code == "too_many"


async def test_an_unknown_token_cannot_be_revoked(bench: Bench) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.tokens.revoke("0123456789abcdef")
    assert caught.value.code == "not_found"
