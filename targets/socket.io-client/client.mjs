// What socket.io-client does in a case, see docs/driver.md. It runs in Node.js and in browsers.
import { Case } from "../kit/javascript/cases.mjs";
import { Unsupported } from "../kit/javascript/values.mjs";

export const CAPABILITIES = [
  "polling", "websocket", "upgrade", "background-upgrade", "namespaces", "force-new", "binary", "ack", "ack-timeout",
  "answer", "answer-later", "auth", "auth-function", "query", "headers", "cookies", "path", "reconnection",
  "reconnection-attempts", "reconnection-delay", "timeout", "volatile", "retries", "offline-buffer",
  "try-all-transports", "recovery", "connect-handler", "sid",
];

/** Options that the library takes as they are. */
const SAME = [
  "path", "transports", "upgrade", "query", "reconnection", "reconnectionAttempts", "reconnectionDelay",
  "reconnectionDelayMax", "randomizationFactor", "timeout", "tryAllTransports", "retries", "ackTimeout",
];

function managerOptions({ auth, authFunction, forceNew, emitOnConnect, headers, cookies, ...same }) {
  for (const option of Object.keys(same)) if (!SAME.includes(option)) throw new Unsupported(`the option ${option}`);
  return { reconnection: false, randomizationFactor: 0, ...same, extraHeaders: headers, withCredentials: cookies };
}

function authOf({ auth, authFunction }) {
  if (!authFunction) return auth;
  let call = 0;
  return (callback) => callback({ ...auth, call: ++call });
}

/** The client with the `Manager` of one platform. */
export const clientOf = (Manager) => class extends Case {
  #manager;
  #all = [];
  #sockets = new Map();

  connect({ url, nsp, options = {} }) {
    const known = this.#sockets.get(nsp);
    if (known && !options.forceNew) {
      if (options.auth !== undefined) known.auth = authOf(options);
      known.connect();
      return;
    }
    const made = managerOptions(options);
    const manager = options.forceNew || !this.#manager ? this.#manage(url, made) : this.#manager;
    this.#manager ??= manager;
    const { retries, ackTimeout } = options;
    const socket = manager.socket(nsp, { auth: authOf(options), retries, ackTimeout });
    this.#sockets.set(nsp, socket);
    this.#all.push(socket);
    this.#listen(socket, nsp, options.emitOnConnect);
  }

  #manage(url, options) {
    const manager = new Manager(url, options);
    manager.on("reconnect_attempt", (attempt) => this.report("reconnect_attempt", { attempt }));
    manager.on("reconnect_failed", () => this.report("reconnect_failed"));
    return manager;
  }

  #listen(socket, nsp, emitOnConnect) {
    socket.on("connect", () => {
      this.report("connect", { nsp, sid: socket.id });
      if (emitOnConnect) socket.emit(...emitOnConnect);
    });
    socket.on("connect_error", ({ message, data }) => this.report("connect_error", { nsp, message, data }));
    socket.on("disconnect", (reason) => this.report("disconnect", { nsp, reason }));
    socket.onAny((event, ...args) => {
      // The library puts what answers the event behind its arguments, and nothing of the wire can be a function.
      const answer = typeof args.at(-1) === "function" ? args.pop() : undefined;
      this.event(nsp, event, args, answer);
    });
  }

  #socket(nsp) {
    const socket = this.#sockets.get(nsp);
    if (!socket) throw new Error(`there is no client of ${nsp}: connect it first`);
    return socket;
  }

  emit({ nsp, event, args, ack, timeout, volatile, retries }) {
    if (retries !== undefined) throw new Unsupported("retries of one emission: they are an option of the client");
    let socket = this.#socket(nsp);
    const hasError = timeout !== undefined || socket._opts.ackTimeout !== undefined || socket._opts.retries;
    if (volatile) socket = socket.volatile;
    if (timeout !== undefined) socket = socket.timeout(timeout);
    if (ack === undefined) {
      socket.emit(event, ...args);
      return;
    }
    const answered = (...args) => this.report("ack", { nsp, ack, args });
    const failed = ({ message }) => this.report("ack_error", { nsp, ack, message });
    const withError = (error, ...args) => (error ? failed(error) : answered(...args));
    socket.emit(event, ...args, hasError ? withError : answered);
  }

  disconnect({ nsp }) {
    this.#socket(nsp).disconnect();
  }

  close() {
    for (const socket of this.#all) socket.disconnect();
  }
};
