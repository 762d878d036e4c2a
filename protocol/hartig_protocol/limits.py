"""Every bound of the protocol, with its reason and where the number comes from.

Units come last in a name. Times on the wire are milliseconds since 1970 (UTC), without leap seconds.
The assertions at the end state how the bounds hang together; they run at import.
"""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

# --- Versions (design 3: the hello states the lowest and highest protocol version)
VERSION_LOWEST = 1
VERSION_HIGHEST = 1

# --- Encoding
INTEGER_MAX = 2**53 - 1  # what every language's JSON and JavaScript hold exactly
DEPTH_MAX = 8  # deepest need: message > records > record; facts and bodies stay within 4
HEAD_BYTES_MAX = 2 * 1024  # a head with 52 dates and all facts is about 900 bytes
BODY_BYTES_MAX = 16 * 1024  # title and text in eight languages
STEP_BODY_BYTES_MAX = 1024  # only a sealed contact travels in a chain
FRAME_BYTES_MAX = 256 * 1024  # decoded worst case about 18 MB (73 bytes for one byte, measured), one at a time

# --- Keys and ids
KEY_BYTES = 32
SIGNATURE_BYTES = 64
RECORD_ID_BYTES = 32
THREAD_ID_BYTES = 16
NETWORK_ID_BYTES = 16
NONCE_BYTES = 16
EPOCH_BYTES = 16
CHECK_BYTES = 16  # running hash of arrivals: 64 bits against accident, 128 against design
SECRET_BYTES = 16

# --- Records
SUBJECT_BYTES_MAX = 32
FIXED_ITEMS_MAX = 8
PLACE_MAX = 2**31 - 1
STAMP_AHEAD_MS_MAX = 10 * MINUTE_MS  # a trusted clock refuses records from further ahead
LIFE_MS_MAX = 90 * DAY_MS
LIFE_LONG_MS_MAX = 400 * DAY_MS  # cards, grants, pacts: a year and a month to renew
LIFE_REVOKE_MS_MAX = 435 * DAY_MS  # a revocation outlives what it revokes: 400 days and 35 to go
BODY_KEPT_MS = 7 * DAY_MS  # after `expires`
THREAD_KEPT_MS = 35 * DAY_MS  # after `expires`: longer than the weeks that a hub works cut off
STEPS_MAX = 4096  # then a new lot by count
DATES_MAX = 52
KIND_CHAIN_LOWEST = 128  # kinds below are registers
KIND_MAX = 255

# --- Texts of needs, offers and cards
CATEGORY_BYTES_MAX = 32
AREA_CHARACTERS_MAX = 5  # geohash, about 4.9 km
UNIT_CHARACTERS_MAX = 3
LANGUAGE_BYTES_MAX = 12
LANGUAGES_MAX = 8
TITLE_BYTES_MAX = 480  # 120 characters of the widest script
TEXT_BYTES_MAX = 8 * 1024
ATTRIBUTES_MAX = 32
ATTRIBUTE_BYTES_MAX = 32
SOURCE_BYTES_MAX = 240
NAME_BYTES_MAX = 240
QUANTITY_MAX = 10**12
PEOPLE_MAX = 1_000_000
REACH_KM_MAX = 20_000

# --- Governance
SEATS_MAX = 16
NODES_MAX = 4  # node keys on one hub's card: today's, and those of a machine being replaced
ADDRESSES_MAX = 8
ADDRESS_BYTES_MAX = 80
PLACES_DEFAULT = 20_000  # so that an import of thousands fits
PLACES_MAX = 1_000_000
INVITES_DEFAULT = 1_000  # an organiser who meets someone every day for three years
INVITES_MAX = 100_000
GRANTS_DEEP_MAX = 32  # a path with charter and card must fit a hello (HELLO_RECORDS_MAX); invites shrink on the way
REVOKES_MAX = 4_096  # of one author: bounds what a stolen seat key can occupy

# --- Sync
RECORDS_PER_FRAME_MAX = 256
RECORDS_PER_FRAME = 128  # about 13 ms of verification: what the event loop may be held for
RECORD_BYTES_PER_FRAME = 128 * 1024  # then the frame is sent, full or not
IDS_PER_FRAME_MAX = 4_096  # 139 kB
WANTS_PER_FRAME_MAX = 512
IDS_LISTED_MAX = 500_000  # ids of one full list: 32 MB held while it is compared
WAITING_PER_PEER_MAX = 256
ASKED_PER_SESSION_MAX = 65_536
HELLO_RECORDS_MAX = 72  # two paths of grants (an admission carries the inviter's too), a charter, a card
TOLD_PER_PEER_MAX = 32
WINDOW_RECORDS_MAX = 1_024  # sent and not yet acknowledged by one peer; more is read again from the store
OLD_THREADS_PER_SESSION_MAX = 256
SESSIONS_MAX = 64
PEERS_KNOWN_MAX = 4_096

HELLO_TIMEOUT_MS = 10_000
PING_AFTER_MS = 20_000  # of silence
SILENCE_MS_MAX = 60_000  # then the link is dead: three pings
AUDIT_EVERY_MS = 5 * MINUTE_MS
AUDITS_PER_MINUTE_MAX = 4  # from one peer; an honest one asks once or twice in five minutes, and each costs a pass
SWEEP_EVERY_MS = MINUTE_MS
HOUR_AHEAD_MS_MAX = 2 * HOUR_MS  # further ahead, the trusted side's hour counts (design 6.3)

# --- Invites
INVITE_USES_MAX = 1_000
INVITE_ADDRESSES_MAX = 4
INVITE_BYTES_MAX = 1_024
JOIN_TRIES_PER_MINUTE = 3  # of one peer; and a link is closed at the first wrong secret

assert THREAD_KEPT_MS > BODY_KEPT_MS
assert LIFE_REVOKE_MS_MAX >= LIFE_LONG_MS_MAX + THREAD_KEPT_MS
assert HEAD_BYTES_MAX + BODY_BYTES_MAX + SEATS_MAX * SIGNATURE_BYTES + 32 < RECORD_BYTES_PER_FRAME
assert RECORD_BYTES_PER_FRAME + HEAD_BYTES_MAX + BODY_BYTES_MAX < FRAME_BYTES_MAX
assert IDS_PER_FRAME_MAX * (RECORD_ID_BYTES + 2) + 64 < FRAME_BYTES_MAX
assert RECORDS_PER_FRAME <= RECORDS_PER_FRAME_MAX <= WINDOW_RECORDS_MAX
assert INVITES_DEFAULT <= INVITES_MAX <= PLACE_MAX
assert PLACES_DEFAULT <= PLACES_MAX <= PLACE_MAX
assert 2 * GRANTS_DEEP_MAX + 2 <= HELLO_RECORDS_MAX <= RECORDS_PER_FRAME_MAX
assert PING_AFTER_MS * 3 <= SILENCE_MS_MAX
