"""The neighbours' pages on the LAN: plain HTTP, server-rendered, no script, no admin route.

In: requests of phones on the hub's Wi-Fi. Out: HTML made from the board's views. `app.py` puts the pages together,
`server.py` opens and closes the door; the daemon calls both.
"""
