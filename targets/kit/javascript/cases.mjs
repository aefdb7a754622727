// The cases of a driver of a client, in Node.js and in browsers: which are open, what they report, and what they answer.
import { Unsupported, revive, tell } from "./values.mjs";

/**
 * A case, which has connections of its own. A driver extends it by what its library does for these commands, of which it
 * gets the keys with values of JavaScript in them; what they throw is the answer.
 *
 *   connect({ url, nsp, options })
 *   emit({ nsp, event, args, ack, timeout, volatile, retries })
 *   disconnect({ nsp })
 *   close()
 */
export class Case {
  #say;
  #isOpen = true;
  #answers = [];

  constructor(name, say) {
    this.name = name;
    this.#say = say;
  }

  /** Reports what the library says, in values of JavaScript. A key that is undefined is left out. */
  report(report, keys = {}) {
    if (!this.#isOpen) return;
    const message = { case: this.name, report };
    for (const [key, value] of Object.entries(keys)) if (value !== undefined) message[key] = tell(value);
    this.#say(message);
  }

  /** Reports an event. `answer` is what to call with the answer to it, where the library has such a function. */
  event(nsp, event, args, answer) {
    const ack = answer && this.#answers.push(answer);
    this.report("event", { nsp, event: tell(event), args, ack });
  }

  /** The command `ack`: calls the answer to the event that was reported with this number. */
  ack({ ack, args }) {
    this.#answers[ack - 1](...args);
  }

  /** The command `close`: nothing is reported from here on, whatever the library says while it ends. */
  end() {
    this.#isOpen = false;
    this.close();
  }
}

/** For each command the method of a case. */
const COMMANDS = { connect: "connect", emit: "emit", ack: "ack", disconnect: "disconnect", close: "end" };

/** All cases of a driver. `Client` extends `Case`, `say` takes a message. */
export class Cases {
  #open = new Map();

  constructor(Client, say) {
    this.make = (name) => new Client(name, say);
  }

  /** The answer to a request. */
  answer({ id, do: command, case: name, ...keys }) {
    try {
      if (!Object.hasOwn(COMMANDS, command)) throw new Unsupported(command);
      const played = this.#open.get(name) ?? this.make(name);
      if (command === "close") this.#open.delete(name);
      else this.#open.set(name, played);
      played[COMMANDS[command]](revive(keys));
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
