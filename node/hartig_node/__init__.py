"""The shell around the protocol core: a daemon, its doors, and the tools that talk to it."""

__version__ = "0.1.0"
