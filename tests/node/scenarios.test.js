'use strict';

// The scenarios that every door passes: tests/scenarios/scenarios.tsv, one function each.

const assert = require('node:assert/strict');
const { spawn, execFile } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { folder, go } = require('./support/processes.js');
const { start } = require(folder);

const text = (message) => message.body.toString();

/** A directory that goes with the test. */
function scratch(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-scenario-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function drain(broker, topic, group) {
  const texts = [];
  for await (const message of broker.consume(topic, group, { timeoutMs: 200 })) {
    texts.push(text(message));
    await message.ack();
  }
  return texts.sort();
}

const scenarios = {
  async start_send_consume_stop() {
    const broker = await start();
    const { storeDir } = broker;
    await broker.createTopic('scenario');
    const sent = await Promise.all(['a', 'b', 'c'].map((body) => broker.send('scenario', body)));
    assert.ok(sent.every(({ status }) => status === 'SEND_OK'));
    assert.deepEqual(await drain(broker, 'scenario', 'group'), ['a', 'b', 'c']);
    assert.equal(await broker.lag('group'), 0);
    await broker.stop();
    assert.ok(!fs.existsSync(storeDir));
  },

  async restart_with_data(t) {
    const storeDir = path.join(scratch(t), 'store');
    const first = await start({ storeDir });
    await first.createTopic('scenario', { queues: 1 });
    await first.sendMany(['a', 'b', 'c'].map((body) => ({ topic: 'scenario', body })));
    for await (const message of first.consume('scenario', 'group')) {
      await message.ack();
      break;
    }
    await first.stop();
    const second = await start({ storeDir });
    assert.deepEqual((await second.messages('scenario')).map(text), ['a', 'b', 'c']);
    assert.equal((await second.topics()).find(({ name }) => name === 'scenario').queues, 1);
    assert.deepEqual((await second.offsets('group')).filter(({ topic }) => topic === 'scenario').map(({ offset }) => offset), [1]);
    assert.deepEqual(await drain(second, 'scenario', 'group'), ['b', 'c']);
    await second.stop();
  },

  async port_in_use(t) {
    const storeDir = path.join(scratch(t), 'store');
    const taken = net.createServer();
    t.after(() => taken.close());
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address();
    const threads = fs.readdirSync('/proc/self/task').length;
    const message = new RegExp(`${port}.*\\b(another|other)\\b.*\\b0\\b`, 's');
    await assert.rejects(start({ port, storeDir }), { code: 'PORT_IN_USE', message });
    assert.ok(fs.readdirSync('/proc/self/task').length <= threads);
    const broker = await start({ port: 0, storeDir });
    await broker.stop();
  },

  async store_locked_by_another_process(t) {
    const storeDir = path.join(scratch(t), 'store');
    const other = go(
      `const broker = await start({ storeDir: process.argv[1] });
       await broker.createTopic('scenario', { queues: 1 });
       console.log('started');
       for await (const _ of process.stdin);
       console.log((await broker.send('scenario', 'x')).status);
       await broker.stop();`,
      storeDir,
    );
    assert.equal(await other.line(), 'started');
    await assert.rejects(start({ storeDir }), (error) => {
      assert.equal(error.code, 'STORE_LOCKED');
      assert.ok(error.message.includes(storeDir), error.message);
      return true;
    });
    const ended = other.end();
    assert.equal(await other.line(), 'SEND_OK');
    await ended;
    const broker = await start({ storeDir });
    await broker.stop();
  },

  async bad_option() {
    for (const [options, ...words] of [
      [{ properties: { noSuchKey: 7 } }, 'noSuchKey'],
      [{ properties: { flushDiskType: 'SOMETIMES' } }, 'flushDiskType', 'SOMETIMES', 'ASYNC_FLUSH'],
      [{ properties: { listenPort: 70_000 } }, 'listenPort', '70000', '65535'],
      [{ port: 70_000 }, 'port', '70000', '65535'],
      [{ port: 10_911, properties: { listenPort: 10_912 } }, 'listenPort', '10911', '10912'],
      [{ namesrv: '127.0.0.1:9876', namesrvPort: 9877 }, 'namesrv', '127.0.0.1:9876', 'namesrvPort', '9877'],
      [{ namesrvOnly: true, namesrv: '127.0.0.1:9876' }, '127.0.0.1:9876'],
      [{ profile: 'huge' }, 'profile', 'huge', 'embedded'],
      [{ clock: 'cuckoo' }, 'clock', 'cuckoo', 'manual'],
    ]) {
      await assert.rejects(start(options), (error) => {
        assert.equal(error.code, 'CONFIG', error.message);
        words.forEach((word) => assert.ok(error.message.includes(word), `${error.message} without ${word}`));
        return true;
      });
    }
  },

  async unwritable_directory(t) {
    const file = path.join(scratch(t), 'file');
    fs.writeFileSync(file, '');
    const storeDir = path.join(file, 'store');
    await assert.rejects(start({ storeDir }), (error) => {
      assert.equal(error.code, 'IO');
      assert.ok(error.message.includes(storeDir), error.message);
      return true;
    });
  },

  async full_disk(t) {
    // In namespaces of its own the program may mount a small disk, which goes with it.
    const mount = 'mount -t tmpfs -o size=64m tmpfs "$1" && exec "$2" "$3" "$1"';
    const program = path.join(__dirname, 'support', 'full-disk.js');
    const args = ['-rm', 'sh', '-c', mount, 'sh', scratch(t), process.execPath, program];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 120_000 });
    assert.match(stdout, /^went on, all \d+ are there\n$/);
  },

  async two_brokers_in_one_process() {
    const [one, two] = await Promise.all([start(), start()]);
    for (const [broker, body] of [[one, 'first'], [two, 'second']]) {
      await broker.createTopic('scenario', { queues: 1 });
      await broker.send('scenario', body);
    }
    assert.deepEqual((await one.messages('scenario')).map(text), ['first']);
    await one.stop();
    assert.deepEqual(await drain(two, 'scenario', 'group'), ['second']);
    await two.stop();
  },

  async thousand_start_stop_cycles() {
    const program = path.join(__dirname, 'support', 'cycles.js');
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, '1000'], { timeout: 300_000 });
    const { before, after, p50Ms } = JSON.parse(stdout);
    assert.ok(after.files <= before.files, stdout);
    assert.ok(after.threads <= before.threads, stdout);
    assert.ok(after.bytes <= before.bytes + (16 << 20), stdout);
    assert.ok(p50Ms < 50, stdout);
  },

  async stop_under_load(t) {
    const storeDir = path.join(scratch(t), 'store');
    const broker = await start({ storeDir });
    await broker.createTopic('scenario', { queues: 4 });
    const acknowledged = [];
    const failures = new Set();
    let count = 0;
    const senders = Array.from({ length: 8 }, async () => {
      for (;;) {
        const body = `m${(count += 1)}`;
        try {
          await broker.send('scenario', body);
        } catch (error) {
          failures.add(error.code);
          return;
        }
        acknowledged.push(body);
      }
    });
    await broker.waitFor('scenario', 500, 30_000);
    const before = performance.now();
    await broker.stop(10_000);
    assert.ok(performance.now() - before < 10_000);
    await Promise.all(senders);
    assert.deepEqual([...failures], ['STOPPED']);
    const again = await start({ storeDir });
    const stored = new Set((await again.messages('scenario')).map(text));
    assert.ok(acknowledged.length >= 500);
    assert.deepEqual(acknowledged.filter((body) => !stored.has(body)), []);
    await again.stop();
  },

  async kill_9_and_restart(t) {
    const storeDir = path.join(scratch(t), 'store');
    const child = go(
      `const broker = await start({ storeDir: process.argv[1] });
       await broker.createTopic('scenario', { queues: 4 });
       for (let i = 0; ; i++) {
         await Promise.all(Array.from({ length: 4 }, (_, n) => broker.send('scenario', i + '/' + n)
           .then(() => require('node:fs').writeSync(1, i + '/' + n + '\\n'))));
       }`,
      storeDir,
    );
    const acknowledged = [];
    while (acknowledged.length < 400) {
      acknowledged.push(await child.line());
    }
    const ended = child.kill();
    acknowledged.push(...(await child.rest()).filter((line) => /^\d+\/\d$/.test(line)));
    await ended;
    const broker = await start({ storeDir });
    const stored = new Set((await broker.messages('scenario')).map(text));
    assert.deepEqual(acknowledged.filter((body) => !stored.has(body)), []);
    await broker.stop();
  },
};

const listed = fs
  .readFileSync(path.join(__dirname, '..', 'scenarios', 'scenarios.tsv'), 'utf8')
  .split('\n')
  .map((line) => line.split('\t')[0])
  .filter((name) => name !== '');

test('the scenarios are those of the list', () => {
  assert.deepEqual(Object.keys(scenarios).sort(), [...listed].sort());
});

for (const name of listed) {
  test(name, (t) => scenarios[name](t));
}
