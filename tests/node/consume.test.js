'use strict';

// Consuming as a member of a group, waiting, and the end of both.

const assert = require('node:assert/strict');
const { before, after, beforeEach, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { folder, run } = require('./support/processes.js');
const { start } = require(folder);

let broker;
before(async () => {
  broker = await start();
});
after(() => broker.stop());
beforeEach(async () => {
  await broker.clear();
  await broker.createTopic('jobs', { queues: 1 });
});

const send = (...bodies) => broker.sendMany(bodies.map((body) => ({ topic: 'jobs', body, tags: body[0] })));
const text = (message) => message.body.toString();
/** A limit that is not reached: nothing else keeps a test alive while it waits. */
const timeoutMs = 20_000;

/** Everything that the group has, acknowledged. */
async function drain(options) {
  const texts = [];
  for await (const message of broker.consume('jobs', 'workers', { timeoutMs: 100, ...options })) {
    texts.push(text(message));
    await message.ack();
  }
  return texts;
}

test('a group consumes what it has not acknowledged', async () => {
  await send('a', 'b', 'c');
  for await (const message of broker.consume('jobs', 'workers')) {
    assert.equal(text(message), 'a');
    assert.equal(message.topic, 'jobs');
    await message.ack();
    break;
  }
  assert.equal(await broker.lag('workers'), 2);
  assert.deepEqual(await drain(), ['b', 'c']);
  assert.equal(await broker.lag('workers'), 0);
  assert.deepEqual(await drain(), []);
});

test('tags select', async () => {
  await send('a1', 'b1', 'a2', 'c1');
  assert.deepEqual(await drain({ tags: 'a || c' }), ['a1', 'a2', 'c1']);
});

test('a message that is given back comes again after its delay, or never', async () => {
  const manual = await start({ clock: 'manual' });
  try {
    await manual.createTopic('jobs', { queues: 1 });
    await manual.send('jobs', 'hard');
    const consumer = manual.consume('jobs', 'workers', { timeoutMs });
    const first = (await consumer.next()).value;
    assert.equal(first.reconsumeTimes, 0);
    await first.retry(5);
    const again = consumer.next();
    await manual.advance(61_000);
    const second = (await again).value;
    assert.deepEqual([text(second), second.reconsumeTimes], ['hard', 1]);
    await second.retry(-1);
    await manual.waitFor('%DLQ%workers', 1);
    await consumer.close();
  } finally {
    await manual.stop();
  }
});

test('several calls of next are answered in order', async () => {
  const consumer = broker.consume('jobs', 'workers', { timeoutMs });
  const waiting = [consumer.next(), consumer.next(), consumer.next()];
  await send('a', 'b', 'c');
  const answers = await Promise.all(waiting);
  assert.deepEqual(answers.map(({ value, done }) => [text(value), done]), [['a', false], ['b', false], ['c', false]]);
  const last = [consumer.next(), consumer.next()];
  await consumer.return();
  assert.deepEqual(await Promise.all(last), [{ done: true, value: undefined }, { done: true, value: undefined }]);
});

test('a loop that is left leaves the group', async () => {
  await send('a');
  const members = async () => (await broker.groups()).find(({ name }) => name === 'workers')?.members.length ?? 0;
  for await (const message of broker.consume('jobs', 'workers')) {
    assert.equal(text(message), 'a');
    assert.equal(await members(), 1);
    break;
  }
  assert.equal(await members(), 0);
  assert.deepEqual(await drain(), ['a']);
});

test('a signal ends it with its error', async () => {
  const abort = new AbortController();
  const consumer = broker.consume('jobs', 'workers', { timeoutMs, signal: abort.signal });
  const waiting = consumer.next();
  abort.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  assert.deepEqual(await consumer.next().catch((error) => error.name), 'AbortError');
});

test('the stop of the broker ends it', async () => {
  const other = await start();
  await other.createTopic('jobs');
  const loop = (async () => {
    for await (const message of other.consume('jobs', 'workers', { timeoutMs })) {
      assert.fail(text(message));
    }
    return 'ended';
  })();
  const waiting = other.waitFor('jobs', 1);
  const stopped = assert.rejects(waiting, { code: 'STOPPED' });
  await sleep(20);
  await other.stop();
  assert.equal(await loop, 'ended');
  await stopped;
});

test('joining can fail', async () => {
  const consumer = broker.consume('no spaces', 'workers');
  await assert.rejects(consumer.next(), { code: 'INVALID_ARGUMENT' });
  await consumer.close();
});

test('waitFor waits for the count', async () => {
  const waiting = broker.waitFor('jobs', 2);
  await send('a');
  await send('b', 'c');
  assert.ok((await waiting) >= 2);
  assert.equal(await broker.waitFor('jobs', 3), 3);
  await assert.rejects(broker.waitFor('jobs', 4, 30), { code: 'TIMEOUT', message: /3 of 4/ });
});

test('waiting occupies none of the threads that other work needs', async () => {
  const waiting = Array.from({ length: 50 }, (_, i) => broker.waitFor('jobs', 1 + (i % 2), 20_000));
  const consumers = Array.from({ length: 10 }, (_, i) => broker.consume('jobs', `group-${i}`, { timeoutMs: 20_000 }));
  const next = consumers.map((consumer) => consumer.next());
  // The pool has four threads; these calls need some.
  await send('a', 'b');
  await Promise.all(waiting);
  assert.deepEqual((await Promise.all(next)).map(({ value }) => text(value)), Array(10).fill('a'));
  await Promise.all(consumers.map((consumer) => consumer.close()));
});

test('a consumer that waits does not keep the process alive, a wait with a limit does', async () => {
  const idle = await run(`
    const broker = await start();
    await broker.createTopic('jobs');
    console.log('waiting');
    for await (const message of broker.consume('jobs', 'workers')) console.log('not reached');
    console.log('not reached');`);
  assert.deepEqual(idle, { code: 0, stdout: 'waiting\n', stderr: '' });
  const limited = await run(`
    const broker = await start();
    await broker.createTopic('jobs');
    for await (const message of broker.consume('jobs', 'workers', { timeoutMs: 100 })) console.log('not reached');
    await broker.waitFor('jobs', 1, 100).catch((error) => console.log(error.code));
    const { messages } = await broker.pull('jobs', 0, 0, { timeoutMs: 100 });
    console.log(messages.length);`);
  assert.deepEqual(limited, { code: 0, stdout: 'TIMEOUT\n0\n', stderr: '' });
});

test('process.exit in a loop over messages stops the broker', async () => {
  const { code, stdout } = await run(`
    const broker = await start();
    console.log(broker.storeDir);
    await broker.createTopic('jobs');
    await broker.send('jobs', 'x');
    for await (const message of broker.consume('jobs', 'workers')) process.exit(6);`);
  assert.equal(code, 6);
  assert.ok(!require('node:fs').existsSync(stdout.trim()));
});
