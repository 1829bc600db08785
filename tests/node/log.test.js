'use strict';

// The log of a broker, to a function: its own records only, and never at the broker's cost.

const assert = require('node:assert/strict');
const { once, EventEmitter } = require('node:events');
const fs = require('node:fs');
const { test } = require('node:test');
const { folder, run } = require('./support/processes.js');
const { start } = require(folder);

test('records come with level, part, text and time', async () => {
  const records = [];
  const seen = new EventEmitter();
  const keepAlive = setInterval(() => {}, 1000);
  const first = once(seen, 'record');
  const broker = await start({
    log: (record) => {
      records.push(record);
      seen.emit('record');
    },
  });
  await broker.stop();
  await first;
  clearInterval(keepAlive);
  for (const record of records) {
    assert.deepEqual(Object.keys(record), ['level', 'target', 'message', 'timestampMs']);
    assert.ok(['error', 'warn', 'info'].includes(record.level), record.level);
    assert.match(record.target, /\S/);
    assert.match(record.message, /\S/);
    assert.ok(Math.abs(record.timestampMs - Date.now()) < 60_000);
  }
});

test('each broker has its own log', async () => {
  const logs = [[], []];
  const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
  const brokers = await Promise.all(logs.map((log) => start({ logLevel: 'trace', log: (record) => log.push(record) })));
  await turn();
  logs.forEach((log) => log.splice(0));
  await brokers[0].stop();
  await turn();
  const stopped = logs.map((log) => log.filter(({ message }) => message === 'stopped').length);
  assert.deepEqual(stopped, [1, 0]);
  await brokers[1].stop();
});

test('a level selects, and is checked', async () => {
  const levels = async (logLevel) => {
    const counted = new Map();
    const broker = await start({ logLevel, log: ({ level }) => counted.set(level, (counted.get(level) ?? 0) + 1) });
    await broker.createTopic('logged');
    await broker.stop();
    // Records that wait are delivered before the next turns of the loop.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return counted;
  };
  assert.ok(!(await levels('error')).has('info'));
  const all = await levels('trace');
  assert.ok(all.has('info') && (all.has('debug') || all.has('trace')), JSON.stringify([...all]));
  await assert.rejects(start({ logLevel: 'loud' }), { code: 'CONFIG', message: /loud/ });
  await assert.rejects(start({ log: 'console' }), { code: 'CONFIG', message: /log/ });
});

test('a loop that is blocked does not block the broker, and a function that throws ends the process in order', async () => {
  const blocked = await run(`
    let count = 0;
    const broker = await start({ logLevel: 'trace', log: () => { count += 1; } });
    await broker.createTopic('logged', { queues: 1 });
    const sent = broker.sendMany(Array.from({ length: 5000 }, () => ({ topic: 'logged', body: 'x' })));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    await sent;
    await broker.stop();
    console.log(count > 0);`);
  assert.deepEqual(blocked, { code: 0, stdout: 'true\n', stderr: '' });
  const throwing = await run(`
    const broker = await start({ log: () => { throw new Error('on purpose'); } });
    console.log(broker.storeDir);
    setTimeout(() => {}, 5000);`);
  assert.equal(throwing.code, 1);
  assert.match(throwing.stderr, /on purpose/);
  assert.ok(!fs.existsSync(throwing.stdout.trim()));
});

test('a log function does not keep the process alive', async () => {
  const { code } = await run('await start({ log: () => {} });');
  assert.equal(code, 0);
});
