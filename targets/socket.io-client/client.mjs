// The cases of a driver of socket.io-client: commands in, reports out, see docs/driver.md. It runs in Node.js and in browsers.

export class Unsupported extends Error {}

/** What the library can do, whatever it runs on. */
export const CAPABILITIES = [
  "polling", "websocket", "upgrade", "background-upgrade", "namespaces", "force-new", "binary", "ack", "ack-timeout", "answer", "answer-later",
  "auth", "auth-function", "query", "path", "reconnection", "reconnection-attempts", "reconnection-delay", "timeout",
  "volatile", "retries", "offline-buffer", "try-all-transports", "recovery", "connect-handler", "sid",
];

/** Options that the library takes as they are. */
const TAKEN = [
  "path", "transports", "upgrade", "query", "reconnection", "reconnectionAttempts", "reconnectionDelay",
  "reconnectionDelayMax", "randomizationFactor", "timeout", "tryAllTransports", "retries", "ackTimeout",
];
const HANDLED = ["auth", "authFunction", "forceNew", "emitOnConnect"];

/**
 * The commands of a driver. `say` takes a message, `bytes` makes binary data of base64, `options` are the further
 * options of this platform: a function for each, which makes options of the library of a value.
 */
export function commands({ Manager, say, bytes, options: more = {} }) {
  const cases = new Map();

  function revive(value) {
    if (Array.isArray(value)) return value.map(revive);
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$binary === "string") return bytes(value.$binary);
    if (typeof value.$number === "string") return Number(value.$number);
    if (value.$undefined === true) return undefined;
    const object = {};
    for (const [key, inner] of Object.entries(value)) {
      Object.defineProperty(object, key, { value: revive(inner), enumerable: true, writable: true, configurable: true });
    }
    return object;
  }

  function managerOptions(options) {
    const made = { reconnection: false, randomizationFactor: 0 };
    for (const [key, value] of Object.entries(options)) {
      if (TAKEN.includes(key)) made[key] = value;
      else if (Object.hasOwn(more, key)) Object.assign(made, more[key](value));
      else if (!HANDLED.includes(key)) throw new Unsupported(`the option ${key}`);
    }
    return made;
  }

  function auth({ auth, authFunction }) {
    if (!authFunction) return revive(auth);
    let call = 0;
    return (callback) => callback({ ...revive(auth), call: ++call });
  }

  class Case {
    sockets = new Map();
    all = [];
    answers = new Map();
    manager;

    constructor(name) {
      this.name = name;
    }

    report(report, keys) {
      if (cases.get(this.name) === this) say({ case: this.name, report, ...keys });
    }

    connect({ url, nsp, options = {} }) {
      const known = this.sockets.get(nsp);
      if (known && !options.forceNew) {
        if (options.auth !== undefined) known.auth = auth(options);
        known.connect();
        return;
      }
      const made = managerOptions(options);
      let manager = this.manager;
      if (!manager || options.forceNew) {
        manager = new Manager(url, made);
        this.manager ??= manager;
        manager.on("reconnect_attempt", (attempt) => this.report("reconnect_attempt", { attempt }));
        manager.on("reconnect_failed", () => this.report("reconnect_failed"));
      }
      const { retries, ackTimeout } = made;
      const socket = manager.socket(nsp, { auth: auth(options), retries, ackTimeout });
      this.sockets.set(nsp, socket);
      this.all.push(socket);
      this.listen(socket, nsp, options.emitOnConnect);
    }

    listen(socket, nsp, emitOnConnect) {
      socket.on("connect", () => {
        this.report("connect", { nsp, sid: socket.id });
        if (emitOnConnect) socket.emit(...revive(emitOnConnect));
      });
      socket.on("connect_error", ({ message, data }) => {
        this.report("connect_error", data === undefined ? { nsp, message } : { nsp, message, data: tell(data) });
      });
      socket.on("disconnect", (reason) => this.report("disconnect", { nsp, reason }));
      socket.onAny((event, ...args) => {
        const keys = { nsp, event: tell(event) };
        // The library puts what answers the event behind its arguments, and nothing of the wire can be a function.
        if (typeof args.at(-1) === "function") {
          keys.ack = this.answers.size + 1;
          this.answers.set(keys.ack, args.pop());
        }
        this.report("event", { ...keys, args: args.map(tell) });
      });
    }

    socket(nsp) {
      const socket = this.sockets.get(nsp);
      if (!socket) throw new Error(`there is no client of ${nsp}: connect it first`);
      return socket;
    }

    emit({ nsp, event, args, ack, timeout, volatile, retries }) {
      let socket = this.socket(nsp);
      // For the library this is an option of the client: from here on it is as if it had been given when the client was made.
      if (retries !== undefined) socket._opts.retries = retries;
      const withError = timeout !== undefined || socket._opts.ackTimeout !== undefined || socket._opts.retries;
      if (volatile) socket = socket.volatile;
      if (timeout !== undefined) socket = socket.timeout(timeout);
      const rest = args.map(revive);
      if (ack !== undefined) {
        const done = (args) => this.report("ack", { nsp, ack, args: args.map(tell) });
        const failed = (error) => this.report("ack_error", { nsp, ack, message: error.message });
        rest.push(withError ? (error, ...args) => (error ? failed(error) : done(args)) : (...args) => done(args));
      }
      socket.emit(event, ...rest);
    }

    ack({ ack, args }) {
      this.answers.get(ack)(...args.map(revive));
    }

    disconnect({ nsp }) {
      this.socket(nsp).disconnect();
    }

    close() {
      cases.delete(this.name);
      for (const socket of this.all) socket.disconnect();
    }
  }

  return {
    /** The names of the cases that are open. */
    names: () => [...cases.keys()],
    /** Reports what nobody caught, for a case or, without its name, for all. */
    uncaught(error, name) {
      console.error(error);
      const message = String(error);
      for (const one of name === undefined ? cases.values() : [cases.get(name)]) one?.report("error", { message });
    },
    /** The answer to a request. */
    answer(request) {
      const { id, do: what, case: name } = request;
      try {
        if (!["connect", "emit", "ack", "disconnect", "close"].includes(what)) throw new Unsupported(what);
        if (!cases.has(name)) {
          if (what === "close") return { id };
          cases.set(name, new Case(name));
        }
        cases.get(name)[what](request);
        return { id };
      } catch (error) {
        const message = String(error?.message ?? error);
        return error instanceof Unsupported ? { id, unsupported: message } : { id, error: message };
      }
    },
  };
}

/** A value of JavaScript as one of the driver protocol. */
export function tell(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (typeof value === "function") return { $function: value.name };
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) return tellBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof ArrayBuffer) return tellBytes(new Uint8Array(value));
  if (Array.isArray(value)) return Array.from(value, tell);
  // Without a prototype, so that a member called __proto__ stays a member.
  const object = Object.create(null);
  for (const key of Object.keys(value)) object[key] = tell(value[key]);
  return object;
}

function tellBytes(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { $binary: btoa(text) };
}
