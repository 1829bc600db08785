'use strict';

// Waits until something is there, by event: no thread waits, and nothing is asked again and again.

const { coded } = require('./errors.js');

/** The longest time that a timer of Node takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

class Changes {
  #wake;
  #waiting = new Set();

  /** `subscribe` is given what to call after a change, and answers the subscription. */
  constructor(subscribe) {
    // The subscription keeps what it calls, so that must not lead to this object: it ends when this one is garbage.
    const waiting = this.#waiting;
    this.#wake = subscribe(() => waiting.forEach((resolve) => resolve(true)));
  }

  /** As after a change: everybody looks again. */
  signal() {
    this.#waiting.forEach((resolve) => resolve(true));
  }

  /**
   * What `look` answers, once that is not undefined; undefined when there is none within `timeoutMs`.
   * With a limit a timer keeps the process alive while this waits; without one nothing does.
   */
  async until(look, timeoutMs, signal) {
    const end = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const change = this.#next(end, signal);
      try {
        // First armed, then looked: what comes in between is signalled.
        this.#wake.arm();
        const found = await look();
        if (found !== undefined) {
          return found;
        }
        if (end !== undefined && performance.now() >= end) {
          return undefined;
        }
        await change.promise;
      } finally {
        change.end();
      }
    }
  }

  /** Kept at the next change, when the time is up, or when `signal` aborts. */
  #next(end, signal) {
    let wake;
    const promise = new Promise((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    const left = end === undefined ? undefined : Math.max(0, Math.ceil(end - performance.now()));
    const timer = left === undefined ? undefined : setTimeout(wake, Math.min(left, TIMER_MAX_MS));
    signal?.addEventListener('abort', wake);
    return {
      promise,
      end: () => {
        this.#waiting.delete(wake);
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
      },
    };
  }
}

/** A time limit in milliseconds; undefined and Infinity are none. */
function limit(timeoutMs) {
  if (timeoutMs === undefined || timeoutMs === null || timeoutMs === Infinity) {
    return undefined;
  }
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw coded('INVALID_ARGUMENT', `timeoutMs is ${timeoutMs}, not a number of milliseconds from 0 on`);
  }
  return timeoutMs;
}

module.exports = { Changes, limit };
