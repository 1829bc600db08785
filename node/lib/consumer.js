'use strict';

// A member of a consumer group, as an asynchronous iterator.

const { number } = require('./errors.js');
const { Changes } = require('./changes.js');
const { incoming } = require('./messages.js');

class Consumer {
  #joining;
  /** @type {Changes} */
  #changes = null;
  /** @type {import('../native.d.ts').Consumer} */
  #native = null;
  #timeoutMs;
  #signal;
  #closing = null;
  /**
   * The `next` before: they are answered in the order of the calls.
   * @type {Promise<unknown>}
   */
  #last = Promise.resolve();

  /** `join` answers the promise of the native consumer. */
  constructor(join, timeoutMs, signal) {
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#joining = join().then((consumer) => {
      this.#native = consumer;
      this.#changes = new Changes((signalled) => consumer.onChange(signalled));
    });
    // Told by the first `next`.
    this.#joining.catch(() => {});
  }

  next() {
    const result = this.#last.then(() => this.#next());
    this.#last = result.catch(() => {});
    return result;
  }

  async #next() {
    await this.#joining;
    let delivery;
    try {
      delivery = await this.#changes.until(() => this.#look(), this.#timeoutMs, this.#signal);
    } catch (error) {
      await this.close();
      throw error;
    }
    if (delivery) {
      return { done: false, value: new Delivery(delivery) };
    }
    await this.close();
    return { done: true, value: undefined };
  }

  /** A delivery; null at the end; undefined for nothing yet. */
  #look() {
    if (this.#closing !== null) {
      return null;
    }
    try {
      return this.#native.tryNext() ?? undefined;
    } catch (error) {
      if (error.code === 'STOPPED') {
        return null;
      }
      throw error;
    }
  }

  /** Leaves the group; what was not acknowledged comes again, to whoever is in it. */
  close() {
    this.#closing ??= this.#leave();
    this.#changes?.signal();
    return this.#closing;
  }

  async #leave() {
    await this.#joining.catch(() => {});
    await this.#native?.close();
  }

  async return() {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Consumer.prototype, Symbol.asyncDispose, {
    value() {
      return this.close();
    },
  });
}

/** A message with what can be done about it. */
class Delivery {
  #native;

  /** @param {import('../native.d.ts').Delivery} native */
  constructor(native) {
    this.#native = native;
    Object.assign(this, incoming(native.message));
  }

  async ack() {
    this.#native.ack();
  }

  async retry(delayLevel = 0) {
    await this.#native.retry(number('delayLevel', delayLevel));
  }
}

module.exports = { Consumer, Delivery };
