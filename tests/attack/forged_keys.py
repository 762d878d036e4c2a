"""Keys for which a signature fits that nobody made (SPEC K2 and K3 say why, and where they come from)."""

# The neutral point, canonical and not: OpenSSL takes these for keys, and finds one constant signature right.
NEUTRAL = ("01" + 31 * "00", "01" + 30 * "00" + "80", "ee" + 30 * "ff" + "7f", "ee" + 31 * "ff")
ORDER_TWO = "ec" + 30 * "ff" + "7f"  # fits every other message
MADE_UP = bytes.fromhex(NEUTRAL[0]) + bytes(32)
