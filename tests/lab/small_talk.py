"""Tiny programs that prove the ground without a daemon: an ear that answers, a voice, and a family.

The tests of the lab run ear and voice in hosts over UDP; an ear also joins the multicast group that mDNS uses.
A family is a program with a child, for proving that programs end whole.
"""

import sys

from lab.hosts import Host, Lab
from lab.processes import HostProcess

PORT = 4999
GROUP = "224.0.0.251"

_EAR = f"""
import socket
ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ear.bind(("", {PORT}))
try:
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("{GROUP}") + bytes(4))
except OSError as error:
    print("no group:", error)
print("listening")
while True:
    text, sender = ear.recvfrom(2048)
    print("heard", text.decode(), "from", sender[0])
    try:
        ear.sendto(text, sender)
    except OSError as error:
        print("no answer:", error)
"""

_VOICE = f"""
import socket, sys
address, answer, *texts = sys.argv[1:]
voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
voice.settimeout(10)
for text in texts:
    voice.sendto(text.encode(), (address, {PORT}))
    if answer == "yes":
        text, sender = voice.recvfrom(2048)
        print(text.decode(), "from", sender[0])
"""

# One process group whose child may leave it: each says its number, in one write, and waits to be ended.
FAMILY = """
import os, signal, sys
if os.fork() == 0:
    if "stray" in sys.argv:
        os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(1, b"child %d\\n" % os.getpid())
    signal.pause()
if "leave" not in sys.argv:
    os.write(1, b"parent %d\\n" % os.getpid())
    signal.pause()
"""

PYTHON = (sys.executable, "-u", "-I", "-S", "-c")


async def listen(lab: Lab, host: Host) -> HostProcess:
    """Start an ear in a host; it says `heard TEXT from ADDRESS` and sends each text back."""
    ear = await lab.run(host, [*PYTHON, _EAR], label=f"ear in {host}")
    await ear.line_with("listening")
    return ear


async def say(lab: Lab, host: Host, address: str, *texts: str) -> None:
    """Send texts to whoever listens at `address`, and wait for nothing."""
    done = await lab.run_to_end(host, [*PYTHON, _VOICE, address, "no", *texts])
    assert done.code == 0, done.err


async def ask(lab: Lab, host: Host, address: str, text: str) -> str:
    """Send a text and return what comes back, with the address it comes from."""
    done = await lab.run_to_end(host, [*PYTHON, _VOICE, address, "yes", text])
    assert done.code == 0, done.err
    return done.out.strip()
