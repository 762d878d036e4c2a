import math

import pytest

from hartig_node.net.backoff import BESIDE_S, accept_delay_s, beside_s, connect_s, dial_s, retry_delay_s


@pytest.mark.parametrize(
    ("failures", "jitter", "delay_s"),
    [
        (-1, 0.5, 0.0),
        (0, 0.0, 0.0),
        (1, 0.5, 1.0),
        (1, 0.0, 0.8),
        (1, 1.0, 1.2),
        (2, 0.5, 2.0),
        (3, 0.5, 4.0),
        (5, 0.5, 16.0),
        (6, 0.5, 25.0),
        (6, 0.0, 20.0),
        (6, 1.0, 30.0),
        (7, 0.5, 25.0),
        (100_000, 0.5, 25.0),
    ],
)
def test_the_wait_doubles_from_one_second_to_half_a_minute(failures: int, jitter: float, delay_s: float) -> None:
    assert retry_delay_s(failures, jitter) == pytest.approx(delay_s)


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(0, 0.0), (1, 0.05), (2, 0.1), (5, 0.8), (6, 1.0), (7, 1.0), (10**9, 1.0)]
)
def test_a_listener_without_descriptors_rests_a_second_at_most(failures: int, delay_s: float) -> None:
    assert accept_delay_s(failures) == pytest.approx(delay_s)


@pytest.mark.parametrize(
    ("failures", "answer_s", "whole_s"), [(0, 1.5, 2.5), (1, 3.0, 5.0), (2, 4.0, 5.0), (10**9, 4.0, 5.0)]
)
def test_each_round_of_dials_is_twice_as_patient_as_the_one_before(
    failures: int, answer_s: float, whole_s: float
) -> None:
    assert (connect_s(failures), dial_s(failures)) == pytest.approx((answer_s, whole_s))


@pytest.mark.parametrize(("failures", "answer_s"), [(0, BESIDE_S), (1, math.inf), (10**9, math.inf)])
def test_only_the_first_round_begins_connections_beside_one_that_hangs(failures: int, answer_s: float) -> None:
    assert beside_s(failures) == answer_s
