"""What every backup carries beside the records: the private rows from which a restored folder is made a hub again."""

SPACE_KEY = "key"
KEY_HUB = b"hub"  # the hub key's 32-byte seed, or the text of its file where that is sealed under a passphrase
KEY_ROWS = b"rows"  # the same of the key that seals private rows, where there is one
KEY_NETWORK = b"network"  # the network's 16-byte id
