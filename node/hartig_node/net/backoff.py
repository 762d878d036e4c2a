"""When to try again: pure functions, no clock and no random source of their own.

Who calls: `dialer.py` after a failed dial, the daemon before each, `gate.py` when the system has no descriptors left.
"""

import math

RETRY_DELAY_S_MIN = 1.0  # guess: a hub that restarts is back in a few seconds
RETRY_DELAY_S_MAX = 25.0  # a hub that is back is found within 30 s without any discovery; a dial costs 2 ms of work
RETRY_SPREAD = 0.2  # ± this part, so that hubs which lost one another at once do not come back in step

# On a LAN the answer to a first packet comes in milliseconds, or it was lost and another connection beside it is
# better: the system sends it again after a second, and a connection that begins so late is slow in all that it repeats.
# When a round has failed, there may be a slow network between, or nobody: so in each later one a dial is one connection
# and more patient.
BESIDE_S = 0.15
CONNECT_S_MIN = 1.5  # longer than the system takes to look for a hardware address once more
CONNECT_S_MAX = 4.0
DIAL_S_MIN = 2.5  # a handshake computes for some 10 ms; a busy machine is met by the next round
DIAL_S_MAX = 5.0  # the accept gate's patience at the other end

ACCEPT_DELAY_S_MIN = 0.05  # guess: descriptors come free within moments when links end
ACCEPT_DELAY_S_MAX = 1.0  # as long as asyncio's own servers wait after EMFILE


def retry_delay_s(failures: int, jitter: float) -> float:
    """Return how many seconds to wait after `failures` failed dials in a row.

    Args:
        failures: at least 1 for a wait; 0 means try at once.
        jitter: from 0 to 1; 0.5 is the plain delay, 0 and 1 are its bounds of ±20 %.
    """
    if failures <= 0:
        return 0.0
    return _doubled(RETRY_DELAY_S_MIN, RETRY_DELAY_S_MAX, failures) * (1 + RETRY_SPREAD * (2 * jitter - 1))


def connect_s(failures: int) -> float:
    """Return how long the other side's system has to answer a dial, after `failures` failed rounds in a row."""
    return _doubled(CONNECT_S_MIN, CONNECT_S_MAX, failures + 1)


def beside_s(failures: int) -> float:
    """Return after how long another connection is begun beside one that hangs, after so many failed rounds."""
    return BESIDE_S if failures <= 0 else math.inf


def dial_s(failures: int) -> float:
    """Return how long a dial may take with its handshake, after `failures` failed rounds in a row."""
    return _doubled(DIAL_S_MIN, DIAL_S_MAX, failures + 1)


def accept_delay_s(failures: int) -> float:
    """Return how many seconds to leave a listener alone after `failures` failed accepts in a row."""
    if failures <= 0:
        return 0.0
    return _doubled(ACCEPT_DELAY_S_MIN, ACCEPT_DELAY_S_MAX, failures)


def _doubled(first_s: float, last_s: float, failures: int) -> float:
    # The exponent is capped before the power: failures has no bound, floats do.
    doublings = min(failures - 1, math.ceil(math.log2(last_s / first_s)))
    return min(last_s, first_s * 2.0**doublings)
