'use strict';

// Brokers for tests, stopped when the test is over. Types and texts: testing.d.ts.

const { Broker } = require('./lib/broker.js');
const { coded } = require('./lib/errors.js');

/** Requests under way when a test ends are of no use to anybody. */
const STOP_TIMEOUT_MS = 3_000;

/** Topics of one process never have the same name. */
let topics = 0;

function startTestBroker(owner, options) {
  const atEnd = registrar(owner);
  const broker = new Broker(options);
  const started = broker.start();
  // Runners take a hook only while the test is set up, so it is registered before anything is waited for.
  atEnd(async () => {
    await started.catch(() => {});
    await broker.stop(STOP_TIMEOUT_MS);
  });
  // Told to whoever waits for it, which may be a hook that runs later.
  started.catch(() => {});
  return started;
}

async function freshTopic(broker, { name = 'test', queues = 1 } = {}) {
  topics += 1;
  const topic = `${name}-${process.pid}-${topics}`;
  await broker.createTopic(topic, { queues });
  return topic;
}

/** What registers a function to be called at the end of `owner`. */
function registrar(owner) {
  // The context of node:test, that of vitest (which is a function, too), and anything with the functions of jest.
  for (const name of ['after', 'onTestFinished', 'afterAll']) {
    if (typeof owner?.[name] === 'function') {
      return (stop) => owner[name](stop);
    }
  }
  if (typeof owner === 'function') {
    return owner;
  }
  throw coded('INVALID_ARGUMENT', 'the first argument is the context of a test, or a function as afterAll is one');
}

module.exports = { startTestBroker, freshTopic };
