// The cases of a driver, in Node.js and in browsers: which are open, what they report, and what they answer.
import { Unsupported, revive, tell } from "./values.mjs";

/**
 * A client of one namespace of a case. A driver extends it by what its library does for these commands. Their values are
 * those of JavaScript, and what they throw is the answer.
 *
 *   connect(options)      makes a client of this.url and this.nsp; asked again, connects that
 *   emit({ event, args, ack, timeout, volatile })
 *   disconnect()
 *   close()               ends whatever there is, also after a `connect` that threw
 */
export class Client {
  /** `played` is the case, an object in which its clients may keep what they share. */
  constructor(played, url, nsp) {
    this.case = played;
    this.url = url;
    this.nsp = nsp;
  }

  /** Reports what the library says of this namespace, in values of JavaScript. A key that is undefined is left out. */
  report(report, keys) {
    this.case.report(report, { nsp: this.nsp, ...keys });
  }

  /** Reports an event. `answer` is what to call with the answer to it, where one is asked for. */
  event(event, args, answer) {
    this.report("event", { event: tell(event), args, ack: answer && this.case.answers.push(answer) });
  }
}

/** A case: its clients have connections of their own. */
class Case {
  answers = [];
  isOpen = true;
  #clients = new Map();
  #all = [];

  constructor(name, make, say) {
    this.name = name;
    this.make = make;
    this.say = say;
  }

  /** Reports something that belongs to no namespace. */
  report(report, keys = {}) {
    if (!this.isOpen) return;
    const message = { case: this.name, report };
    for (const [key, value] of Object.entries(keys)) if (value !== undefined) message[key] = tell(value);
    this.say(message);
  }

  connect({ url, nsp, options }) {
    if (!this.#clients.has(nsp) || options.forceNew) {
      const client = this.make(this, url, nsp);
      this.#clients.set(nsp, client);
      this.#all.push(client);
    }
    this.#client(nsp).connect(options);
  }

  #client(nsp) {
    const client = this.#clients.get(nsp);
    if (!client) throw new Error(`there is no client of ${nsp}: connect it first`);
    return client;
  }

  emit({ nsp, ...keys }) {
    this.#client(nsp).emit(keys);
  }

  ack({ ack, args }) {
    this.answers[ack - 1](...args);
  }

  disconnect({ nsp }) {
    this.#client(nsp).disconnect();
  }

  close() {
    this.isOpen = false;
    for (const client of this.#all) client.close();
  }
}

const COMMANDS = ["connect", "emit", "ack", "disconnect", "close"];

/** All cases of a driver. `Client` extends that of this file, `say` takes a message. */
export class Cases {
  #open = new Map();

  constructor(Client, say) {
    this.begin = (name) => new Case(name, (...of) => new Client(...of), say);
  }

  /** The answer to a request. */
  answer({ id, do: command, case: name, ...keys }) {
    try {
      if (!COMMANDS.includes(command)) throw new Unsupported(command);
      const played = this.#open.get(name) ?? this.begin(name);
      if (command === "close") this.#open.delete(name);
      else this.#open.set(name, played);
      played[command](revive(keys));
      return { id };
    } catch (error) {
      const message = String(error?.message ?? error);
      return error instanceof Unsupported ? { id, unsupported: message } : { id, error: message };
    }
  }

  /** Reports what nobody caught, for the case that it belongs to or, without its name, for all. */
  uncaught(error, name) {
    console.error(error);
    const concerned = name === undefined ? [...this.#open.values()] : [this.#open.get(name)];
    for (const one of concerned) one?.report("error", { message: String(error) });
  }
}
