"""Drives the packets of python-socketio and python-engineio for siospec: JSON Lines, see docs/driver.md."""

import base64
import importlib.metadata
import json
import pathlib
import re
import sys

import engineio.packet
import engineio.payload
import socketio.packet

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "kit/python"))

from siospec_driver import Unsupported, tell  # noqa: E402

SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"]
SOCKET_WORDS = dict(enumerate(SOCKET_TYPES))
ENGINE_TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]
ENGINE_WORDS = dict(enumerate(ENGINE_TYPES))


# In place of a frame: the connection ends.
RESET = object()


def tell_bytes(value):
    """What JSON has no word for: bytes."""
    if isinstance(value, (bytes, bytearray)):
        return {"$binary": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


# JSON text of a value that was told already, or has nothing but bytes to be told.
plain_json = json.JSONEncoder(separators=(",", ":"), default=tell_bytes, ensure_ascii=False).encode
escaped_json = json.JSONEncoder(separators=(",", ":"), default=tell_bytes).encode


def say(value):
    try:
        line = plain_json(value).encode()
    except UnicodeEncodeError:
        # UTF-8 has no lone surrogates, but JSON has escapes for them.
        line = escaped_json(value).encode()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


# Numbers that do not fit a JSON number: 1e400, 9223372036854775808.
LARGE_NUMBERS = re.compile(r"[0-9](?:[eE]|[0-9]{18})")


def is_plain(text):
    """Whether JSON text has none of the numbers that must be told: large ones, and those that JSON does not have."""
    return not ("NaN" in text or "Infinity" in text or LARGE_NUMBERS.search(text))


def read(line):
    """A request whose inputs are values of Python, or what Python has not in their place."""
    try:
        return json.loads(line, object_hook=revive_object)
    except Unsupported:
        request = json.loads(line)
        request["inputs"] = [attempt(revive, each) for each in request["inputs"]]
        return request


def revive(value):
    """A value of the driver protocol as one of Python."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if isinstance(value, dict):
        return revive_object({key: revive(item) for key, item in value.items()})
    return value


def revive_object(members):
    """An object of the driver protocol, whose members are values of Python already, as one of those."""
    if isinstance(members.get("$binary"), str):
        return base64.b64decode(members["$binary"])
    if isinstance(members.get("$number"), str):
        text = members["$number"]
        return int(text) if text.isdigit() else float(text)
    if isinstance(members.get("$special"), str):
        return special(members)
    if members.get("$reset"):
        return RESET
    return members


def special(value):
    word = value["$special"]
    if word in ("undefined", "null"):
        return None
    if word == "number":
        return 42
    if word == "cycle":
        cycle = {}
        cycle["itself"] = cycle
        return cycle
    raise Unsupported(f"Python has no {word}")


def attempt(run, *arguments):
    """Runs something that may raise; what it raises is a result."""
    try:
        return run(*arguments)
    except Exception as error:  # whatever a decoder raises is its way to refuse
        return error


def tell_error(error):
    if isinstance(error, Unsupported):
        return {"unsupported": str(error)}
    return {"error": f"{type(error).__name__}: {error}"[:500]}


def tell_data(data, text):
    """The data of a packet. What JSON text of plain numbers was made into needs no telling."""
    return data if isinstance(text, str) and is_plain(text) else tell(data)


def tell_engine(packet, text, _with_data):
    word = ENGINE_WORDS.get(packet.packet_type)
    if word is None:
        # The packet class takes any digit; the server closes the session over one that it does not know.
        return {"error": f"unknown packet type {packet.packet_type}"}
    if packet.data is None:
        return {"packet": {"type": word}}
    return {"packet": {"type": word, "data": tell_data(packet.data, text)}}


def tell_socket(packet, text, with_data):
    if packet is None:
        return {"wait": True}
    word = SOCKET_WORDS.get(packet.packet_type)
    if word is None:
        # The servers raise "Unknown packet type." for it.
        return {"error": f"unknown packet type {packet.packet_type}"}
    told = {"type": word, "nsp": packet.namespace or "/"}
    if packet.id is not None:
        told["id"] = tell(packet.id)
    if with_data and packet.data is not None:
        binary = packet.packet_type in (socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK)
        told["data"] = tell(packet.data) if binary else tell_data(packet.data, text)
    return {"packet": told}


def decode_engine(frames):
    return [attempt(engineio.packet.Packet, engineio.packet.NOOP, None, frame) for frame in frames]


def decode_payload(frames):
    packets = attempt(lambda: engineio.payload.Payload(encoded_payload=frames[0]).packets)
    return packets if isinstance(packets, list) else [packets]


def decode_socket(frames):
    """As server.py of python-socketio does it: a binary packet waits for its attachments, which come before all else."""
    waiting = None
    results = []
    for frame in frames:
        if frame is RESET:
            waiting = None
            continue
        try:
            if waiting is not None:
                packet = waiting
                if packet.add_attachment(frame):
                    waiting = None
                    results.append(packet)
                else:
                    results.append(None)
                continue
            packet = socketio.packet.Packet(encoded_packet=frame)
            if packet.packet_type in (socketio.packet.BINARY_EVENT, socketio.packet.BINARY_ACK):
                waiting = packet
                packet = None
            results.append(packet)
        except Exception as error:  # whatever a decoder raises is its way to refuse
            results.append(error)
    return results


def loop(work, inputs, repeat, tell):
    """What `tell` says of what `work` makes of each input, in the end of so many times: the codec in a plain loop.
    It is told at once, as errors that are kept keep all that led to them. What Python has not stays that."""
    for _ in range(repeat - 1):
        for each in inputs:
            if not isinstance(each, Exception):
                work(each)
    return [tell(each if isinstance(each, Exception) else work(each), each) for each in inputs]


def decode(request):
    """The outcomes of the frames of each input."""
    work, tell_packet = DECODERS[request["codec"]]
    with_data = request.get("data") is not False

    def tell(results, frames):
        if work is decode_payload:
            return tell_payload(results, frames, with_data)
        return tell_frames(tell_packet, results, frames, with_data)

    return loop(work, request["inputs"], request.get("repeat", 1), tell)


def tell_frames(tell_packet, results, frames, with_data):
    if isinstance(results, Exception):
        return [tell_error(results)]
    if RESET in frames:
        frames = [frame for frame in frames if frame is not RESET]
    return [
        tell_error(result) if isinstance(result, Exception) else tell_packet(result, frame, with_data)
        for result, frame in zip(results, frames)
    ]


def tell_payload(results, frames, with_data):
    if isinstance(results, Exception):
        return [tell_error(results)]
    outcomes = []
    for result in results:
        is_error = isinstance(result, Exception)
        outcomes.append(tell_error(result) if is_error else tell_engine(result, frames[0], with_data))
        # An unknown type ends the session before the server looks at the next packet.
        if "error" in outcomes[-1]:
            break
    return outcomes


def revive_engine(packet):
    return ENGINE_TYPES.index(packet["type"]), packet.get("data")


def encode_engine(packet):
    return [engineio.packet.Packet(packet[0], data=packet[1]).encode()]


def revive_payload(packets):
    return [revive_engine(packet) for packet in packets]


def encode_payload(packets):
    packets = [engineio.packet.Packet(kind, data=data) for kind, data in packets]
    return [engineio.payload.Payload(packets=packets).encode()]


def revive_socket(packet):
    return {
        "packet_type": SOCKET_TYPES.index(packet["type"]),
        "data": packet.get("data"),
        "namespace": packet.get("nsp"),
        "id": packet.get("id"),
    }


def encode_socket(packet):
    encoded = socketio.packet.Packet(**packet).encode()
    return encoded if isinstance(encoded, list) else [encoded]


def encode(request):
    """The outcome of each packet."""
    revived, work = ENCODERS[request["codec"]]
    packets = [each if isinstance(each, Exception) else attempt(revived, each) for each in request["inputs"]]

    def tell(result, _):
        return [tell_error(result) if isinstance(result, Exception) else {"frames": result}]

    return loop(lambda packet: attempt(work, packet), packets, request.get("repeat", 1), tell)


DECODERS = {
    "engine-packet": (decode_engine, tell_engine),
    "engine-payload": (decode_payload, tell_engine),
    "socket-packet": (decode_socket, tell_socket),
}
ENCODERS = {
    "engine-packet": (revive_engine, encode_engine),
    "engine-payload": (revive_payload, encode_payload),
    "socket-packet": (revive_socket, encode_socket),
}


def answer(request):
    what = request.get("do")
    work = {"decode": decode, "encode": encode}.get(what)
    if work is None or request.get("codec") not in DECODERS:
        return {"unsupported": f"{what} {request.get('codec') or ''}".strip()}
    return {"results": work(request)}


def main():
    say(
        {
            "hello": 1,
            "name": "python-socketio-packets",
            "version": importlib.metadata.version("python-socketio"),
            "language": "Python",
            "codecs": list(DECODERS),
        }
    )
    for line in sys.stdin:
        if line.strip():
            request = read(line)
            say({"id": request["id"], **answer(request)})


if __name__ == "__main__":
    main()
