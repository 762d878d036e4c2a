"""The desk: the organisers' pages, on a door of their own with TLS, for devices that were paired with this hub.

    door       server                   the application behind an accept gate
    who        guard, session, pairing  a page of this very hub; a paired device; how it became one
    pages      app and what it routes to

In: the board and the clock. Out: pages. Who calls: the daemon, while a device is paired or a set-up code is good.
"""
