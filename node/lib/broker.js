'use strict';

const native = require('../libbroker.node');
const { coded } = require('./errors.js');
const { checked } = require('./options.js');
const { STOP_TIMEOUT_MS, remember, release, forget } = require('./running.js');

class Broker {
  #options;
  #handle = null;
  #state = 'stopped';
  #stopping = null;

  constructor(options = {}) {
    this.#options = checked(options);
    // Refuses what the native half cannot use; a start makes a handle of its own.
    new native.Handle(this.#options);
  }

  async start() {
    if (this.#state !== 'stopped') {
      throw coded('INVALID_ARGUMENT', `the broker is ${this.#state} already`);
    }
    const handle = new native.Handle(this.#options);
    this.#state = 'starting';
    remember(this, handle);
    try {
      await handle.start();
    } catch (error) {
      forget(this, handle);
      this.#state = 'stopped';
      throw error;
    }
    this.#handle = handle;
    this.#state = 'running';
    return this;
  }

  async stop(timeoutMs = STOP_TIMEOUT_MS) {
    if (this.#state === 'starting') {
      throw coded('INVALID_ARGUMENT', 'the broker is starting; wait for start()');
    }
    if (this.#state === 'running') {
      const handle = this.#handle;
      // Fails at once for a timeout that is none, and then nothing has been stopped.
      this.#stopping = handle.stop(timeoutMs).finally(() => {
        this.#state = 'stopped';
        this.#stopping = null;
        forget(this, handle);
      });
      this.#state = 'stopping';
      release(this);
    }
    await this.#stopping;
  }

  get running() {
    return this.#state === 'running';
  }

  get address() {
    return present(this.#started().address, 'a NameServer alone was started');
  }

  get namesrvAddress() {
    return present(this.#started().namesrvAddress, 'the NameServer is elsewhere');
  }

  get storeDir() {
    return this.#started().storeDir;
  }

  get health() {
    const problem = this.#state === 'running' ? this.#handle.problem : null;
    if (problem === null) {
      return { state: 'stopped', problem: null };
    }
    return problem === '' ? { state: 'ok', problem: null } : { state: 'degraded', problem };
  }

  #started() {
    if (this.#handle === null) {
      throw coded('STOPPED', 'the broker was not started');
    }
    return this.#handle;
  }
}

// `await using broker = await start()`, where the language has it.
if (Symbol.asyncDispose) {
  Object.defineProperty(Broker.prototype, Symbol.asyncDispose, {
    value() {
      return this.stop();
    },
  });
}

function present(address, absence) {
  if (address === null) {
    throw coded('NOT_FOUND', absence);
  }
  return address;
}

module.exports = { Broker };
