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
  // A line becomes text at once: to put a text together from its parts takes longer than to read it.
  let buffer = Buffer.allocUnsafe(1 << 20);
  let [begin, end] = [0, 0];
  for (;;) {
    const length = buffer.subarray(begin, end).indexOf(10);
    if (length >= 0) {
      const line = buffer.toString("utf8", begin, begin + length);
      begin += length + 1;
      if (line.trim() !== "") say(answer(line));
      continue;
    }
    if (begin > 0) buffer.copyWithin(0, begin, end);
    [begin, end] = [0, end - begin];
    if (end === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(end)]);
    const count = retried(() => readSync(0, buffer, end, buffer.length - end, null));
    if (count === 0) return;
    end += count;
  }
}
