'use strict';

// Requests of clients that fail on demand.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { folder } = require('./support/processes.js');
const { RawClient } = require('./support/remoting.js');
const { start } = require(folder);

const GET_MAX_OFFSET = 30;
const SUCCESS = 0;
const SYSTEM_BUSY = 2;

test('the next requests fail as told, then all is well again', async (t) => {
  const broker = await start();
  t.after(() => broker.stop());
  await broker.createTopic('one', { queues: 1 });
  await broker.createTopic('two', { queues: 1 });
  const client = await RawClient.connect(broker.address);
  const ask = (topic) => client.ask(GET_MAX_OFFSET, { topic, queueId: '0' });

  broker.failNext({ code: 'GET_MAX_OFFSET', topic: 'one', times: 2, error: SYSTEM_BUSY, remark: 'on purpose' });
  assert.equal((await ask('two')).code, SUCCESS);
  for (let i = 0; i < 2; i++) {
    const { code, remark } = await ask('one');
    assert.equal(code, SYSTEM_BUSY);
    assert.match(remark, /on purpose/);
  }
  assert.equal((await ask('one')).code, SUCCESS);

  broker.failNext({ code: GET_MAX_OFFSET, delayMs: 100 });
  const before = performance.now();
  assert.equal((await ask('one')).code, SUCCESS);
  assert.ok(performance.now() - before >= 95);

  broker.failNext({ times: 10, error: SYSTEM_BUSY });
  assert.equal((await ask('one')).code, SYSTEM_BUSY);
  broker.clearFaults();
  assert.equal((await ask('one')).code, SUCCESS);

  broker.failNext({ disconnect: true });
  assert.equal(await ask('one'), null);

  const other = await RawClient.connect(broker.address);
  broker.failNext({ drop: true });
  const dropped = await Promise.race([other.ask(GET_MAX_OFFSET, { topic: 'one', queueId: '0' }), new Promise((done) => setTimeout(done, 100, 'nothing'))]);
  assert.equal(dropped, 'nothing');
  other.close();
  client.close();
});

test('a fault that says nothing, or two things, is refused', async (t) => {
  const broker = await start();
  t.after(() => broker.stop());
  for (const fault of [
    {},
    { error: 1, drop: true },
    { error: 1.5 },
    { drop: true, times: 0 },
    { drop: true, code: 'NO_SUCH_REQUEST' },
    { drop: true, colour: 'blue' },
  ]) {
    assert.throws(() => broker.failNext(fault), { code: 'INVALID_ARGUMENT' }, JSON.stringify(fault));
  }
});
