"""A codec of Socket.IO packets behind the driver protocol, for tests: right by itself, wrong where it is told to be.

python3 codec.py MISTAKE…
"""

import base64
import json
import os
import re
import sys
import time

MISTAKES = set(sys.argv[1:])
TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"]
RESERVED = {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
HEADER = re.compile(r"([0-6])(?:(?<=[56])([0-9]+)-|(?<![56]))(/[^,]*,?)?([0-9]*)", re.DOTALL)
leaked = []


def say(value):
    print(json.dumps(value), flush=True)


def refuse(why):
    raise ValueError(why)


def loads(text):
    if "trailing" in MISTAKES:
        return json.JSONDecoder(parse_constant=refuse).raw_decode(text.lstrip(" \t\n\r"))[0]
    return json.loads(text, parse_constant=refuse)


def tell(value):
    if isinstance(value, bytes):
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [tell(item) for item in value]
    if isinstance(value, dict):
        return {key: tell(item) for key, item in value.items()}
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            return {"$number": "Infinity" if value > 0 else "-Infinity"}
        if "fraction" in MISTAKES and value == 1.5:
            return 1
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return {"$number": str(value)}
    if "crash" in MISTAKES and value == "\0":
        print("fatal: a text ended early", file=sys.stderr, flush=True)
        os._exit(9)
    return value


def fill(value, attachments, count):
    """Puts attachments in the places of their placeholders; without attachments it only looks at the numbers."""
    if isinstance(value, list):
        return [fill(item, attachments, count) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is True:
        num = value.get("num")
        if not isinstance(num, int) or isinstance(num, bool) or not 0 <= num < count:
            raise ValueError("a placeholder without an attachment")
        return attachments[num] if attachments else None
    return {key: fill(item, attachments, count) for key, item in value.items()}


class Decoder:
    def __init__(self):
        self.waiting = None

    def add(self, frame):
        if isinstance(frame, dict):
            return self.attach(base64.b64decode(frame["$binary"]))
        if self.waiting is not None:
            raise ValueError("a text for an attachment")
        header = HEADER.match(frame)
        if header is None:
            raise ValueError("no header")
        kind, count, nsp, number = header.groups()
        packet = {"type": TYPES[int(kind)], "nsp": (nsp or "/").removesuffix(",")}
        if "hang" in MISTAKES and packet["nsp"] == "/a b" and kind == "3":
            time.sleep(600)
        if number:
            packet["id"] = tell(int(number, 8 if "octal" in MISTAKES and re.fullmatch("0[0-7]+", number) else 10))
        rest = frame[header.end() :]
        self.check(kind, packet, rest)
        if kind in "56":
            count = int(count)
            if not 1 <= count <= 10:
                raise ValueError("a number of attachments")
            fill(packet["data"], None, count)
            self.waiting = (packet, count, [])
            return {"wait": True}
        if "data" in packet:
            packet["data"] = tell(packet["data"])
        return {"packet": packet}

    def attach(self, data):
        if self.waiting is None:
            raise ValueError("a lone attachment")
        packet, count, attachments = self.waiting
        attachments.append(data)
        if len(attachments) < count:
            return {"wait": True}
        self.waiting = None
        if "leak" in MISTAKES:
            leaked.append(bytearray(b"x" * (1 << 20)))
        packet["data"] = tell(fill(packet["data"], attachments, count))
        return {"packet": packet}

    def check(self, kind, packet, rest):
        if kind == "1":
            if rest or "id" in packet:
                raise ValueError("a payload")
            return
        if rest == "" and kind == "0":
            return
        data = packet["data"] = loads(rest)
        if kind == "0" and not isinstance(data, dict):
            raise ValueError("no object")
        if kind == "4" and not isinstance(data, (dict, str)):
            raise ValueError("no object")
        if kind in "2356" and not isinstance(data, list):
            raise ValueError("no list")
        if kind in "25" and (not data or not isinstance(data[0], str) or data[0] in RESERVED):
            raise ValueError("no name")
        if kind in "36" and "id" not in packet:
            raise ValueError("no id")


def decode(frames):
    decoder, outcomes = Decoder(), []
    for frame in frames:
        if isinstance(frame, dict) and "$reset" in frame:
            decoder = Decoder()
            continue
        try:
            outcomes.append(decoder.add(frame))
        except (ValueError, RecursionError) as error:
            decoder = Decoder()
            outcomes.append({"error": str(error)})
    return outcomes


def encode(packet):
    attachments = []

    def take(value):
        if isinstance(value, list):
            return [take(item) for item in value]
        if isinstance(value, dict):
            if "$binary" in value:
                attachments.append(value)
                return {"_placeholder": True, "num": len(attachments) - 1}
            if "$number" in value or "$special" in value:
                raise KeyError("no such value")
            return {key: take(item) for key, item in value.items()}
        return value

    try:
        data = take(packet.get("data"))
    except KeyError as why:
        return [{"unsupported": str(why)}]
    digit = TYPES.index(packet["type"])
    text = f"{digit + 3}{len(attachments)}-" if attachments else str(digit)
    if packet.get("nsp", "/") != "/":
        text += packet["nsp"] + ","
    number = packet.get("id")
    if number or number == 0 and "zero" not in MISTAKES:
        text += str(number)
    if data is not None:
        text += json.dumps(data)
    return [{"frames": [text, *attachments]}]


say({"hello": 1, "name": "codec.py", "version": "1", "language": "Python", "codecs": ["socket-packet"]})
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] not in ("decode", "encode") or "unable" in MISTAKES:
        say({"id": request["id"], "unsupported": request["do"]})
        continue
    if "rubbish" in MISTAKES and any("rubbish" in str(each) for each in request["inputs"]):
        say({"id": request["id"], "results": "rubbish"})
        continue
    work = decode if request["do"] == "decode" else encode
    say({"id": request["id"], "results": [work(each) for each in request["inputs"]]})
