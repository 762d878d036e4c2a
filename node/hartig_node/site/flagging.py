"""Flags as people read them: the reasons, as what a hub says of a post or of the hub that holds it."""

from hartig_node.site.words import N_

REASONS = {
    "unsafe": N_("This is not safe."),
    "false": N_("This is not true."),
    "spam": N_("This is advertising."),
    "rude": N_("This is rude."),
    "private": N_("This says too much about a person."),
    "other": N_("Please look at this again."),
}
