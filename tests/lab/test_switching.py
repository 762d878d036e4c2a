"""Who hears a frame, how often and when: tables and seeds, no devices."""

import random
from collections.abc import Callable

import pytest

from lab import switching
from lab.switching import PERFECT, Cable, Counts, Fabric, cross

EVERYBODY = b"\xff" * 6
MDNS = bytes.fromhex("01005e0000fb")
MDNS_IPV6 = bytes.fromhex("3333000000fb")
SPANNING_TREE = bytes.fromhex("0180c2000000")
MACS = {port: bytes([2, 0, 0, 0, 0, number]) for number, port in enumerate("abcd", start=1)}


def frame(destination: bytes, source: str, text: bytes = b"") -> bytes:
    return destination + MACS[source] + b"\x08\x00" + text


def fabric(seed: int = 1, ports: str = "abcd") -> Fabric:
    made = Fabric(random.Random(seed))
    for port in ports:
        made.add_port(port)
    return made


def introduced(seed: int = 1) -> Fabric:
    """A fabric in which every port's address is learned and nothing is in flight."""
    made = fabric(seed)
    for port in "abcd":
        made.receive(port, frame(EVERYBODY, port), now_s=0.0)
    made.take_due(0.0)
    return made


def heard(made: Fabric, now_s: float = 0.0) -> str:
    return "".join(sorted(port for port, _ in made.take_due(now_s)))


@pytest.mark.parametrize(
    ("destination", "ports"),
    [
        (EVERYBODY, "bcd"),
        (MDNS, "bcd"),
        (MDNS_IPV6, "bcd"),
        (SPANNING_TREE, "bcd"),
        (MACS["c"], "c"),
        (MACS["a"], ""),
        (b"\x02unkno", "bcd"),
    ],
    ids=["broadcast", "multicast", "multicast 6", "other group", "learned", "its own port", "unknown"],
)
def test_a_frame_goes_where_its_destination_is(destination: bytes, ports: str) -> None:
    made = introduced()
    made.receive("a", frame(destination, "a"), now_s=0.0)
    assert heard(made) == ports


def test_an_address_that_moves_is_found_at_its_new_port() -> None:
    made = introduced()
    made.receive("d", frame(EVERYBODY, "c"), now_s=0.0)
    made.take_due(0.0)
    made.receive("a", frame(MACS["c"], "a"), now_s=0.0)
    assert heard(made) == "d"


def test_a_group_address_is_never_learned() -> None:
    made = introduced()
    made.receive("b", MACS["a"] + EVERYBODY + b"\x08\x00", now_s=0.0)
    made.take_due(0.0)
    made.receive("a", frame(EVERYBODY, "a"), now_s=0.0)
    assert heard(made) == "bcd"


def test_the_oldest_learned_address_goes_when_the_table_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switching, "LEARNED_MAX", 4)
    made = introduced()
    made.receive("a", EVERYBODY + b"\x02fresh" + b"\x08\x00", now_s=0.0)
    made.take_due(0.0)
    made.receive("d", frame(MACS["a"], "d"), now_s=0.0)
    assert heard(made) == "abc", "the address of a was the oldest, so it is asked for everywhere"


@pytest.mark.parametrize("size", [0, 1, switching.HEADER_BYTES - 1])
def test_a_frame_too_short_for_a_header_is_dropped_and_counted(size: int) -> None:
    made = introduced()
    made.receive("a", bytes(size), now_s=0.0)
    assert heard(made) == ""
    assert made.counts["a"].malformed == 1


def test_a_frame_of_only_a_header_passes() -> None:
    made = introduced()
    made.receive("a", frame(MACS["b"], "a"), now_s=0.0)
    assert made.take_due(0.0) == [("b", frame(MACS["b"], "a"))]


@pytest.mark.parametrize(
    ("groups", "source", "ports"),
    [
        ([], "a", "bcd"),
        (["ab", "cd"], "a", "b"),
        (["ab", "cd"], "d", "c"),
        (["a"], "a", ""),
        (["a"], "b", "cd"),
        (["a", "bc"], "d", ""),
    ],
)
def test_ports_hear_only_their_own_group(groups: list[str], source: str, ports: str) -> None:
    made = introduced()
    made.partition(groups)
    made.receive(source, frame(EVERYBODY, source), now_s=0.0)
    assert heard(made) == ports
    assert made.counts[source].partitioned == 3 - len(ports)


def test_after_healing_all_hear_all() -> None:
    made = introduced()
    made.partition(["a", "bcd"])
    made.heal()
    made.receive("a", frame(EVERYBODY, "a"), now_s=0.0)
    assert heard(made) == "bcd"


def test_a_partition_also_stops_what_is_in_flight() -> None:
    made = introduced()
    made.set_cable("b", Cable(delay_s=1.0))
    made.receive("a", frame(MACS["b"], "a"), now_s=0.0)
    made.partition(["a"])
    assert heard(made, 2.0) == ""
    assert made.counts["a"].partitioned == 1


@pytest.mark.parametrize(
    ("deaf", "source", "destination", "ports"),
    [
        ("b", "a", MDNS, "cd"),
        ("b", "a", MDNS_IPV6, "cd"),
        ("b", "b", MDNS, ""),
        ("b", "b", MDNS_IPV6, ""),
        ("b", "a", EVERYBODY, "bcd"),
        ("b", "b", EVERYBODY, "acd"),
        ("b", "a", MACS["b"], "b"),
        ("b", "b", MACS["a"], "a"),
        ("bcd", "a", MDNS, ""),
    ],
)
def test_a_cable_without_multicast_carries_all_else(deaf: str, source: str, destination: bytes, ports: str) -> None:
    made = introduced()
    for port in deaf:
        made.set_cable(port, Cable(multicast=False))
    made.receive(source, frame(destination, source), now_s=0.0)
    assert heard(made) == ports
    blocked = sum(counts.multicast_blocked for counts in made.counts.values())
    assert blocked == (0 if destination in {EVERYBODY, *MACS.values()} else 1 if source in deaf else len(deaf))


def test_a_delay_is_the_sum_of_both_cables() -> None:
    made = introduced()
    made.set_cable("a", Cable(delay_s=0.25))
    made.set_cable("b", Cable(delay_s=0.5))
    made.receive("a", frame(MACS["b"], "a"), now_s=10.0)
    assert made.next_due_s() == 10.75
    assert heard(made, 10.7) == ""
    assert heard(made, 10.75) == "b"
    assert made.next_due_s() is None
    assert made.counts["b"].delayed == 1


@pytest.mark.parametrize(
    ("cable", "copies"),
    [
        (PERFECT, [(0.0, False)]),
        (Cable(delay_s=2.0), [(2.0, False)]),
        (Cable(loss=1.0), []),
        (Cable(loss=1.0, duplication=1.0), []),
        (Cable(duplication=1.0), [(0.0, False), (0.0, False)]),
        (Cable(delay_s=1.0, reorder=1.0), [(1.0 + switching.HELD_BACK_S, True)]),
    ],
)
def test_certain_faults_need_no_luck(cable: Cable, copies: list[tuple[float, bool]]) -> None:
    made = cross(cable, random.Random(5), Counts())
    assert [(copy.delay_s, copy.held_back) for copy in made] == copies


@pytest.mark.parametrize(
    ("cable", "share_of"),
    [
        (Cable(loss=0.3), lambda counts: counts.lost),
        (Cable(duplication=0.3), lambda counts: counts.duplicated),
        (Cable(reorder=0.3), lambda counts: counts.held_back),
    ],
    ids=["loss", "duplication", "reorder"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fault_strikes_about_as_often_as_asked(cable: Cable, share_of: Callable[[Counts], int], seed: int) -> None:
    counts = Counts()
    chance = random.Random(seed)
    for _ in range(10_000):
        cross(cable, chance, counts)
    # Five standard deviations of 10,000 draws at 0.3 are 230; the seeds are fixed, so this never flickers.
    assert abs(share_of(counts) - 3000) < 230


def test_jitter_lies_between_nothing_and_its_bound() -> None:
    chance = random.Random(3)
    cable = Cable(delay_s=1.0, jitter_s=0.5)
    delays = [cross(cable, chance, Counts())[0].delay_s for _ in range(2000)]
    assert min(delays) >= 1.0
    assert max(delays) <= 1.5
    assert min(delays) < 1.05
    assert max(delays) > 1.45


def texts_in_order(made: Fabric, count: int) -> list[bytes]:
    for number in range(count):
        made.receive("a", frame(MACS["b"], "a", b"%d" % number), now_s=number * 0.001)
    return [sent[switching.HEADER_BYTES :] for _, sent in made.take_due(100.0)]


def test_jitter_alone_keeps_the_order() -> None:
    made = introduced()
    made.set_cable("b", Cable(delay_s=0.1, jitter_s=0.1))
    assert texts_in_order(made, 50) == [b"%d" % number for number in range(50)]


def test_reordering_loses_nothing_and_breaks_the_order() -> None:
    made = introduced()
    made.set_cable("b", Cable(reorder=0.3))
    texts = texts_in_order(made, 50)
    ordered = [b"%d" % number for number in range(50)]
    assert texts != ordered
    assert sorted(texts) == sorted(ordered)


def trace(seed: int) -> list[tuple[str, bytes]]:
    made = introduced(seed)
    for port in "abcd":
        made.set_cable(port, Cable(delay_s=0.1, jitter_s=0.2, loss=0.2, duplication=0.2, reorder=0.2))
    for number in range(100):
        made.receive("abcd"[number % 4], frame(EVERYBODY, "abcd"[number % 4], b"%d" % number), number * 0.01)
    return made.take_due(100.0)


def test_a_seed_repeats_every_choice() -> None:
    assert trace(7) == trace(7)
    assert trace(7) != trace(8)


def test_a_full_queue_drops_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switching, "FLIGHT_FRAMES_MAX", 3)
    made = introduced()
    made.set_cable("b", Cable(delay_s=1.0))
    for _ in range(5):
        made.receive("a", frame(MACS["b"], "a"), now_s=0.0)
    made.receive("a", frame(MACS["c"], "a"), now_s=0.0)
    assert heard(made, 1.0) == "bbbc", "one port's full queue is not another's"
    assert made.counts["b"].overflowed == 2
    made.receive("a", frame(MACS["b"], "a"), now_s=2.0)
    assert heard(made, 3.0) == "b", "there is room again"


def test_a_removed_port_takes_its_frames_along() -> None:
    made = introduced()
    made.set_cable("b", Cable(delay_s=1.0))
    made.set_cable("c", Cable(delay_s=1.0))
    made.receive("a", frame(EVERYBODY, "a"), now_s=0.0)
    made.receive("b", frame(MACS["c"], "b"), now_s=0.0)
    made.remove_port("b")
    assert heard(made, 5.0) == "cd"
    made.receive("a", frame(MACS["b"], "a"), now_s=5.0)
    assert heard(made, 6.0) == "cd", "its address is unlearned"
    assert "b" not in made.counts


def test_a_port_has_one_name() -> None:
    with pytest.raises(ValueError, match="already has a port 'a'"):
        fabric().add_port("a")


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.remove_port("z"),
        lambda made: made.set_cable("z", PERFECT),
        lambda made: made.partition(["az"]),
    ],
    ids=["remove", "cable", "partition"],
)
def test_a_port_that_is_not_there_is_named(change: Callable[[Fabric], None]) -> None:
    with pytest.raises(KeyError, match="no port z; it has a, b, c, d"):
        change(fabric())


def test_a_port_cannot_stand_on_both_sides() -> None:
    with pytest.raises(ValueError, match="two groups"):
        fabric().partition(["ab", "bc"])


@pytest.mark.parametrize(
    "wrong",
    [{"loss": 1.1}, {"loss": -0.1}, {"duplication": 2.0}, {"reorder": float("nan")}, {"delay_s": -1.0},
     {"jitter_s": float("inf")}],
)  # fmt: skip
def test_a_cable_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Cable(**wrong)  # type: ignore[arg-type]


def test_a_snapshot_stands_still() -> None:
    made = introduced()
    before = made.snapshot()
    made.receive("a", frame(MACS["b"], "a"), now_s=0.0)
    assert made.counts["a"].received == before["a"].received + 1
