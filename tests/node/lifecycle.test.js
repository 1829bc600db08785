'use strict';

// Starts and stops brokers through the Node package: once, twice, two at a time, and wrongly.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { folder, runFile } = require('./support/processes.js');
const libbroker = require(folder);
const { Broker, start } = libbroker;

function accepts(address) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), host);
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

test('starts and stops', async () => {
  const broker = new Broker();
  assert.equal(broker.running, false);
  assert.equal(await broker.start(), broker);
  assert.equal(broker.running, true);
  assert.ok(await accepts(broker.address));
  assert.ok(await accepts(broker.namesrvAddress));
  assert.ok(fs.statSync(broker.storeDir).isDirectory());
  await broker.stop();
  assert.equal(broker.running, false);
  assert.ok(!(await accepts(broker.address)));
  assert.ok(!fs.existsSync(broker.storeDir));
});

test('stopping twice is harmless, one after the other and at once', async () => {
  const broker = await start();
  await Promise.all([broker.stop(), broker.stop()]);
  await broker.stop();
  await new Broker().stop();
});

test('starts again after a stop', async () => {
  const broker = new Broker();
  for (let round = 0; round < 2; round++) {
    await broker.start();
    assert.ok(await accepts(broker.address));
    await broker.stop();
  }
});

test('starting twice is refused', async () => {
  const broker = new Broker();
  const first = broker.start();
  await assert.rejects(broker.start(), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(broker.stop(), { code: 'INVALID_ARGUMENT' });
  await first;
  await assert.rejects(broker.start(), { code: 'INVALID_ARGUMENT' });
  await broker.stop();
});

test('two brokers live side by side', async () => {
  const [one, two] = await Promise.all([start(), start()]);
  assert.notEqual(one.address, two.address);
  assert.notEqual(one.storeDir, two.storeDir);
  await one.stop();
  assert.ok(await accepts(two.address));
  await two.stop();
});

test('keeps a store that was named', async () => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-'));
  const storeDir = path.join(parent, 'store');
  for (let round = 0; round < 2; round++) {
    const broker = await start({ storeDir, properties: { brokerName: 'named' } });
    assert.equal(broker.storeDir, storeDir);
    await broker.stop();
  }
  assert.ok(fs.existsSync(storeDir));
  fs.rmSync(parent, { recursive: true });
});

test('a taken port is named', async (t) => {
  const taken = net.createServer();
  t.after(() => taken.close());
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address();
  await assert.rejects(start({ port }), (error) => {
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'PORT_IN_USE');
    assert.match(error.message, new RegExp(String(port)));
    return true;
  });
});

test('wrong options are refused', async () => {
  await assert.rejects(start({ properties: { noSuchKey: 1 } }), { code: 'CONFIG', message: /noSuchKey/ });
  for (const options of [
    { profile: 'huge' },
    { port: 65536 },
    { port: 1.5 },
    { port: '10911' },
    { namesrvPort: -1 },
    { namesrv: '127.0.0.1:9876', namesrvPort: 9876 },
    { storeDir: 7 },
    { namesrv: false },
    { noSuchOption: 1 },
  ]) {
    await assert.rejects(start(options), { code: 'CONFIG' }, JSON.stringify(options));
    assert.throws(() => new Broker(options), { code: 'CONFIG' }, JSON.stringify(options));
  }
  const broker = await start();
  await assert.rejects(broker.stop(-1), { code: 'INVALID_ARGUMENT' });
  await broker.stop();
});

test('a NameServer alone has no broker address', async () => {
  const namesrv = await start({ namesrvOnly: true });
  assert.ok(await accepts(namesrv.namesrvAddress));
  assert.throws(() => namesrv.address, { code: 'NOT_FOUND' });
  const broker = await start({ namesrv: namesrv.namesrvAddress });
  assert.ok(await accepts(broker.address));
  assert.throws(() => broker.namesrvAddress, { code: 'NOT_FOUND' });
  await broker.stop();
  await namesrv.stop();
});

test('addresses need a start', () => {
  assert.throws(() => new Broker().address, { code: 'STOPPED' });
});

test('the version is that of the native half', () => {
  const native = require(path.join(folder, 'libbroker.node'));
  assert.equal(libbroker.version, native.version());
});

test('what the README shows works', async () => {
  const readme = fs.readFileSync(path.join(folder, '..', 'README.md'), 'utf8');
  const [, block] = readme.match(/```js\n(.*?)```/s);
  const script = block.replace("require('libbroker')", `require(${JSON.stringify(folder)})`);
  const { stdout } = await runFile(['-e', script]);
  assert.match(stdout, /^127\.0\.0\.1:\d+\n$/);
});
