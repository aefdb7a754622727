// The order in which a driver speaks when its cases are in several pages, each of which tells in its own time.

export class Order {
  /** The ids of the requests that are not answered yet, in their order. */
  #asked = [];
  /** What was told and nobody has heard yet: for each voice its messages, in their order. */
  #told = new Set();

  /** A request was made. */
  ask(id) {
    this.#asked.push(id);
  }

  /** Somebody who says messages, as JSON text, and is forgotten after the end. */
  voice() {
    const voice = { messages: [], ended: false };
    this.#told.add(voice);
    return {
      say: (text) => {
        voice.messages.push({ id: JSON.parse(text).id, text });
        this.#writeWhatIsDue();
      },
      end: () => {
        voice.ended = true;
        this.#writeWhatIsDue();
      },
    };
  }

  /** Answers come in the order of their requests, and no report before the answer that it came after. */
  #writeWhatIsDue() {
    for (let more = true; more; ) {
      more = false;
      for (const voice of this.#told) {
        const { messages } = voice;
        while (messages.length > 0 && [undefined, this.#asked[0]].includes(messages[0].id)) {
          const { id, text } = messages.shift();
          process.stdout.write(text + "\n");
          if (id !== undefined) this.#asked.shift();
          more = true;
        }
        if (voice.ended && messages.length === 0) this.#told.delete(voice);
      }
    }
  }
}
