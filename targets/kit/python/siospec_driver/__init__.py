"""What every driver of a Python library needs; a driver is left with its library. See docs/driver.md.

`drive` and `Client` are for clients on asyncio. `revive` and `tell` are the values both ways.
"""

from .cases import Client, drive
from .values import Unsupported, renamed, revive, tell

__all__ = ["Client", "Unsupported", "drive", "renamed", "revive", "tell"]
