"""Edwards25519 in plain Python, slow and short (RFC 8032, section 6): for tests that need points of every order."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
_ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
IDENTITY: Point = (0, 1, 1, 0)


def add(p: Point, q: Point) -> Point:
    """The sum of two points in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar: int, p: Point) -> Point:
    """A multiple of a point."""
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, p)
        p = add(p, p)
        scalar >>= 1
    return total


def decode(encoded: bytes) -> Point | None:
    """The point that 32 bytes stand for, also where they are not canonical; None where there is none."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * _ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    if x & 1 != sign:
        x = P - x
    return (x % P, y % P, 1, x * y % P)


def encode(p: Point) -> bytes:
    """The canonical 32 bytes of a point."""
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    point = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE = _base()


def torsion() -> list[Point]:
    """The eight points whose order divides 8, found by taking the order L out of any points."""
    found: dict[bytes, Point] = {}
    number = 2
    while len(found) < 8:
        point = decode(number.to_bytes(32, "little"))
        number += 1
        if point is not None:
            small = times(L, point)
            for multiple in range(8):
                one = times(multiple, small)
                found[encode(one)] = one
    return [found[encoded] for encoded in sorted(found)]


def scalar_of(seed: bytes) -> int:
    """The secret scalar of a private key."""
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return number & ((1 << 254) - 8) | 1 << 254


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """The hash that enters the equation."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L
