"""How often somebody may try."""

from hartig_node.site.pace import Pace


def test_an_address_waits_once_it_has_tried_so_often() -> None:
    pace = Pace(per_address_max=2, total_max=100, window_s=60)
    assert [pace.take("a", now_s) for now_s in (0, 10, 20)] == [0, 0, 40]
    assert pace.take("b", 20) == 0
    assert pace.take("a", 60) == 0  # the first try is a window old
    assert pace.take("a", 61) == 9


def test_a_refused_try_does_not_prolong_the_wait() -> None:
    pace = Pace(per_address_max=1, total_max=100, window_s=60)
    pace.take("a", 0)
    assert [pace.take("a", now_s) for now_s in range(1, 4)] == [59, 58, 57]


def test_all_addresses_together_are_bounded_and_so_is_the_table() -> None:
    pace = Pace(per_address_max=5, total_max=50, window_s=60)
    waits = [pace.take(f"address {number}", number / 10) for number in range(1000)]
    assert waits.count(0) == 100  # 50 in the first minute, 50 in the next 40 seconds
    assert len(pace) <= 50


def test_what_is_long_ago_is_forgotten() -> None:
    pace = Pace(per_address_max=5, total_max=50, window_s=60)
    for number in range(50):
        pace.take(f"address {number}", 0)
    pace.take("a", 60)
    assert len(pace) == 1
