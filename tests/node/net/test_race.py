import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from hartig_node.net.race import race
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

pytestmark = pytest.mark.usefixtures("patience")

NEVER_S = 3600.0


class Attempts:
    """Attempts by name that end when and how the test says."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Future[str]] = {}
        self.discarded: list[str] = []
        self.cancelled: list[str] = []

    def __call__(self, name: str) -> Callable[[], Coroutine[Any, Any, str]]:
        self.ends[name] = asyncio.get_running_loop().create_future()

        async def attempt() -> str:
            self.begun.append(name)
            try:
                return await self.ends[name]
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise

        return attempt

    def fails(self, name: str, error: Exception | None = None) -> Callable[[], Coroutine[Any, Any, str]]:
        made = self(name)
        self.ends[name].set_exception(error or RemoteError("dial.planted", name))
        return made

    def works(self, name: str) -> Callable[[], Coroutine[Any, Any, str]]:
        made = self(name)
        self.ends[name].set_result(name)
        return made

    async def race(self, *attempts: Callable[[], Coroutine[Any, Any, str]], stagger_s: float) -> str | None:
        return await race(attempts, stagger_s=stagger_s, at_once_max=2, discard=self.discarded.append)


async def test_no_attempts_win_nothing() -> None:
    assert await Attempts().race(stagger_s=NEVER_S) is None


async def test_a_failure_starts_the_next_without_a_wait() -> None:
    attempts = Attempts()
    tried = (attempts.fails("a"), attempts.fails("b", OSError("planted")), attempts.works("c"), attempts("d"))
    assert await attempts.race(*tried, stagger_s=NEVER_S) == "c"
    assert attempts.begun == ["a", "b", "c"]


async def test_all_failures_are_no_winner() -> None:
    attempts = Attempts()
    assert await attempts.race(*(attempts.fails(name) for name in "abc"), stagger_s=NEVER_S) is None


async def test_a_slow_first_does_not_keep_the_second_waiting() -> None:
    attempts = Attempts()
    assert await attempts.race(attempts("slow"), attempts.works("quick"), stagger_s=0) == "quick"
    assert attempts.cancelled == ["slow"]


async def test_so_many_at_once_and_no_more() -> None:
    attempts = Attempts()
    racing = asyncio.get_running_loop().create_task(
        attempts.race(attempts("a"), attempts("b"), attempts.works("c"), stagger_s=0)
    )
    while len(attempts.begun) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    attempts.ends["a"].set_exception(RemoteError("dial.planted", "a"))
    assert await racing == "c"
    assert attempts.begun == ["a", "b", "c"]


async def test_of_two_winners_in_one_moment_one_is_discarded() -> None:
    attempts = Attempts()
    racing = asyncio.get_running_loop().create_task(attempts.race(attempts("a"), attempts("b"), stagger_s=0))
    while len(attempts.begun) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    attempts.ends["a"].set_result("a")
    attempts.ends["b"].set_result("b")
    winner = await racing
    assert {winner, *attempts.discarded} == {"a", "b"}


async def test_cancelling_the_race_cancels_what_runs() -> None:
    attempts = Attempts()
    racing = asyncio.get_running_loop().create_task(attempts.race(attempts("a"), stagger_s=NEVER_S))
    while not attempts.begun:  # noqa: ASYNC110
        await asyncio.sleep(0)
    racing.cancel()
    await asyncio.gather(racing, return_exceptions=True)
    assert attempts.cancelled == ["a"]


async def test_our_own_mistake_is_not_taken_for_a_failed_attempt() -> None:
    attempts = Attempts()
    with pytest.raises(ZeroDivisionError):
        await attempts.race(attempts.fails("a", ZeroDivisionError()), attempts.works("b"), stagger_s=NEVER_S)


Attempt = Callable[[], Coroutine[Any, Any, str]]


async def heard_while_running(attempts: Attempts, *tried: Attempt, heard: list[Attempt]) -> str | None:
    """Race, and bring more as soon as as many run as may."""
    news = [heard, []]

    async def more() -> list[Attempt]:
        while len(attempts.begun) < 2 or not news:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return news.pop(0)

    return await race(tried, stagger_s=0, at_once_max=2, discard=attempts.discarded.append, more=more)


async def test_what_is_heard_while_all_hang_is_tried_at_once_and_before_the_rest() -> None:
    attempts = Attempts()
    heard = [attempts.works("heard"), attempts("heard too")]
    tried = (attempts("a"), attempts("b"), attempts("rest"))
    assert await heard_while_running(attempts, *tried, heard=heard) == "heard"
    assert attempts.begun == ["a", "b", "heard"]
    assert sorted(attempts.cancelled) == ["a", "b"]


async def test_of_those_that_are_heard_one_at_a_time_is_beyond_the_number() -> None:
    attempts = Attempts()
    heard = [attempts.fails("one"), attempts("two"), attempts("three")]
    racing = asyncio.get_running_loop().create_task(
        heard_while_running(attempts, attempts("a"), attempts("b"), attempts.works("rest"), heard=heard)
    )
    while len(attempts.begun) < 4:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _turn in range(20):
        await asyncio.sleep(0)
    assert attempts.begun == ["a", "b", "one", "two"]
    for name in ("a", "b", "two"):
        attempts.ends[name].set_exception(RemoteError("dial.planted", name))
    assert await racing == "rest"
    assert attempts.begun == ["a", "b", "one", "two", "three", "rest"]


class Hanging:
    """Attempts that hang until the test ends one of them, each beginning with a number of its own."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ends: list[asyncio.Future[str]] = []

    def __call__(self, name: str) -> Attempt:
        async def attempt() -> str:
            self.begun.append(name)
            self.ends.append(asyncio.get_running_loop().create_future())
            return await self.ends[-1]

        return attempt

    async def until(self, count: int) -> None:
        while len(self.begun) < count:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def no_more(self) -> None:
        for _turn in range(20):
            await asyncio.sleep(0)


def race_again(
    *attempts: Attempt,
    at_once_max: int,
    again_s: float = 0.0,
    again_for_s: float = NEVER_S,
    more: Callable[[], Coroutine[Any, Any, Sequence[Attempt]]] | None = None,
) -> asyncio.Task[str | None]:
    racing = race(
        attempts,
        stagger_s=0,
        at_once_max=at_once_max,
        discard=lambda _won: None,
        again_s=again_s,
        again_for_s=again_for_s,
        more=more,
    )
    return asyncio.get_running_loop().create_task(racing)


async def test_attempts_that_hang_are_begun_again_in_turn_and_a_later_beginning_can_win() -> None:
    hanging = Hanging()
    racing = race_again(hanging("a"), hanging("b"), at_once_max=4)
    await hanging.until(4)
    await hanging.no_more()
    assert hanging.begun == ["a", "b", "a", "b"], "as many as may run at once"
    for number in (0, 2):
        hanging.ends[number].set_exception(RemoteError("dial.planted", "a"))
    await hanging.until(6)
    assert hanging.begun[4:] == ["a", "b"], "what hung and then failed has its turn, too"
    hanging.ends[4].set_result("a at last")
    assert await racing == "a at last"


async def test_what_fails_at_once_is_not_begun_again() -> None:
    hanging, failing = Hanging(), Attempts()
    racing = race_again(failing.fails("gone"), hanging("a"), at_once_max=3, again_s=0.05)
    await hanging.until(3)
    assert (failing.begun, hanging.begun) == (["gone"], ["a", "a", "a"])
    for end in hanging.ends:
        end.set_exception(RemoteError("dial.planted", "a"))
    assert await racing is None


@pytest.mark.parametrize(("again_s", "again_for_s"), [(NEVER_S, NEVER_S), (0.0, 0.0)], ids=["too early", "too late"])
async def test_nothing_is_begun_again_before_or_after_its_time(again_s: float, again_for_s: float) -> None:
    hanging = Hanging()
    racing = race_again(hanging("a"), at_once_max=9, again_s=again_s, again_for_s=again_for_s)
    await hanging.until(1)
    await hanging.no_more()
    assert hanging.begun == ["a"]
    hanging.ends[0].set_result("a")
    assert await racing == "a"


async def test_word_that_comes_late_lets_what_hangs_be_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, ahead_s, heard = asyncio.get_running_loop(), [0.0], asyncio.Event()
    real_s = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_s() + ahead_s[0])
    hanging = Hanging()

    async def more() -> list[Attempt]:
        await heard.wait()
        heard.clear()
        return []

    racing = race_again(hanging("a"), at_once_max=2, again_s=6, again_for_s=10, more=more)
    await hanging.until(1)
    ahead_s[0] = 11
    await hanging.no_more()
    assert hanging.begun == ["a"], "it is too late"
    heard.set()
    await hanging.until(2)
    hanging.ends[1].set_result("a")
    assert await racing == "a"


async def test_what_has_won_is_discarded_when_nobody_waits_for_it_any_more() -> None:
    attempts, tasks = Attempts(), Tasks()
    tasks_end = asyncio.Event()

    async def ends_slowly() -> str:
        try:
            return await attempts.ends["slow"]
        finally:
            attempts.cancelled.append("slow")
            await tasks_end.wait()

    attempts("slow")
    racing = tasks.start(attempts.race(ends_slowly, attempts.works("quick"), stagger_s=0.0), "a race")
    while not attempts.cancelled:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await tasks.close()
    assert racing.cancelled()
    assert attempts.discarded == ["quick"]
