"""Values of the driver protocol as those of Python, and back; its options as those of a library."""

import base64
import math

TIMES = {"reconnectionDelay", "reconnectionDelayMax", "timeout", "ackTimeout"}


class Unsupported(Exception):
    """Raised for what the driver protocol has and the library, or its language, has not."""


def revive(value):
    """A value of the driver protocol as one of Python."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$binary"), str):
        return base64.b64decode(value["$binary"])
    if isinstance(value.get("$number"), str):
        text = value["$number"]
        return int(text) if text.lstrip("-").isdigit() and text != "-0" else float(text)
    if "$undefined" in value:
        raise Unsupported("Python has no undefined")
    return {key: revive(item) for key, item in value.items()}


def tell(value):
    """A value of Python as one of the driver protocol."""
    if isinstance(value, (bytes, bytearray)):
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return {"$number": str(value)}
    if isinstance(value, (list, tuple)):
        return [tell(item) for item in value]
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    return value


def renamed(options, names):
    """Those of the options that have names in the library, by these; times in seconds, as libraries of Python have them."""
    values = {ours: value / 1000 if ours in TIMES else value for ours, value in options.items()}
    return {theirs: values[ours] for ours, theirs in names.items() if ours in options}
