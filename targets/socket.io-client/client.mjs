// What a driver asks of socket.io-client, see docs/driver.md. It runs in Node.js and in browsers.
import { Client } from "../kit/javascript/cases.mjs";
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
export const clientOf = (Manager) => class extends Client {
  #socket;

  connect(options) {
    if (this.#socket) {
      if (options.auth !== undefined) this.#socket.auth = authOf(options);
      this.#socket.connect();
      return;
    }
    const made = managerOptions(options);
    const manager = options.forceNew || !this.case.manager ? this.#manage(made) : this.case.manager;
    this.case.manager ??= manager;
    const { retries, ackTimeout, emitOnConnect } = options;
    this.#socket = manager.socket(this.nsp, { auth: authOf(options), retries, ackTimeout });
    this.#listen(this.#socket, emitOnConnect);
  }

  #manage(options) {
    const manager = new Manager(this.url, options);
    manager.on("reconnect_attempt", (attempt) => this.case.report("reconnect_attempt", { attempt }));
    manager.on("reconnect_failed", () => this.case.report("reconnect_failed"));
    return manager;
  }

  #listen(socket, emitOnConnect) {
    socket.on("connect", () => {
      this.report("connect", { sid: socket.id });
      if (emitOnConnect) socket.emit(...emitOnConnect);
    });
    socket.on("connect_error", ({ message, data }) => this.report("connect_error", { message, data }));
    socket.on("disconnect", (reason) => this.report("disconnect", { reason }));
    socket.onAny((event, ...args) => {
      // The library puts what answers the event behind its arguments, and nothing of the wire can be a function.
      const answer = typeof args.at(-1) === "function" ? args.pop() : undefined;
      this.event(event, args, answer);
    });
  }

  emit({ event, args, ack, timeout, volatile }) {
    let socket = this.#socket;
    const hasError = timeout !== undefined || socket._opts.ackTimeout !== undefined || socket._opts.retries;
    if (volatile) socket = socket.volatile;
    if (timeout !== undefined) socket = socket.timeout(timeout);
    if (ack === undefined) {
      socket.emit(event, ...args);
      return;
    }
    const answered = (...args) => this.report("ack", { ack, args });
    const failed = ({ message }) => this.report("ack_error", { ack, message });
    const withError = (error, ...args) => (error ? failed(error) : answered(...args));
    socket.emit(event, ...args, hasError ? withError : answered);
  }

  disconnect() {
    this.#socket.disconnect();
  }

  close() {
    this.#socket?.disconnect();
  }
};
