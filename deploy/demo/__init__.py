"""The demo behind `deploy/try`: three real hubs as three processes, and what each of them holds, live.

In: `deploy/sample.json` and the `hartig` command of this environment. Out: a display, or one JSON object.

    __main__   arguments, signals, exit codes
    story      what happens: found, invite, join, publish, look again
    hubs       one hub as a process: its commands, its end, the last it said
    shelter    the folder of all three; leash.py and guardian.py see to it that nothing outlives the demo
    ports      addresses that are easy to remember, where they are free
    looking    what one hub says of itself, through the Python client
    picture    what all three hold at one moment; equal or not, and what is missing (pure)
    showing    shows pictures as they change, live or once
    screen     that picture as lines of a terminal (pure); terminal puts them there
    advice     what to paste while it runs (pure)
    plain      the same as progress lines, summary and JSON (pure)
"""
