"""Words that two people compare by voice before one hub lets another in (SPEC, part I).

In: what both ends know of each other. Out: eight made-up words of five letters, easy to say in any language with Latin
letters, and in need of no list: proquints (D. Wilkerson, "A Proposal for Proquints: Identifiers that are Readable,
Spellable, and Pronounceable", arXiv:0901.4016, 2009), 16 bits each.
"""

import hashlib

from hartig_protocol.records.keys import PREFIX_PAIRING

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aiou"
WORDS_BYTES = 16
# RFC 7914; 16 MiB and about 50 ms. Both node keys are at a man in the middle's choice, so that two sets of 2^64 tries
# would hold a match: each costs so much that nobody has time for it.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1


def pairing_words(network: bytes, newcomer_node: bytes, newcomer_hub: bytes, member_node: bytes) -> str:
    """Return the words for a newcomer and a node of the network: they agree if each has met the very other (I3)."""
    data = network + newcomer_node + newcomer_hub + member_node
    return spoken(hashlib.scrypt(data, salt=PREFIX_PAIRING, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=WORDS_BYTES))


def spoken(data: bytes) -> str:
    """Return bytes, an even number of them, as proquints with spaces between."""
    return " ".join(_word(data[at] << 8 | data[at + 1]) for at in range(0, len(data), 2))


def _word(bits: int) -> str:
    parts = CONSONANTS[bits >> 12], VOWELS[bits >> 10 & 3], CONSONANTS[bits >> 6 & 15], VOWELS[bits >> 4 & 3]
    return "".join(parts) + CONSONANTS[bits & 15]
