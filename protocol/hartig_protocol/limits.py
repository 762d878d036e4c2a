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
FRAME_BYTES_MAX = 256 * 1024
FRAME_ITEMS_MAX = 8 * 1024  # of all its arrays and maps: twice a list of ids. A frame of 262,144 empty maps took 0.2 s

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
LIFE_LOW_MS_MAX = 7 * DAY_MS  # that a shelf is nearly empty: somebody fills it, or says it again
LIFE_REVOKE_MS_MAX = 435 * DAY_MS  # a revocation outlives what it revokes: 400 days and 35 to go
BODY_KEPT_MS = 7 * DAY_MS  # after `expires`
CONTACT_KEPT_MS = 48 * HOUR_MS  # after a deal is settled: time to call about what went wrong with it
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
FLAG_TEXT_BYTES_MAX = TITLE_BYTES_MAX  # in each language: a sentence or two beside a reason from a list
REPEATS_BYTES_MAX = 640  # a rule of 200 characters, its start, its zone twice and 20 days left out are 570
NAME_BYTES_MAX = 240
QUANTITY_MAX = 10**12
PEOPLE_MAX = 1_000_000
REACH_KM_MAX = 20_000

# --- Governance
SEATS_MAX = 12  # as many seats, and as many keys that sign, fit a charter's head
CHARTERS_MAX = 64  # versions of a network's charter: one a year, and a lifetime to spare
CHARTERS_LOST_MAX = 256  # remembered of those that lost, so that what follows them waits for nothing
HUB_CARDS_MAX = 4  # of one hub that name nodes: those with the lowest places
NODES_MAX = 4  # node keys on one hub's card: today's, and those of a machine being replaced
ADDRESSES_MAX = 8
ADDRESS_BYTES_MAX = 80
PLACES_DEFAULT = 20_000  # so that an import of thousands fits
PLACES_MAX = 1_000_000
INVITES_DEFAULT = 1_000  # an organiser who meets someone every day for three years
INVITES_MAX = 100_000
GRANTS_DEEP_MAX = 32  # a path with charter and card must fit a hello (HELLO_RECORDS_MAX); invites shrink on the way
SUCCESSIONS_MAX = 16  # on one such path: keys that were lost and replaced since somebody last granted anew
REVOKES_MAX = 4_096  # of one author: bounds what a stolen seat key can occupy

# --- Sync
RECORDS_PER_FRAME_MAX = 256
RECORDS_PER_FRAME = 64  # about 15 ms until they are verified and taken: what the event loop may be held for
RECORD_BYTES_PER_FRAME = 128 * 1024  # then the frame is sent, full or not
IDS_PER_FRAME_MAX = 4_096  # 139 kB
WANTS_PER_FRAME_MAX = 512
SHORT_BYTES = 8  # of an id or a key, where a list of many names them
SHORT_PER_FRAME_MAX = 4_096
PULLS_PER_FRAME_MAX = 512
SKETCH_ID_BYTES = 6  # keyed short ids of the audit: 48 bits, and a bad guess costs one audit
LACKS_PER_FRAME_MAX = 16_384
SYMBOL_BYTES_PER_FRAME_MAX = 128 * 1024
RECENT_AGES = 12  # of records in an audit, each twice the one before: an hour to 85 days, nearly all lifetimes
IDS_LISTED_MAX = 500_000  # ids of one full list: 32 MB held while it is compared
WAITING_PER_PEER_MAX = 256
ASKED_PER_SESSION_MAX = 65_536
HELLO_RECORDS_MAX = 164  # charters, two paths of grants (an admission carries the inviter's too), a card
GREETING_BYTES_MAX = FRAME_BYTES_MAX - 1_024  # records of a hello; 64 charters of twelve seats alone may take 176 KiB
TOLD_PER_PEER_MAX = 32
WINDOW_RECORDS_MAX = 1_024  # sent and not yet acknowledged by one peer; more is read again from the store
WEIGHT_BYTES = 1_024  # a record counts as one more for each, so that a window is a megabyte at most
ENCLOSING_BYTES = 40  # what a frame of one partner network's records costs beside itself on a shared link
OLD_THREADS_PER_SESSION_MAX = 256
SESSIONS_MAX = 64
PEERS_KNOWN_MAX = 4_096

# --- Spreading and catching up
ANNOUNCE_AFTER_MS = 60  # names are gathered so long before they are sent: a batch costs what a single one costs
ANNOUNCE_LATER_MS = 40  # more, for the side that was dialled: it hears the other's names first, and need not send them
# Where all are linked with all the origin sends to everybody, and a name is only for whoever has lost that link: a hub
# that is busy should not hear, and answer, names of what is on its way to it.
MESH_ANNOUNCE_AFTER_MS = 300
MESH_ANNOUNCE_LATER_MS = 200
ANNOUNCED_MAX = 4_096  # names that wait for one peer; beyond, its stream falls behind and goes on from the catalog
NAMED_PER_SESSION_MAX = 4_096  # named by one peer and not here yet; beyond, the audit brings them
MISSING_MAX = 65_536  # named by anybody and not here yet
REFUSED_LATELY_MAX = 4_096  # remembered, so that what was refused is not pulled from everybody who names it
PULL_WAIT_MS_MIN = 40  # then what was named and did not come is pulled
PULL_WAIT_MS_MAX = 1_000
RTT_MS_GUESS = 100  # until the first pong
ORIGINS_MAX = 4_096  # hubs whose eager links are remembered, by link
ACK_AFTER_RECORDS = 64
ACK_AFTER_MS = 1_000
THROUGH_AFTER_RECORDS = 512  # in the middle of a long stream: what a cut costs at most, for a row on both sides
THROUGH_AFTER_MS = 2_000  # a live stream says "complete through" so often: each costs both sides a row
ANSWER_MS_MAX = 60_000  # from one part of an answer to the next; then the link is of no use
FEED_SILENCE_MS = 5_000  # then others may feed us
FEED_MS_MAX = 60_000  # then they may although the one that feeds us still speaks: it may only pretend to
PREVIEW_RECORDS = 512  # newest posts, sent to a newcomer ahead of the stream
SMALL_SET = 64  # so few records are named without an audit: 512 bytes
LACKING_SPARE = 16  # arrivals beyond what a peer seems to lack: its own, and those that have replaced others
NEWCOMER_PART = 4  # whoever holds less than a fourth of our records is sent all of them

# --- Floods. A record that is new costs 0.25 to 0.5 ms of a core (measured: verified, stored and sent on, in batches of
# twenty), one that is held already and a name a small part of that.
INTAKE_RECORDS_PER_S = 200  # taken in for good: 5 to 10 % of a core
INTAKE_BURST_RECORDS = 6_144  # at full speed before that: an import, or what two halves of a town wrote in an hour
INTAKE_CATCH_UP_RECORDS = 200_000  # beyond, in an hour, by which more is held: half of it from one inviter's subtree
INTAKE_WASTE_RECORDS = 512  # of one peer, of what came on credit and was none of these: 2.5 s in which others wait
INTAKE_WASTERS = 4  # so many below one inviter, and none of its subtree has credit; one alone does that to nobody
INTAKE_COST, INTAKE_COST_KNOWN, INTAKE_COST_NAME = 1_000, 60, 15  # of a record that is new, of one that is not, a name
INTAKE_GRANTS_A_RECORD = 10  # governance held that is gone through anew for the price of a record, about 0.4 ms
GREETINGS_BURST_RECORDS, GREETINGS_RECORDS_PER_S = 512, 20  # for those that prove nothing: 1 % of a core for good
# What waits unopened, each worth a KiB at most: an honest sender has a window under way and the four pieces, of 260 at
# most each, that it began before the window was full. In all it is memory (24 MiB, and half as much for keeping order).
INTAKE_LINK_MAX = 2 * WINDOW_RECORDS_MAX + RECORDS_PER_FRAME_MAX
INTAKE_HELD_MAX = 24 * 1_024
INTAKE_TICK_MS = 70  # how often what waits has its turn: some fifteen at a time, and little beside a few hops
LINE_MAX = 4_096  # ids that wait for one slow peer; beyond, the branch with the most of them is named instead
PRESSED_WAIT_MS = 2_000  # while records wait here, what was named is not pulled sooner: it may be among them
PULLS_PRESSED_MAX = 32  # and not more of it in one question, so that the next one need not wait for long
BRANCH_KEYS_MAX = 64  # more than grants are deep

HELLO_TIMEOUT_MS = 10_000
PING_AFTER_MS = 20_000  # of silence
PING_LATE_MS = 24_000  # on the side that was dialled, which mostly only answers
SILENCE_MS_MAX = 60_000  # then the link is dead: three pings
AUDIT_EVERY_MS = 5 * MINUTE_MS
AUDITS_PER_MINUTE_MAX = 4  # from one peer; an honest one asks once or twice in five minutes, and each costs a pass
SWEEP_EVERY_MS = MINUTE_MS
HOUR_AHEAD_MS_MAX = 2 * HOUR_MS  # further ahead, the trusted side's hour counts (design 6.3)

# --- Partner networks
PARTNERS_MAX = 24  # networks with which one has an agreement: each hub keeps a set of records of each
ABROAD_LINKS_EACH = 2  # with hubs of one partner network: one may be away
ABROAD_LINKS_MAX = PARTNERS_MAX * ABROAD_LINKS_EACH
ABROAD_GREETINGS_PER_MINUTE = 30  # of networks with which there is no agreement: one costs up to 20 ms
PACT_ITEMS_MAX = 48  # categories or areas: with the rest they fit a head
ENCLOSED_PER_MINUTE_MAX = 4  # sessions about one network's records that a peer may have begun on one link
ENCLOSED_RETRY_MS = 30_000  # after the session about a partner network's records has ended on a link that still stands

# --- Bundles
BUNDLE_HEADER_BYTES_MAX = 512  # 13 + 96 bytes of keys and ids, four integers and a signature are about 250
BUNDLE_FRAME_BYTES_MAX = HEAD_BYTES_MAX + BODY_BYTES_MAX + SEATS_MAX * SIGNATURE_BYTES + 32  # one record, and no more
BUNDLE_TRIES_MAX = 1_024  # frames that were none before a reader gives up; each is a look at up to 19 KB (10 us)
CARRIED_WAITING_MAX = 2_048  # records that wait, of all neighbours; beyond, none out of a bundle is set aside

# --- Invites
INVITE_USES_MAX = 1_000
INVITE_ADDRESSES_MAX = 4
INVITE_BYTES_MAX = 1_024
JOIN_TRIES_PER_MINUTE = 3  # of one peer; and a link is closed at the first wrong secret
JOIN_TRIES_ALL_PER_MINUTE = (
    60  # of all: wrong ones beyond are not counted for anybody, good ones are let in all the same
)
JOIN_RECORDS_MAX = 4  # that prove a new key: its revocation of the old one, and what else its kit holds
OPEN_PER_HOUR_MAX = 12  # newcomers that one hub of an open network admits without an invite: people can look at so many
OPEN_INVITES = 5  # what such a newcomer may admit in turn, so that whoever floods runs out of invites with depth
ASKING_MAX = 64  # hubs that ask to be let in by words, and are remembered; beyond, the one not heard longest goes
ASKING_MS_MAX = 10 * MINUTE_MS  # two people on the phone; then the door closes by itself

# --- Time from other hubs
TIMES_NEEDED = 3  # hubs that agree before their time is believed (design 6)
TIMES_APART_MS_MAX = 2 * MINUTE_MS  # from their median: synchronised clocks differ by less than a second, those that a
# person set by a watch by a minute or two; and well below the ten minutes from which records are refused as early
TIME_KEPT_MS = DAY_MS  # what a hub said counts so long: crystals are off by up to 100 ppm, so by 9 seconds a day
TIMES_KEPT_MAX = 256  # hubs whose answers are remembered; beyond, the oldest are forgotten
TIME_LIFT_MS_MAX = 90 * DAY_MS  # what one hub's stamp may move a clock that nobody vouches for (design 6)

# --- Deals
VERB_BYTES_MAX = 16
ACCOUNTS_MAX = 1_024  # dates of one chain, over all versions of its post: 20 times what one version can name
HOLD_MIN_MAX = 14 * 24 * 60  # powered-on minutes that a promise holds; 2 days are usual, 4 hours for what perishes
CONTACT_BOX_BYTES_MIN = 49  # what HPKE adds (48), and something to say
CONTACT_BOX_BYTES_MAX = 960  # in a body with whatever a newer version adds
CONTACT_TEXT_BYTES = 400  # a name, a number, where and when; always filled up to this
STEPS_AHEAD_MAX = 8_192  # steps that came too early, of which is kept what they end: two longest chains, 2 MB

assert DATES_MAX < ACCOUNTS_MAX <= STEPS_MAX
assert CONTACT_BOX_BYTES_MAX + 16 <= STEP_BODY_BYTES_MAX
assert CONTACT_BOX_BYTES_MIN - 1 + CONTACT_TEXT_BYTES <= CONTACT_BOX_BYTES_MAX
assert THREAD_KEPT_MS > BODY_KEPT_MS > CONTACT_KEPT_MS
assert STEPS_AHEAD_MAX >= 2 * STEPS_MAX
assert SEATS_MAX * (2 * KEY_BYTES + 5 + KEY_BYTES + 2) + NAME_BYTES_MAX + 500 <= HEAD_BYTES_MAX
assert LIFE_REVOKE_MS_MAX >= LIFE_LONG_MS_MAX + THREAD_KEPT_MS
assert HEAD_BYTES_MAX + BODY_BYTES_MAX + SEATS_MAX * SIGNATURE_BYTES + 32 < RECORD_BYTES_PER_FRAME
assert RECORD_BYTES_PER_FRAME + HEAD_BYTES_MAX + BODY_BYTES_MAX < FRAME_BYTES_MAX
assert IDS_PER_FRAME_MAX * (RECORD_ID_BYTES + 2) + 64 < FRAME_BYTES_MAX
assert max(IDS_PER_FRAME_MAX, 4 * RECORDS_PER_FRAME_MAX) + 64 < FRAME_ITEMS_MAX
assert RECORDS_PER_FRAME <= RECORDS_PER_FRAME_MAX <= WINDOW_RECORDS_MAX
assert INVITES_DEFAULT <= INVITES_MAX <= PLACE_MAX
assert PLACES_DEFAULT <= PLACES_MAX <= PLACE_MAX
assert (
    2 * (GRANTS_DEEP_MAX + SUCCESSIONS_MAX) * (HEAD_BYTES_MAX + SIGNATURE_BYTES + 16)
    + (HEAD_BYTES_MAX + BODY_BYTES_MAX + SIGNATURE_BYTES + 16)
    <= GREETING_BYTES_MAX
)
assert CHARTERS_MAX + 2 * (GRANTS_DEEP_MAX + SUCCESSIONS_MAX) + 1 <= HELLO_RECORDS_MAX <= RECORDS_PER_FRAME_MAX
assert ACK_AFTER_RECORDS < THROUGH_AFTER_RECORDS < WINDOW_RECORDS_MAX
assert INTAKE_RECORDS_PER_S * INTAKE_TICK_MS // 1_000 < RECORDS_PER_FRAME < INTAKE_BURST_RECORDS
assert INTAKE_COST_NAME < INTAKE_COST_KNOWN < INTAKE_COST
assert WINDOW_RECORDS_MAX < LINE_MAX < INTAKE_BURST_RECORDS < INTAKE_CATCH_UP_RECORDS
assert WINDOW_RECORDS_MAX + 4 * 260 <= INTAKE_LINK_MAX
assert RECORDS_PER_FRAME + (RECORD_BYTES_PER_FRAME + HEAD_BYTES_MAX + BODY_BYTES_MAX) // WEIGHT_BYTES < 260
assert NODES_MAX * INTAKE_LINK_MAX * 2 < INTAKE_HELD_MAX
assert PULLS_PRESSED_MAX <= PULLS_PER_FRAME_MAX
assert GRANTS_DEEP_MAX < BRANCH_KEYS_MAX
assert INTAKE_TICK_MS < PULL_WAIT_MS_MAX < PRESSED_WAIT_MS
assert SHORT_PER_FRAME_MAX * SHORT_BYTES + 64 < FRAME_BYTES_MAX
assert LACKS_PER_FRAME_MAX * SKETCH_ID_BYTES + 64 < FRAME_BYTES_MAX
assert SYMBOL_BYTES_PER_FRAME_MAX + 64 < FRAME_BYTES_MAX
assert GREETING_BYTES_MAX + 512 <= FRAME_BYTES_MAX - ENCLOSING_BYTES
assert ANNOUNCED_MAX <= SHORT_PER_FRAME_MAX
assert ANNOUNCE_AFTER_MS + ANNOUNCE_LATER_MS < THROUGH_AFTER_MS
assert MESH_ANNOUNCE_AFTER_MS + MESH_ANNOUNCE_LATER_MS < THROUGH_AFTER_MS
assert PING_AFTER_MS < PING_LATE_MS <= SILENCE_MS_MAX - PING_LATE_MS
assert PING_AFTER_MS * 3 <= SILENCE_MS_MAX
assert 2 * TIMES_APART_MS_MAX < STAMP_AHEAD_MS_MAX
assert TIMES_NEEDED <= TIMES_KEPT_MAX

# --- Overlay (SPEC, part O; after HyParView, DSN 2007; the numbers of links are from simulations of 20 to 1,000 hubs)
MESH_HUBS_MAX = 12  # ours included: 11 links each, 66 in all, and one hop to everybody
LINKS_FEW = 3  # with fewer a hub asks to be taken in: a random graph with 3 links a hub hangs together
LINKS_LOW = 6  # with fewer it looks for more
LINKS_AIM = 7  # with so many it turns others away, with more it lets redundant ones go; 5 hops at 100 hubs (simulated)
LINKS_VISITED_MAX = 10  # with so many it goes to nobody of itself
LINKS_FULL = 48  # with so many even one that asks to be taken in costs another its link; the door has 64
TRIES_MAX = 12  # dials under way at once
VISITS_AT_ONCE = 4
ASK_AFTER_REFUSALS = 2  # with too few links: then a hub asks to be taken in
HINT_VISITS = 3  # hubs heard of, of all that are known, that are visited without a reason
PROBES_AFTER_RETURN = 16  # nodes that failed, tried again at once when one of them is back
TRY_SLOW_MS = 500  # a dial that takes longer keeps no other waiting; an answer takes a few round trips
TRY_MS_MAX = 30_000  # a dial of which nothing was heard has failed; all addresses of a node take less
SETBACK_MS_MIN = 1_000
SETBACK_MS_MAX = 10 * MINUTE_MS  # a thousand hubs that are away cost whoever lacks links two dials a second
REFUSED_MS_MAX = MINUTE_MS  # whoever is crowded has room again soon, and answers at once
PATIENCE_MS_MIN = 2_000  # between tries for a fourth link
PATIENCE_MS_MAX = 10 * MINUTE_MS
PROBE_EVERY_MS = 30_000  # one node that failed is tried again, however many links there are
EXCHANGE_EVERY_MS = 10 * MINUTE_MS  # one more link to anybody; halves that lack nothing meet by it
SHED_EVERY_MS = 30_000
REDUNDANT_MS_MAX = MINUTE_MS  # how long a link counts as redundant, and how old one is before it is let go
OVERLAY_LOOK_MS = MINUTE_MS

assert LINKS_FEW < LINKS_LOW < LINKS_AIM < LINKS_VISITED_MAX < LINKS_FULL < SESSIONS_MAX
assert MESH_HUBS_MAX > LINKS_VISITED_MAX
