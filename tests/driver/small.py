"""A driver of a small client of its own (long polling alone), for the tests of siospec.

WRONG in the environment names a mistake that it makes, LOG a file that gets every line that it reads and writes.
"""

import base64
import http.client
import json
import os
import sys
import threading
import urllib.parse

WRONG = os.environ.get("WRONG", "")
CAPABILITIES = ["polling", "namespaces", "binary", "ack", "answer", "auth", "sid"]
writing = threading.Lock()
log = open(os.environ["LOG"], "a") if "LOG" in os.environ else None


def write(line):
    with writing:
        print(line, flush=True)
        if log:
            print("<", line, file=log, flush=True)


def say(message):
    write(json.dumps(message))


class Case:
    """One connection, and the namespaces that are joined over it."""

    def __init__(self, name, url):
        self.name, self.closed = name, False
        self.host = urllib.parse.urlsplit(url).netloc
        self.path = "/socket.io/?EIO=4&transport=polling"
        self.polls = http.client.HTTPConnection(self.host)
        self.order = threading.Lock()
        self.open = threading.Event()
        self.next_id, self.acks, self.answers, self.partial = 0, {}, {}, None
        threading.Thread(target=self.run, daemon=True).start()

    def report(self, report, nsp, **keys):
        if not self.closed or WRONG == "talks on":
            nsp = "/" if WRONG == "one namespace" else nsp
            say({"case": self.name, "report": report, "nsp": nsp, **keys})

    def run(self):
        try:
            self.polls.request("GET", self.path)
            handshake = json.loads(self.polls.getresponse().read()[1:])
            self.path += "&sid=" + handshake["sid"]
            self.open.set()
            while True:
                self.polls.request("GET", self.path)
                for packet in self.polls.getresponse().read().decode().split("\x1e"):
                    self.take(packet)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.report("disconnect", "/", reason="the connection has ended")

    def send(self, *packets):
        """Sends packets in order, without making anybody wait."""

        def post():
            with self.order:
                self.open.wait()
                posts = http.client.HTTPConnection(self.host)
                posts.request("POST", self.path, "\x1e".join(packets).encode())
                posts.getresponse().read()

        threading.Thread(target=post, daemon=True).start()

    def send_packet(self, kind, nsp, number, args):
        attachments = []
        text = json.dumps(revive(args, attachments))
        count = f"{len(attachments)}-" if attachments else ""
        kind = kind + 3 if attachments else kind
        place = "" if nsp == "/" else nsp + ","
        self.send(f"4{kind}{count}{place}{'' if number is None else number}{text}", *["b" + b for b in attachments])

    def take(self, packet):
        if packet == "2":
            self.send("3")
        elif packet.startswith("b"):
            kind, nsp, number, data, count, attachments = self.partial
            attachments.append(packet[1:])
            if len(attachments) == count:
                self.partial = None
                self.handle(kind - 3, nsp, number, fill(data, attachments))
        elif packet.startswith("4"):
            kind, rest, count = int(packet[1]), packet[2:], 0
            if kind in (5, 6):
                head, rest = rest.split("-", 1)
                count = int(head)
            nsp = "/"
            if rest.startswith("/"):
                nsp, _, rest = rest.partition(",")
            digits = len(rest) - len(rest.lstrip("0123456789"))
            number = int(rest[:digits]) if digits else None
            data = json.loads(rest[digits:]) if rest[digits:] else None
            if count:
                self.partial = (kind, nsp, number, data, count, [])
            else:
                self.handle(kind, nsp, number, data)

    def handle(self, kind, nsp, number, data):
        if kind == 0:
            self.report("connect", nsp, sid=data["sid"])
        elif kind == 1:
            self.report("disconnect", nsp, reason="server")
        elif kind == 2:
            keys = {"event": data[0], "args": data[1:]}
            if number is not None:
                keys["ack"] = len(self.answers) + 1
                self.answers[keys["ack"]] = (nsp, number)
            self.report("event", nsp, **keys)
        elif kind == 3:
            name = "some" if WRONG == "names" else self.acks[number]
            self.report("ack", nsp, ack=name, args=data)
        elif kind == 4:
            self.report("connect_error", nsp, **({"message": json.dumps(data)} if WRONG == "wrapped" else data))

    def connect(self, nsp, auth):
        place = "" if nsp == "/" else nsp + ","
        self.send(f"40{place}{json.dumps(auth) if auth else ''}")

    def emit(self, request):
        number = None
        if "ack" in request:
            number, self.next_id = self.next_id, self.next_id + 1
            self.acks[number] = request["ack"]
        self.send_packet(2, request["nsp"], number, [request["event"], *request["args"]])

    def close(self):
        self.closed = True
        if WRONG == "stays":
            return
        if self.open.is_set():
            self.send("1")
        if self.polls.sock:
            self.polls.sock.shutdown(2)


class Unsupported(Exception):
    pass


def revive(value, attachments):
    """A value of the driver protocol as JSON, with placeholders."""
    if isinstance(value, list):
        return [revive(item, attachments) for item in value]
    if isinstance(value, dict):
        if "$binary" in value:
            attachments.append(value["$binary"])
            return {"_placeholder": True, "num": len(attachments) - 1}
        if "$number" in value:
            return json.loads(value["$number"])
        if "$undefined" in value:
            raise Unsupported("undefined")
        return {key: revive(item, attachments) for key, item in value.items()}
    return value


def fill(value, attachments):
    """JSON with placeholders as values of the driver protocol."""
    if isinstance(value, list):
        return [fill(item, attachments) for item in value]
    if isinstance(value, dict):
        if value.get("_placeholder"):
            text = attachments[value["num"]]
            return list(base64.b64decode(text)) if WRONG == "bytes" else {"$binary": text}
        return {key: fill(item, attachments) for key, item in value.items()}
    return value


def answer(cases, request):
    what, case = request["do"], cases.get(request.get("case"))
    if what == "connect":
        if WRONG == "prints":
            write("connecting")
        known = {"transports", "auth", "forceNew"}
        if WRONG != "options" and not request["options"].keys() <= known:
            raise Unsupported("options")
        if case is None:
            case = cases[request["case"]] = Case(request["case"], request["url"])
        case.connect(request["nsp"], request["options"].get("auth"))
    elif what == "emit":
        case.emit(request)
    elif what == "ack":
        if WRONG == "dies":
            sys.exit("no such thing")
        while WRONG == "floods":
            say({"case": case.name, "report": "reconnect_attempt"})
        case.send_packet(3, *case.answers[request["ack"]], request["args"])
    elif what == "disconnect":
        case.send(f"41{'' if request['nsp'] == '/' else request['nsp'] + ','}")
    elif what == "close":
        if case := cases.pop(request["case"], None):
            case.close()
    elif WRONG != "knows all":
        raise Unsupported(what)


def main():
    hello = {"hello": 1, "name": "small", "version": "1", "language": "Python", "client": CAPABILITIES}
    if WRONG == "nameless":
        del hello["version"]
    say(hello)
    cases = {}
    for line in sys.stdin:
        if log:
            print(">", line.strip(), file=log, flush=True)
        request = json.loads(line)
        try:
            answer(cases, request)
            say({"id": request["id"]})
        except Unsupported as why:
            say({"id": request["id"], "unsupported": str(why)})


main()
