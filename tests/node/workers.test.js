'use strict';

// Brokers of worker threads: they end with their thread, whatever ends it, and leave those of other threads alone.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { folder, run } = require('./support/processes.js');
const { start } = require(folder);

const HEAD = `
  const { parentPort } = require('node:worker_threads');
  const { start } = require(${JSON.stringify(folder)});
  const tell = (broker) => parentPort.postMessage({ address: broker.address, storeDir: broker.storeDir });`;

/** A worker that starts a broker, tells where it is and then does `after`. */
async function worker(after) {
  const thread = new Worker(`${HEAD} start().then((broker) => { tell(broker); ${after} });`, { eval: true });
  const [{ address, storeDir }] = await once(thread, 'message');
  return { thread, address, storeDir };
}

function accepts(address) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), host);
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

const WAIT = 'parentPort.ref();parentPort.on("message", () => {});';

test('two workers and the main thread have brokers at once; each ends with its thread', async () => {
  const mine = await start();
  const [one, two] = await Promise.all([worker(WAIT), worker(WAIT)]);
  assert.equal(new Set([mine.address, one.address, two.address]).size, 3);
  await one.thread.terminate();
  assert.ok(!(await accepts(one.address)));
  assert.ok(!fs.existsSync(one.storeDir));
  assert.ok(await accepts(two.address));
  assert.ok(await accepts(mine.address));
  await two.thread.terminate();
  assert.ok(!fs.existsSync(two.storeDir));
  assert.ok(await accepts(mine.address));
  await mine.stop();
});

test('a worker that ends by itself stops its broker, and does not wait for it', async () => {
  const { thread, storeDir } = await worker('');
  const [code] = await once(thread, 'exit');
  assert.equal(code, 0);
  assert.ok(!fs.existsSync(storeDir));
});

test('a worker that calls process.exit or throws stops its broker', async () => {
  const exiting = await worker('process.exit(7)');
  assert.deepEqual(await once(exiting.thread, 'exit'), [7]);
  assert.ok(!fs.existsSync(exiting.storeDir));
  const throwing = new Worker(`${HEAD} start().then((broker) => { tell(broker); setImmediate(() => { throw new Error('on purpose'); }); });`, {
    eval: true,
  });
  const exit = once(throwing, 'exit').catch((error) => error);
  const failed = new Promise((resolve) => throwing.on('error', resolve));
  const [{ storeDir }] = await once(throwing, 'message');
  assert.match((await failed).message, /on purpose/);
  await exit;
  assert.ok(!fs.existsSync(storeDir));
});

test('a worker terminated during the start or the stop leaves nothing running', async () => {
  const tasks = () => fs.readdirSync('/proc/self/task').length;
  const starting = new Worker(`${HEAD} parentPort.postMessage('go'); start(); ${WAIT}`, { eval: true });
  await once(starting, 'message');
  await starting.terminate();
  const before = tasks();
  for (const after of ['broker.stop();', WAIT, WAIT]) {
    const { thread, storeDir } = await worker(after);
    await thread.terminate();
    assert.ok(!fs.existsSync(storeDir));
  }
  assert.ok(tasks() <= before, `${tasks()} threads, ${before} before`);
});

test('a worker terminated while it waits, sends and logs leaves nothing open', async () => {
  const busy = `
    const log = setInterval(() => {}, 1000);
    broker.createTopic('jobs').then(() => {
      const consumer = broker.consume('jobs', 'workers');
      consumer.next().then(() => parentPort.postMessage('busy'));
      broker.waitFor('jobs', 1e9, 60_000).catch(() => {});
      broker.pull('jobs', 0, 1e6, { timeoutMs: 60_000 }).catch(() => {});
      (async () => { for (;;) await broker.send('jobs', 'x'); })().catch(() => {});
    });`;
  const open = () => fs.readdirSync('/proc/self/fd').length;
  const tasks = () => fs.readdirSync('/proc/self/task').length;
  let before;
  for (let round = 0; round < 6; round++) {
    const thread = new Worker(
      `${HEAD} start({ logLevel: 'trace', log: () => {} }).then((broker) => { tell(broker); ${busy} });`,
      { eval: true },
    );
    const [{ storeDir }] = await once(thread, 'message');
    await once(thread, 'message');
    await thread.terminate();
    assert.ok(!fs.existsSync(storeDir));
    // What the first worker loads stays.
    before ??= { open: open(), tasks: tasks() };
  }
  assert.ok(open() <= before.open, `${open()} files, ${before.open} before`);
  assert.ok(tasks() <= before.tasks, `${tasks()} threads, ${before.tasks} before`);
});

test('a process that ends with brokers in workers stops them', async () => {
  const script = `
    const { once } = require('node:events');
    const { Worker } = require('node:worker_threads');
    const worker = new Worker(${JSON.stringify(`${HEAD} start().then((broker) => { tell(broker); ${WAIT} });`)}, { eval: true });
    const [{ storeDir }] = await once(worker, 'message');
    console.log(storeDir);
    process.exit(0);`;
  const { code, stdout, stderr } = await run(script);
  assert.equal(code, 0, stderr);
  assert.ok(!fs.existsSync(stdout.trim()));
});
