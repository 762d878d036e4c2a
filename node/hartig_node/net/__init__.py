"""The net room: other nodes, as links. It knows of keys, addresses and frames, and nothing of records.

Comes in: our node key, addresses to listen on, which nodes are wanted. Goes out: links (`links.py`) to a call-back, and
news of who is near. Who calls: the daemon alone; it joins the parts below.

    channel      certificates, tls, pinning      who is at the other end, proven before one byte
    browsers     desk_certificate                what the organisers' door shows; its context comes from tls
    in           sockets, gate, peer_server      caps and deadlines; the gate guards the HTTP doors too
    out          names, dialing                  one dial: host, port, expected node -> link or reason
    frames       links                           whole frames, back-pressure, deadlines
    where        addresses, address_book         typed, announced and remembered addresses, in bounds
    near         interfaces, announcements, resolver, mdns, discovery
                                                 mDNS on every address that this machine has at the moment
    again        backoff, race, dial_slots, dialer
                                                 one loop for each wanted node; none delays another

A word from the network (an announcement, an address on a card) is a hint; only the channel's proof of a key counts.
"""
