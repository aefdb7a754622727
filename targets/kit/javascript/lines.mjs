// The lines of a driver that answers each request before it reads the next, as that of a codec can: faster than
// `serve` of driver.mjs, and nothing else happens in between. See docs/driver.md.
import { readSync, writeSync } from "node:fs";

/** Writes a message, and waits until it is written. */
function say(message) {
  let bytes = Buffer.from(JSON.stringify(message) + "\n");
  while (bytes.length > 0) bytes = bytes.subarray(retried(() => writeSync(1, bytes)));
}

/** What `work` gives once the other end of a pipe is ready; 0 at the end of the input. */
function retried(work) {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** Says hello, of which `hello` has the keys `name`, `version` and `codecs`, and answers each line of the input. */
export function answerAll(hello, answer) {
  say({ hello: 1, language: "JavaScript", ...hello });
  const input = new Input();
  for (let line = input.line(); line !== undefined; line = input.line()) {
    if (line.trim() !== "") say(answer(line, input));
  }
}

/** Standard input, of which lines are taken, and bytes behind them. */
class Input {
  // A line becomes text at once: to put a text together from its parts takes longer than to read it.
  #buffer = Buffer.allocUnsafe(1 << 20);
  #begin = 0;
  #end = 0;

  /** The next line, without its end; undefined at the end of the input. */
  line() {
    for (;;) {
      const length = this.#buffer.subarray(this.#begin, this.#end).indexOf(10);
      if (length >= 0) return this.bytes(length + 1).toString("utf8", 0, length);
      if (!this.#read()) return undefined;
    }
  }

  /** So many bytes, which are there until more of the input is taken; fewer at its end. */
  bytes(length) {
    while (this.#end - this.#begin < length && this.#read());
    const begin = this.#begin;
    this.#begin = Math.min(begin + length, this.#end);
    return this.#buffer.subarray(begin, this.#begin);
  }

  /** Reads on; false at the end of the input. */
  #read() {
    if (this.#begin > 0) this.#buffer.copyWithin(0, this.#begin, this.#end);
    [this.#begin, this.#end] = [0, this.#end - this.#begin];
    if (this.#end === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(this.#end)]);
    const count = retried(() => readSync(0, this.#buffer, this.#end, this.#buffer.length - this.#end, null));
    this.#end += count;
    return count > 0;
  }
}

/** The inputs of a decoder that stand raw behind a request: for each its frames, `reset` in place of a reset. */
export function rawInputs(bytes, reset) {
  // One character for each byte: a text that is not ASCII is read again.
  const text = bytes.latin1Slice();
  const inputs = [];
  let frames = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at++];
    if (kind === SEMICOLON) {
      inputs.push(frames);
      frames = [];
    } else if (kind === RESET) {
      frames.push(reset);
    } else {
      let length = 0;
      // Where the input ends too early there is no colon.
      while (at < bytes.length && bytes[at] !== COLON) length = length * 10 + bytes[at++] - ZERO;
      const end = ++at + length;
      if (kind === BINARY) {
        frames.push(Buffer.from(bytes.subarray(at, end)));
      } else {
        const frame = text.slice(at, end);
        frames.push(BEYOND_ASCII.test(frame) ? bytes.utf8Slice(at, end) : frame);
      }
      at = end;
    }
  }
  return inputs;
}

const [SEMICOLON, RESET, BINARY, COLON, ZERO] = Buffer.from(";rb:0");
const BEYOND_ASCII = /[^\0-\x7f]/;
