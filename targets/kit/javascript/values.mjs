// Values of the driver protocol as those of JavaScript, and back: see docs/driver.md. It runs in Node.js and in browsers.

/** Thrown for what the driver protocol has and the library, or its language, has not. */
export class Unsupported extends Error {}

/** A value of the driver protocol as one of JavaScript. */
export function revive(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value.$binary === "string") return bytes(value.$binary);
  if (typeof value.$number === "string") return Number(value.$number);
  if (value.$undefined === true) return undefined;
  const object = {};
  for (const [key, inner] of Object.entries(value)) {
    // Not by assignment, so that a member called __proto__ stays a member.
    Object.defineProperty(object, key, { value: revive(inner), enumerable: true, writable: true, configurable: true });
  }
  return object;
}

/** A value of JavaScript as one of the driver protocol. What was told already stays as it is. */
export function tell(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (typeof value === "function") return { $function: value.name };
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) return tellBytes(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return tellBytes(value);
  if (Array.isArray(value)) return Array.from(value, tell);
  // Without a prototype, for the same reason.
  const object = Object.create(null);
  for (const key of Object.keys(value)) object[key] = tell(value[key]);
  return object;
}

/** What an application in Node.js has for bytes. Browsers have no such thing. */
const { Buffer } = globalThis;

function bytes(base64) {
  if (Buffer) return Buffer.from(base64, "base64");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function tellBytes(buffer, start, length) {
  if (Buffer) return { $binary: Buffer.from(buffer, start, length).toString("base64") };
  let text = "";
  for (const byte of new Uint8Array(buffer, start, length)) text += String.fromCharCode(byte);
  return { $binary: btoa(text) };
}
