'use strict';

// Drives and inspects a broker through the package: topics, groups, sending, reading, offsets.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { before, after, beforeEach, test } = require('node:test');
const { folder } = require('./support/processes.js');
const { Broker, start } = require(folder);

let broker;
before(async () => {
  broker = await start();
});
after(() => broker.stop());
beforeEach(() => broker.clear());

const text = (message) => message.body.toString();

test('what is sent is stored as it was', async () => {
  await broker.createTopic('orders', { queues: 2 });
  const sent = await broker.send('orders', Buffer.from('new'), {
    tags: 'paid',
    keys: ['42', 'blue'],
    properties: { colour: 'blue', size: 7, __proto__x: 'y' },
    queue: 1,
  });
  assert.equal(sent.status, 'SEND_OK');
  assert.deepEqual([sent.queueId, sent.queueOffset], [1, 0]);
  assert.match(sent.msgId, /^[0-9A-F]{32}$/);
  const [message, ...others] = await broker.messages('orders');
  assert.deepEqual(others, []);
  assert.ok(Buffer.isBuffer(message.body));
  assert.equal(text(message), 'new');
  assert.deepEqual([message.topic, message.tags, message.keys], ['orders', 'paid', ['42', 'blue']]);
  assert.deepEqual([message.properties.colour, message.properties.size], ['blue', '7']);
  assert.deepEqual([message.msgId, message.offsetMsgId], [sent.msgId, sent.offsetMsgId]);
  assert.deepEqual([message.queueId, message.queueOffset, message.reconsumeTimes], [1, 0, 0]);
  assert.ok(Math.abs(message.storeTimestampMs - Date.now()) < 60_000);
  assert.ok(message.bornTimestampMs <= message.storeTimestampMs);
  assert.match(message.bornHost, /:\d+$/);
  assert.deepEqual(await broker.message(sent.offsetMsgId), message);
});

test('bodies are strings, buffers and byte arrays, of every size', async () => {
  await broker.createTopic('bodies', { queues: 1 });
  const large = Buffer.alloc(100_000, 'x');
  const view = new Uint8Array(Buffer.from('..view..')).subarray(2, 6);
  const results = await broker.sendMany([
    { topic: 'bodies', body: 'text: \u00e4' },
    { topic: 'bodies', body: Buffer.from('buffer') },
    { topic: 'bodies', body: view },
    { topic: 'bodies', body: large, tags: 'large' },
  ]);
  assert.deepEqual(results.map((result) => result.queueOffset), [0, 1, 2, 3]);
  const messages = await broker.messages('bodies');
  assert.deepEqual(messages.slice(0, 3).map(text), ['text: \u00e4', 'buffer', 'view']);
  assert.ok(messages[3].body.equals(large));
  // It is the reader's own.
  messages[3].body.fill(0);
  assert.ok((await broker.messages('bodies', { start: 3 }))[0].body.equals(large));
  for (const body of [undefined, null, 7, {}, [1]]) {
    await assert.rejects(broker.send('bodies', body), { code: 'INVALID_ARGUMENT', message: /body/ });
  }
});

test('a body may be changed after the call', async () => {
  await broker.createTopic('changed', { queues: 1 });
  const body = Buffer.from('before');
  const sending = broker.send('changed', body);
  body.write('after!');
  await sending;
  assert.equal(text((await broker.messages('changed'))[0]), 'before');
});

test('messages are found by queue, offset, key, id and time', async () => {
  await broker.createTopic('found', { queues: 2 });
  const sent = [];
  for (let i = 0; i < 6; i++) {
    sent.push(await broker.send('found', `m${i}`, { keys: `key-${i}`, queue: i % 2 }));
  }
  const texts = async (query) => (await broker.messages('found', query)).map(text).sort();
  assert.deepEqual(await texts({ queue: 1 }), ['m1', 'm3', 'm5']);
  assert.deepEqual(await texts({ queue: 0, start: 1, end: 2 }), ['m2']);
  assert.deepEqual(await texts({ limit: 2 }).then((found) => found.length), 2);
  assert.deepEqual(await texts({ key: 'key-4' }), ['m4']);
  assert.deepEqual(await texts({ key: sent[3].msgId }), ['m3']);
  assert.deepEqual((await texts({ start: new Date(0), end: new Date(Date.now() + 1000) })).length, 6);
  assert.deepEqual(await texts({ end: new Date(1000) }), []);
  await assert.rejects(broker.messages('nothing'), { code: 'NOT_FOUND' });
  await assert.rejects(broker.messages('found', { colour: 'blue' }), { code: 'INVALID_ARGUMENT', message: /colour/ });
});

test('a pull reads on from an offset, and waits when told to', async () => {
  await broker.createTopic('pulled', { queues: 1 });
  await broker.sendMany(['a', 'b', 'c'].map((body) => ({ topic: 'pulled', body })));
  const pulled = await broker.pull('pulled', 0, 1, { maxMessages: 1 });
  assert.deepEqual(pulled.messages.map(text), ['b']);
  assert.deepEqual([pulled.nextOffset, pulled.minOffset, pulled.maxOffset], [2, 0, 3]);
  const nothing = await broker.pull('pulled', 0, 3, { timeoutMs: 20 });
  assert.deepEqual([nothing.messages, nothing.nextOffset], [[], 3]);
  const waiting = broker.pull('pulled', 0, 3, { timeoutMs: 30_000 });
  await broker.send('pulled', 'd');
  assert.deepEqual((await waiting).messages.map(text), ['d']);
  const abort = new AbortController();
  const aborted = broker.pull('pulled', 0, 4, { timeoutMs: 30_000, signal: abort.signal });
  abort.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
});

test('topics are created, listed and deleted', async () => {
  await broker.createTopic('listed', { queues: 3 });
  await broker.createTopic('standard');
  await broker.send('listed', 'x', { queue: 2 });
  const topics = await broker.topics();
  const listed = topics.find((topic) => topic.name === 'listed');
  assert.deepEqual([listed.queues, listed.readQueues, listed.perm, listed.system, listed.messageCount], [3, 3, 'RW-', false, 1]);
  assert.deepEqual(listed.offsets.map((queue) => queue.maxOffset), [0, 0, 1]);
  assert.equal(listed.offsets[0].lastStoreTimestampMs, null);
  assert.equal(topics.find((topic) => topic.name === 'standard').queues, 8);
  assert.equal(await broker.messageCount('listed'), 1);
  await broker.deleteTopic('listed');
  assert.ok(!(await broker.topics()).some((topic) => topic.name === 'listed'));
  await assert.rejects(broker.deleteTopic('listed'), { code: 'NOT_FOUND', message: /listed/ });
  await assert.rejects(broker.createTopic('no spaces'), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(broker.createTopic('x', { queues: 1.5 }), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(broker.createTopic('x', 4), { code: 'INVALID_ARGUMENT' });
});

test('groups, offsets and lag', async () => {
  await broker.createTopic('read', { queues: 1 });
  await broker.createGroup('readers');
  await broker.sendMany(Array.from({ length: 5 }, (_, i) => ({ topic: 'read', body: `m${i}` })));
  await broker.setOffset('readers', 'read', 0, 2);
  assert.equal(await broker.lag('readers'), 3);
  assert.deepEqual(await broker.offsets('readers'), [
    { topic: 'read', queueId: 0, offset: 2, minOffset: 0, maxOffset: 5, lag: 3 },
  ]);
  const group = (await broker.groups()).find(({ name }) => name === 'readers');
  assert.deepEqual([group.lag, group.members, group.consumeEnable], [3, [], true]);
  for (const [to, lag] of [['first', 5], ['last', 0], [4, 1], [new Date(0), 5]]) {
    await broker.resetOffset('readers', 'read', to);
    assert.equal(await broker.lag('readers'), lag, String(to));
  }
  await assert.rejects(broker.resetOffset('readers', 'read', 'middle'), { code: 'INVALID_ARGUMENT', message: /middle/ });
  await assert.rejects(broker.resetOffset('readers', 'read', 1.5), { code: 'INVALID_ARGUMENT' });
  await broker.deleteGroup('readers');
  assert.ok(!(await broker.groups()).some(({ name }) => name === 'readers'));
});

test('configuration, counters, state and health', async () => {
  assert.equal((await broker.config()).flushDiskType, 'ASYNC_FLUSH');
  const counters = await broker.counters();
  assert.ok(Object.values(counters).length > 0 && Object.values(counters).every(Number.isInteger));
  assert.ok(Object.keys(await broker.storeState()).includes('commitLogMaxOffset'));
  assert.deepEqual(broker.health(), { state: 'ok', problem: null });
  assert.ok(Math.abs(broker.nowMs - Date.now()) < 10_000);
  assert.deepEqual(await broker.connections(), []);
});

test('a snapshot is something to start from', async (t) => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-'));
  t.after(() => fs.rmSync(parent, { recursive: true }));
  const snapshot = path.join(parent, 'snapshot');
  await broker.createTopic('kept', { queues: 1 });
  await broker.send('kept', 'one');
  await broker.snapshot(snapshot);
  await broker.send('kept', 'two');
  for (const options of [{ snapshot }, { snapshot, storeDir: path.join(parent, 'store') }]) {
    const copy = await start(options);
    assert.deepEqual((await copy.messages('kept')).map(text), ['one']);
    await copy.send('kept', 'three');
    await copy.stop();
  }
  await assert.rejects(broker.snapshot(snapshot), (error) => error.message.includes(snapshot));
  await assert.rejects(start({ snapshot, storeDir: path.join(parent, 'store') }), (error) => error.code === 'CONFIG' || error.code === 'INVALID_ARGUMENT');
});

test('clear leaves nothing to the next test', async () => {
  await broker.createTopic('left', { queues: 1 });
  await broker.send('left', 'x');
  await broker.createGroup('left-group');
  await broker.clear();
  assert.deepEqual((await broker.topics()).filter((topic) => !topic.system), []);
  assert.deepEqual((await broker.groups()).filter(({ name }) => name === 'left-group'), []);
});

test('a delayed message comes when a manual clock is moved', async () => {
  const manual = await start({ clock: 'manual' });
  try {
    await manual.createTopic('later', { queues: 1 });
    await manual.send('later', 'in two hours', { delayLevel: 18 });
    assert.equal(await manual.messageCount('later'), 0);
    const before = manual.nowMs;
    await manual.advance(2 * 3600 * 1000);
    assert.equal(manual.nowMs - before, 2 * 3600 * 1000);
    assert.equal(await manual.waitFor('later', 1, 20_000), 1);
  } finally {
    await manual.stop();
  }
  await assert.rejects(broker.advance(1000), { code: 'INVALID_ARGUMENT', message: /clock/ });
});

test('what a rule of the broker forbids is refused, and what is no message is an argument at fault', async () => {
  await assert.rejects(broker.send('SCHEDULE_TOPIC_XXXX', 'x'), { code: 'REFUSED', message: /SCHEDULE_TOPIC_XXXX/ });
  await assert.rejects(broker.send('large', Buffer.alloc(5 << 20)), { code: 'INVALID_ARGUMENT' });
});

test('calls need a broker that runs', async () => {
  const never = new Broker();
  await assert.rejects(never.send('t', 'b'), { code: 'STOPPED' });
  assert.throws(() => never.consume('t', 'g'), { code: 'STOPPED' });
  assert.throws(() => never.nowMs, { code: 'STOPPED' });
  assert.deepEqual(never.health(), { state: 'stopped', problem: null });
  const stopped = await start();
  await stopped.stop();
  for (const call of [
    (it) => it.send('t', 'b'),
    (it) => it.topics(),
    (it) => it.waitFor('t', 1, 20_000),
    (it) => it.pull('t', 0, 0, { timeoutMs: 20_000 }),
    (it) => it.consume('t', 'g').next(),
    (it) => it.clear(),
  ]) {
    await assert.rejects(call(stopped), { code: 'STOPPED' }, String(call));
  }
  const namesrv = await start({ namesrvOnly: true });
  await assert.rejects(namesrv.topics(), { code: 'NOT_FOUND' });
  await namesrv.stop();
});

test('arguments of a wrong type are named', async () => {
  for (const [call, name] of [
    [() => broker.send(7, 'b'), /topic/],
    [() => broker.send('t', 'b', { tags: 7 }), /tags/],
    [() => broker.send('t', 'b', { keys: [7] }), /keys/],
    [() => broker.send('t', 'b', { delay: 7 }), /delay/],
    [() => broker.send('t', 'b', { queue: -1 }), /queue/],
    [() => broker.pull('t', '0', 0), /queue/],
    [() => broker.pull('t', 0, NaN), /offset/],
    [() => broker.waitFor('t'), /count/],
    [() => broker.waitFor('t', 1, -1), /timeoutMs/],
    [() => broker.stop('soon'), /timeoutMs/],
    [() => broker.snapshot(), /dir/],
  ]) {
    await assert.rejects(call, { code: 'INVALID_ARGUMENT', message: name });
  }
});
