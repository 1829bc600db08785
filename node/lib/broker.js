'use strict';

const { types } = require('node:util');
const native = require('../libbroker.node');
const { Changes, limit } = require('./changes.js');
const { Consumer } = require('./consumer.js');
const { coded, text, number, named } = require('./errors.js');
const { outgoing, incoming, flat } = require('./messages.js');
const { checked } = require('./options.js');
const { records } = require('./records.js');
const { STOP_TIMEOUT_MS, remember, release, forget } = require('./running.js');

const QUEUES = 8;
const PULLED = 32;
const WAIT_TIMEOUT_MS = 30_000;

class Broker {
  #options;
  /** @type {import('../native.d.ts').Handle} */
  #handle = null;
  #state = 'stopped';
  #stopping = null;
  /** @type {Changes} */
  #changes = null;

  constructor(options = {}) {
    this.#options = checked(options);
    // Refuses what the native half cannot use; a start makes a handle of its own.
    new native.Handle(this.#options);
  }

  async start() {
    if (this.#state !== 'stopped') {
      throw coded('INVALID_ARGUMENT', `the broker is ${this.#state} already`);
    }
    const handle = new native.Handle(this.#options, this.#options.log);
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
    this.#changes = null;
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
      this.#stopping = handle.stop(number('timeoutMs', timeoutMs)).finally(() => {
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

  get nowMs() {
    return this.#started().nowMs;
  }

  health() {
    const problem = this.#state === 'running' ? this.#handle.problem : null;
    if (problem === null) {
      return { state: 'stopped', problem: null };
    }
    return problem === '' ? { state: 'ok', problem: null } : { state: 'degraded', problem };
  }

  async createTopic(name, options) {
    const { queues = QUEUES } = named(['queues'], options);
    await this.#started().createTopic(text('name', name), number('queues', queues));
  }

  async deleteTopic(name) {
    await this.#started().deleteTopic(text('name', name));
  }

  async topics() {
    return records(await this.#started().topics());
  }

  async createGroup(name) {
    await this.#started().createGroup(text('name', name));
  }

  async deleteGroup(name) {
    await this.#started().deleteGroup(text('name', name));
  }

  async groups() {
    return records(await this.#started().groups());
  }

  async connections() {
    return records(await this.#started().connections());
  }

  async send(topic, body, attributes) {
    return this.#started().send(outgoing(topic, body, attributes));
  }

  async sendMany(messages) {
    const sent = Array.from(messages, ({ topic, body, ...attributes }) => outgoing(topic, body, attributes));
    return this.#started().sendMany(sent);
  }

  async pull(topic, queue, offset, options) {
    const { maxMessages = PULLED, timeoutMs = 0, signal } = named(['maxMessages', 'timeoutMs', 'signal'], options);
    const handle = this.#started();
    text('topic', topic);
    number('queue', queue);
    number('offset', offset);
    number('maxMessages', maxMessages);
    /** @type {import('../native.d.ts').Pulled} */
    let pulled;
    const look = async () => {
      pulled = await handle.pull(topic, queue, offset, maxMessages);
      return pulled.messages.length > 0 ? true : undefined;
    };
    if (timeoutMs === 0) {
      await look();
    } else {
      await this.#changed().until(look, limit(timeoutMs), signal);
    }
    pulled.messages.forEach(incoming);
    return pulled;
  }

  consume(topic, group, options) {
    const { tags, timeoutMs, signal } = named(['tags', 'timeoutMs', 'signal'], options);
    const handle = this.#started();
    text('topic', topic);
    text('group', group);
    const selected = text('tags', tags, '*');
    return new Consumer(async () => handle.consume(topic, group, selected), limit(timeoutMs), signal);
  }

  async messages(topic, options) {
    const { queue, start, end, key, limit: most } = named(['queue', 'start', 'end', 'key', 'limit'], options);
    const query = { topic: text('topic', topic), queue, key, limit: most };
    place(query, 'start', start);
    place(query, 'end', end);
    return (await this.#started().messages(query)).map(incoming);
  }

  async message(offsetMsgId) {
    return incoming(await this.#started().message(text('offsetMsgId', offsetMsgId)));
  }

  async messageCount(topic) {
    return this.#started().messageCount(text('topic', topic));
  }

  async offsets(group) {
    return records(await this.#started().offsets(text('group', group)));
  }

  async lag(group) {
    return this.#started().lag(text('group', group));
  }

  async setOffset(group, topic, queue, offset) {
    text('topic', topic);
    await this.#started().setOffset(text('group', group), topic, number('queue', queue), number('offset', offset));
  }

  async resetOffset(group, topic, to) {
    const { kind, value } = target(to);
    await this.#started().resetOffset(text('group', group), text('topic', topic), kind, value);
  }

  async waitFor(topic, count, timeoutMs = WAIT_TIMEOUT_MS, options = undefined) {
    const { signal } = named(['signal'], options);
    const handle = this.#started();
    text('topic', topic);
    number('count', count);
    let seen = 0;
    const look = async () => {
      seen = await handle.messageCount(topic);
      return seen >= count ? seen : undefined;
    };
    const found = await this.#changed().until(look, limit(timeoutMs), signal);
    if (found === undefined) {
      throw coded('TIMEOUT', `${topic} has ${seen} of ${count} messages after ${timeoutMs} ms`);
    }
    return found;
  }

  async advance(ms) {
    await this.#started().advance(number('ms', ms));
  }

  failNext(fault = {}) {
    const names = ['code', 'topic', 'fields', 'times', 'error', 'remark', 'delayMs', 'drop', 'disconnect'];
    const { code, topic, fields, times = 1, error, remark = '', delayMs, drop = false, disconnect = false } = named(names, fault);
    const wanted = topic === undefined ? { ...fields } : { ...fields, topic };
    this.#started().failNext({
      code: code === undefined ? undefined : String(code),
      fields: flat(wanted),
      times: number('times', times),
      error: error === undefined ? undefined : number('error', error),
      remark: text('remark', remark),
      delayMs: delayMs === undefined ? undefined : number('delayMs', delayMs),
      drop: drop === true,
      disconnect: disconnect === true,
    });
  }

  clearFaults() {
    this.#started().clearFaults();
  }

  async snapshot(dir) {
    await this.#started().snapshot(text('dir', dir));
  }

  async clear() {
    await this.#started().clear();
  }

  async config() {
    return JSON.parse(await this.#started().config());
  }

  async counters() {
    return JSON.parse(await this.#started().counters());
  }

  async storeState() {
    return JSON.parse(await this.#started().storeState());
  }

  #started() {
    if (this.#handle === null) {
      throw coded('STOPPED', 'the broker was not started');
    }
    return this.#handle;
  }

  /** What tells of every change of the broker that was started last. */
  #changed() {
    const handle = this.#started();
    this.#changes ??= new Changes((signalled) => handle.onChange(signalled));
    return this.#changes;
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

/** A bound of a query: a queue offset, or the time of storing. */
function place(query, name, bound) {
  if (types.isDate(bound)) {
    query[`${name}Ms`] = bound.getTime();
  } else if (bound !== undefined && bound !== null) {
    query[name] = number(name, bound);
  }
}

/** Where offsets are to be set, as the native half takes it. */
function target(to) {
  if (types.isDate(to)) {
    return { kind: 'timestamp', value: to.getTime() };
  }
  return typeof to === 'number' ? { kind: 'offset', value: to } : { kind: text('to', to), value: 0 };
}

module.exports = { Broker };
