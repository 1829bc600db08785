'use strict';

// The Apache RocketMQ 4.9.8 broker and NameServer inside your Node process. Types and texts: index.d.ts.

const native = require('./libbroker.node');
const { version } = require('./package.json');

const STOP_TIMEOUT_MS = 30_000;

/** Every option with its type and default. */
const OPTIONS = {
  storeDir: ['string', undefined],
  port: ['number', undefined],
  namesrv: ['string', undefined],
  namesrvPort: ['number', undefined],
  namesrvOnly: ['boolean', false],
  profile: ['string', 'embedded'],
  properties: ['object', {}],
};

/** Handles of brokers that run. A process that ends leaves its stores closed, as if each had been stopped. */
const running = new Set();

/** Stops brokers whose object was garbage; the handle is reachable from here, so that it outlives the object. */
const forgotten = new FinalizationRegistry((handle) => {
  process.emitWarning(`the broker on ${handle.storeDir} was not stopped`, 'ResourceWarning');
  running.delete(handle);
  handle.stop(STOP_TIMEOUT_MS).catch(() => {});
});

let stopsAtExit = false;

class Broker {
  #options;
  #handle = null;
  #state = 'stopped';
  #stopping = null;

  constructor(options = {}) {
    this.#options = checked(options);
  }

  async start() {
    if (this.#state !== 'stopped') {
      throw coded('INVALID_ARGUMENT', `the broker is ${this.#state} already`);
    }
    this.#state = 'starting';
    try {
      this.#handle = await native.start(this.#options);
      this.#state = 'running';
    } catch (error) {
      this.#state = 'stopped';
      throw error;
    }
    remember(this, this.#handle);
    return this;
  }

  async stop(timeoutMs = STOP_TIMEOUT_MS) {
    if (this.#state === 'starting') {
      throw coded('INVALID_ARGUMENT', 'the broker is starting; wait for start()');
    }
    if (this.#state === 'running') {
      // Fails at once for a timeout that is none, and then nothing has been stopped.
      this.#stopping = this.#handle.stop(timeoutMs).finally(() => {
        this.#state = 'stopped';
        this.#stopping = null;
        running.delete(this.#handle);
      });
      this.#state = 'stopping';
      forgotten.unregister(this);
    }
    await this.#stopping;
  }

  get running() {
    return this.#state === 'running';
  }

  get address() {
    return present(this.#live().address, 'a NameServer alone was started');
  }

  get namesrvAddress() {
    return present(this.#live().namesrvAddress, 'the NameServer is elsewhere');
  }

  get storeDir() {
    return this.#live().storeDir;
  }

  #live() {
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

async function start(options) {
  return new Broker(options).start();
}

function remember(broker, handle) {
  running.add(handle);
  forgotten.register(broker, handle, broker);
  if (!stopsAtExit) {
    stopsAtExit = true;
    process.on('exit', () => running.forEach(stopAtExit));
  }
}

function stopAtExit(handle) {
  try {
    handle.stopNow(STOP_TIMEOUT_MS);
  } catch {
    // Nobody is left to be told; the next start recovers the store.
  }
}

/** The options as the native half takes them. */
function checked(options) {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw coded('INVALID_ARGUMENT', `there is no option ${name}`);
    }
  }
  const result = {};
  for (const [name, [type, standard]] of Object.entries(OPTIONS)) {
    const value = options[name] ?? standard;
    if (value !== undefined && typeof value !== type) {
      throw coded('INVALID_ARGUMENT', `${name} is a ${typeof value}, not a ${type}`);
    }
    result[name] = value;
  }
  result.properties = Object.entries(result.properties).map(([key, value]) => ({ key, value: String(value) }));
  return result;
}

function present(address, absence) {
  if (address === null) {
    throw coded('NOT_FOUND', absence);
  }
  return address;
}

function coded(code, text) {
  return Object.assign(new Error(text), { code });
}

module.exports = { Broker, start, version };
