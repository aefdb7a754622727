// Drives socket.io-parser and engine.io-parser for siospec: JSON Lines, see docs/driver.md.
import * as engine from "engine.io-parser";
import * as socket from "socket.io-parser";
import { version } from "../kit/javascript/driver.mjs";
import { answerAll, rawInputs } from "../kit/javascript/lines.mjs";
import { Unsupported, tell } from "../kit/javascript/values.mjs";

// An error is an outcome: nobody looks at its stack.
Error.stackTraceLimit = 0;
const SOCKET_TYPES = ["connect", "disconnect", "event", "ack", "connect_error", "event", "ack"];

/** Numbers that JSON.stringify does not tell as they are: 1e400, -0. */
const ODD_NUMBERS = /-0(?!\.0*[1-9])|\d[eE]/;

/** A value of the driver protocol as one of JavaScript: the same, where JSON.parse made what is meant. */
function revive(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = revive(value[at]);
    return value;
  }
  if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
  if (typeof value.$number === "string") return Number(value.$number);
  if (typeof value.$special === "string") return special(value);
  for (const key of Object.keys(value)) {
    const inner = value[key];
    if (typeof inner !== "object" || inner === null) continue;
    const revived = revive(inner);
    // Not by assignment, so that a member called __proto__ stays a member.
    if (revived !== inner) Object.defineProperty(value, key, { value: revived });
  }
  return value;
}

function special({ $special: word, value, start, end }) {
  switch (word) {
    case "undefined":
      return undefined;
    case "null":
      return null;
    case "number":
      return 42;
    case "date":
      return new Date(value);
    case "int32":
      return Int32Array.from(value);
    case "view": {
      const bytes = Uint8Array.from(revive(value));
      return new Uint8Array(bytes.buffer, start, end - start);
    }
    case "tojson": {
      const inner = revive(value);
      return { toJSON: () => inner };
    }
    case "null-prototype":
      return Object.assign(Object.create(null), revive(value));
    case "cycle": {
      const cycle = {};
      cycle.itself = cycle;
      return cycle;
    }
    default:
      throw new Unsupported(`there is no special value ${word}`);
  }
}

/** What was thrown in place of a result. */
class Thrown {
  constructor(error) {
    this.error = error;
  }
}

/** Runs something that may throw; what it throws is a result. */
function attempt(run) {
  try {
    return run();
  } catch (error) {
    return new Thrown(error);
  }
}

function tellThrown({ error }) {
  if (error instanceof Unsupported) return { unsupported: error.message };
  return { error: String(error?.message ?? error) };
}

function tellEngine(packet) {
  if (packet.type === "error") return { error: String(packet.data) };
  return { packet: packet.data === undefined ? { type: packet.type } : { type: packet.type, data: tell(packet.data) } };
}

function tellSocket(packet, text, withData) {
  const told = { type: SOCKET_TYPES[packet.type], nsp: packet.nsp };
  if (packet.id !== undefined) told.id = tell(packet.id);
  if (withData && packet.data !== undefined) told.data = isPlain(packet, text) ? packet.data : tell(packet.data);
  return { packet: told };
}

/** Whether the data of a packet is what JSON.parse made of a text, which JSON.stringify can tell by itself. */
const isPlain = (packet, text) => packet.type < 5 && typeof text === "string" && !ODD_NUMBERS.test(text);

const RESET = Symbol("reset");
const WAIT = Symbol("wait");

/** For each codec: results of frames, as the library gives them, and a result as an outcome. */
const decoders = {
  "engine-packet": {
    decode: (frames) => frames.map((frame) => attempt(() => engine.decodePacket(frame, "nodebuffer"))),
    tell: tellEngine,
  },
  "engine-payload": {
    decode: ([body]) => {
      const packets = attempt(() => engine.decodePayload(body, "nodebuffer"));
      return Array.isArray(packets) ? packets : [packets];
    },
    tell: tellEngine,
  },
  "socket-packet": {
    decode: (frames) => {
      const decoder = new socket.Decoder();
      let result;
      decoder.on("decoded", (packet) => {
        if (result === WAIT) result = packet;
      });
      const results = [];
      for (const frame of frames) {
        if (frame === RESET) {
          decoder.destroy();
          continue;
        }
        result = WAIT;
        try {
          decoder.add(frame);
        } catch (error) {
          result = new Thrown(error);
        }
        results.push(result);
      }
      return results;
    },
    tell: (result, frame, withData) => (result === WAIT ? { wait: true } : tellSocket(result, frame, withData)),
  },
};

const isText = (frame) => typeof frame === "string";
const reviveFrame = (frame) => (isText(frame) ? frame : frame?.$reset ? RESET : revive(frame));
const reviveFrames = (frames) => (frames.every(isText) ? frames : attempt(() => frames.map(reviveFrame)));

/** What `tell` says of what `work` makes of each input, in the end of so many times: the codec in a plain loop. */
function loop(inputs, work, repeat, tell) {
  for (let time = 1; time < repeat; time++) inputs.forEach((input) => work(input));
  return inputs.map((input, at) => tell(work(input), at));
}

/** The outcomes of the frames of each input. */
function decode({ codec, repeat, data, inputs, raw }) {
  const { decode, tell } = decoders[codec];
  const revived = raw ?? inputs.map(reviveFrames);
  const work = (frames) => (frames instanceof Thrown ? frames : decode(frames));
  return loop(revived, work, repeat, (results, at) => {
    if (results instanceof Thrown) return inputs[at].map(() => tellThrown(results));
    const frames = revived[at].includes(RESET) ? revived[at].filter((frame) => frame !== RESET) : revived[at];
    return results.map((result, at) =>
      result instanceof Thrown ? tellThrown(result) : tell(result, frames[at], data !== false),
    );
  });
}

/** For each codec: the frames of a value, once it is one of JavaScript. */
const encoders = {
  "engine-packet": (packet) => {
    let frames;
    engine.encodePacket(packet, true, (frame) => (frames = [frame]));
    return frames;
  },
  "engine-payload": (packets) => {
    let text;
    engine.encodePayload(packets, (encoded) => (text = encoded));
    if (text === undefined) throw new Error("nothing was ever given back");
    return [text];
  },
  "socket-packet": (packet) => new socket.Encoder().encode(packet),
};

function reviveSocket({ type, nsp = "/", id, data }) {
  const packet = { type: SOCKET_TYPES.indexOf(type), nsp, data: revive(data) };
  if (id !== undefined) packet.id = revive(id);
  return packet;
}

/** The outcome of each packet. */
function encode({ codec, repeat, inputs }) {
  const revivePacket = codec === "socket-packet" ? reviveSocket : revive;
  const encoder = encoders[codec];
  const revived = inputs.map((input) => attempt(() => revivePacket(input)));
  const work = (packet) => (packet instanceof Thrown ? packet : attempt(() => encoder(packet)));
  return loop(revived, work, repeat, (frames) => {
    const outcome = frames instanceof Thrown ? frames : attempt(() => ({ frames: frames.map(tell) }));
    return [outcome instanceof Thrown ? tellThrown(outcome) : outcome];
  });
}

const outcomesOf = (request) => (request.do === "decode" ? decode(request) : encode(request));

/** The outcomes of each input; that a prototype was changed is one more, of the input that did it. */
function resultsOf(line, request) {
  const results = outcomesOf(request);
  if (isPristine()) return results;
  restorePrototype();
  const one = request.raw ? (input) => ({ raw: [input] }) : (input) => ({ inputs: [input] });
  return (request.raw ?? JSON.parse(line).inputs).map((input) => {
    const [outcomes] = outcomesOf({ ...request, ...one(input) });
    if (isPristine()) return outcomes;
    restorePrototype();
    return [{ error: "Object.prototype was changed" }, ...outcomes];
  });
}

const pristine = Object.getOwnPropertyNames(Object.prototype).length;
const isPristine = () => Object.getOwnPropertyNames(Object.prototype).length === pristine;

function restorePrototype() {
  for (const name of Object.getOwnPropertyNames(Object.prototype).slice(pristine)) delete Object.prototype[name];
}

function answer(line, input) {
  const request = JSON.parse(line);
  if (request.bytes !== undefined) request.raw = rawInputs(input.bytes(request.bytes), RESET);
  const knows = (request.do === "decode" || request.do === "encode") && Object.hasOwn(decoders, request.codec);
  if (!knows) return { id: request.id, unsupported: `${request.do} ${request.codec ?? ""}`.trim() };
  return { id: request.id, results: resultsOf(line, request) };
}

const hello = { name: "socket.io-parser", version: version("socket.io-parser", import.meta.url), codecs: Object.keys(decoders), raw: true };
answerAll(hello, answer);
