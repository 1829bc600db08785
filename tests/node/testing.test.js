'use strict';

// Brokers for tests, in the runners that people have.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, describe, before, test } = require('node:test');
const { promisify } = require('node:util');
const { folder } = require('./support/processes.js');
const { startTestBroker, freshTopic } = require(path.join(folder, 'testing.js'));

const execute = promisify(execFile);
const runners = path.join(__dirname, 'runners');
const program = (name, file) => path.join(__dirname, 'node_modules', name, file);

describe('node:test', () => {
  const stores = [];
  test('a test has a broker until its end', async (t) => {
    const broker = await startTestBroker(t);
    stores.push(broker.storeDir);
    const topic = await freshTopic(broker);
    const { queueOffset } = await broker.send(topic, 'x');
    assert.equal(queueOffset, 0);
  });

  test('and not longer', () => {
    assert.equal(stores.length, 1);
    assert.ok(!fs.existsSync(stores[0]));
  });

  describe('a suite has a broker until its end', () => {
    const starting = startTestBroker(after, { clock: 'manual' });
    let broker;
    before(async () => {
      broker = await starting;
      stores.push(broker.storeDir);
    });
    test('in one test', async () => {
      assert.equal(await broker.messageCount(await freshTopic(broker, { name: 'mine', queues: 2 })), 0);
    });
    test('and in the next', async () => {
      await broker.advance(1000);
      assert.ok(broker.running);
    });
  });

  test('and not longer than the suite', () => {
    assert.equal(stores.length, 2);
    assert.ok(!fs.existsSync(stores[1]));
  });
});

test('a broker that does not start says so to whoever waits for it', async (t) => {
  const ends = [];
  const starting = startTestBroker((end) => ends.push(end), { port: 0, properties: { noSuchKey: 1 } });
  await assert.rejects(starting, { code: 'CONFIG' });
  await Promise.all(ends.map((end) => end()));
  await assert.rejects(async () => startTestBroker({}), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(async () => startTestBroker(), { code: 'INVALID_ARGUMENT' });
  assert.ok(t);
});

test('topics are fresh', async (t) => {
  const broker = await startTestBroker(t);
  const names = await Promise.all([freshTopic(broker), freshTopic(broker), freshTopic(broker, { name: 'orders' })]);
  assert.equal(new Set(names).size, 3);
  assert.match(names[2], /^orders-/);
});

for (const [name, args] of [
  ['vitest', [program('vitest', 'vitest.mjs'), 'run', '--root', path.join(runners, 'vitest')]],
  ['jest', [program('jest', 'bin/jest.js'), '--config', JSON.stringify({ rootDir: path.join(runners, 'jest') }), '--no-cache']],
]) {
  test(`${name} runs tests with it, and ends by itself`, async () => {
    const environment = { ...process.env, CI: 'true', NO_COLOR: '1' };
    delete environment.NODE_TEST_CONTEXT;
    const { stdout, stderr } = await execute(process.execPath, args, { env: environment, timeout: 120_000 }).catch((error) => error);
    const report = stdout + stderr;
    assert.match(report, /Tests:? +3 passed/, report);
    assert.doesNotMatch(report, /did not exit|open handle|close timed out/i, report);
  });
}
