"""The node API: JSON over HTTP for programs on the hub, described in `node/API.md`.

In: requests on 127.0.0.1 (with a token) and on the Unix socket (by peer credentials). Out: calls of the board, answers
and problems. `server` opens and closes the doors, `app` gathers the routes, `guard` decides who may ask, `reading`
reads what came, `answers` and `problems` write what goes; `routes_*`, `events` and `health` are the routes themselves.
"""
