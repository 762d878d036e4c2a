"""The table of contents of the command line: every command, where it lives, and what it is for.

A command's module holds a `Recipe` of the given name: its options and what it does. Nothing is imported until a command
is called. Commands without a module work on a folder rather than on a running node (`folder_commands`) and read
their own arguments.
"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hartig_node.cli.session import Session


class Recipe(NamedTuple):
    """How one command reads its options and what it does; help shows the example and what comes next."""

    add_options: Callable[[argparse.ArgumentParser], None]
    run: "Callable[[Session, argparse.Namespace], int]"
    example: str
    after: str
    more: str = ""


class Command(NamedTuple):
    """One line of the overview. `module` and `recipe` are empty for commands that work on a folder."""

    name: str
    summary: str
    module: str = ""
    recipe: str = ""


_HERE = "hartig_node.cli"

GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    (
        "Start a hub",
        (
            Command("init", "Make a hub on this machine and a new network for it."),
            Command("run", "Run the hub of this machine until it is stopped."),
            Command("invite", "Invite another hub, or see and end invites.", f"{_HERE}.inviting", "INVITE"),
            Command("join", "Join a network: with an invite, by words, or an open one."),
        ),
    ),
    (
        "Say what is needed and what there is",
        (
            Command("need", "Post something that is needed.", f"{_HERE}.posting", "NEED"),
            Command("offer", "Post something that there is to give, lend or do.", f"{_HERE}.posting", "OFFER"),
            Command("revise", "Change a post of this hub.", f"{_HERE}.changing", "REVISE"),
            Command("renew", "Let posts of this hub stand longer.", f"{_HERE}.changing", "RENEW"),
            Command("withdraw", "End posts of this hub.", f"{_HERE}.changing", "WITHDRAW"),
        ),
    ),
    (
        "Give and take",
        (
            Command("ask", "Ask an offer for what a need of this hub is about.", f"{_HERE}.asking", "ASK"),
            Command("promise", "Say yes to what was asked of an offer of this hub.", f"{_HERE}.giving", "PROMISE"),
            Command("decline", "Say no to what was asked.", f"{_HERE}.giving", "DECLINE"),
            Command("release", "Take a promise back.", f"{_HERE}.giving", "RELEASE"),
            Command("hand-over", "Say that something has left the hub.", f"{_HERE}.giving", "HAND_OVER"),
            Command("receive", "Say how something arrived.", f"{_HERE}.asking", "RECEIVE"),
            Command("cancel", "Say that what was asked is not needed any more.", f"{_HERE}.asking", "CANCEL"),
            Command("give-back", "Say that what was lent goes back.", f"{_HERE}.asking", "GIVE_BACK"),
            Command("returned", "Count what was lent and has come back.", f"{_HERE}.giving", "RETURNED"),
            Command("count", "Say how much there is, or how much is needed.", f"{_HERE}.stock", "COUNT"),
            Command("low", "Say that an open shelf is nearly empty.", f"{_HERE}.stock", "LOW"),
            Command("set-aside", "Set something aside for another hub to promise.", f"{_HERE}.stock", "SET_ASIDE"),
            Command("accept", "Offer here what another hub has set aside for it.", f"{_HERE}.stock", "ACCEPT"),
            Command("return-rest", "Give back what is left of that.", f"{_HERE}.stock", "RETURN_REST"),
            Command("recount", "Count anew what this hub had to end by itself.", f"{_HERE}.recounting", "RECOUNT"),
            Command("close", "End a need or an offer in good order.", f"{_HERE}.stock", "CLOSE"),
            Command("deals", "See what is asked, promised and under way.", f"{_HERE}.deals", "DEALS"),
        ),
    ),
    (
        "Look",
        (
            Command("list", "See what is needed and offered, newest first.", f"{_HERE}.listing", "LIST"),
            Command("search", "Find posts by words, in any language.", f"{_HERE}.listing", "SEARCH"),
            Command("show", "See everything that posts say.", f"{_HERE}.showing", "SHOW"),
            Command("watch", "Follow what happens on the hub as it happens.", f"{_HERE}.watching", "WATCH"),
        ),
    ),
    (
        "Look after the hub",
        (
            Command("status", "See how the hub is and why.", f"{_HERE}.status", "STATUS"),
            Command("peers", "See the other hubs and why some cannot be reached.", f"{_HERE}.status", "PEERS"),
            Command("doctor", "Check this hub and say what to do, running or not.", f"{_HERE}.doctor", "DOCTOR"),
            Command("clock", "See what time the hub thinks it is, or say that it is right.", f"{_HERE}.clock", "CLOCK"),
            Command("pair", "Let a phone or a laptop look after the hub.", f"{_HERE}.pairing", "PAIR"),
            Command("devices", "See the devices that do, or remove one.", f"{_HERE}.pairing", "DEVICES"),
            Command("network", "See the rules of the network, or change them.", f"{_HERE}.network", "NETWORK"),
            Command("member", "See who belongs, and let others belong.", f"{_HERE}.members", "MEMBER"),
            Command("revoke", "Remove somebody from the network.", f"{_HERE}.revoking", "REVOKE"),
            Command("partner", "See partner networks, and what is shared with them.", f"{_HERE}.partnering", "PARTNER"),
            Command("flag", "Say of a post or a hub, for all hubs, what is wrong.", f"{_HERE}.moderating", "FLAG"),
            Command("hide", "Hide a post from the people of this hub.", f"{_HERE}.moderating", "HIDE"),
            Command("mute", "Hide all that another hub posts.", f"{_HERE}.moderating", "MUTE"),
            Command("token", "Let programs use the hub: add, list, revoke.", f"{_HERE}.tokens", "TOKEN"),
        ),
    ),
    (
        "Bring in, take out, keep",
        (
            Command("import", "Post the lines of a CSV file.", f"{_HERE}.importing.command", "IMPORT"),
            Command("export", "Write posts as JSON lines.", f"{_HERE}.exporting", "EXPORT"),
            Command("bundle", "Carry what there is between hubs as a file.", f"{_HERE}.bundles", "BUNDLE"),
            Command("backup", "Write a copy of all that the hub holds.", f"{_HERE}.exporting", "BACKUP"),
            Command("restore", "Put a copy back, while the hub is stopped."),
            Command("verify", "Check all that the hub holds, or a copy."),
            Command("recover", "Print a recovery kit, or give the hub a new key."),
            Command("key", "Make a person's key, or seal keys under a passphrase."),
        ),
    ),
)

COMMANDS: dict[str, Command] = {command.name: command for _, commands in GROUPS for command in commands}
TOPICS = {
    "exit-codes": "What the exit codes mean.",
    "categories": "What posts can be about.",
    "units": "What quantities can be counted in.",
    "attributes": "What can be said of sizes, diets, access and more.",
}
