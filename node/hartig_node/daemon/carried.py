"""What every backup carries beside the records: the private rows from which a restored folder is made a hub again."""

SPACE_KEY = "key"
KEY_HUB = b"hub"  # the hub key's 32-byte seed
KEY_NETWORK = b"network"  # the network's 16-byte id
