"""The command line: a lazy table of commands, one short file each."""

from .app import main

__all__ = ["main"]
