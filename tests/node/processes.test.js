'use strict';

// A broker and the end of the process: it does not put it off, and nothing is left behind whatever brings it about.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { folder, run, runFile } = require('./support/processes.js');

const SHOW = 'console.log(broker.storeDir);';

async function leavesNothing(script, code = 0) {
  const { code: seen, stdout, stderr } = await run(`const broker = await start(); ${SHOW} ${script}`);
  assert.equal(seen, code, stderr);
  assert.match(stdout, /\S/);
  assert.ok(!fs.existsSync(stdout.split('\n')[0]), `${stdout} is still there`);
  return stderr;
}

test('a running broker does not keep the process alive, which stops it at its end', async () => {
  assert.equal(await leavesNothing(''), '');
});

test('nothing that is idle keeps the process alive: a consumer, waits without a limit, a log function', async () => {
  await leavesNothing(`
    await broker.createTopic('idle');
    const consumers = [broker.consume('idle', 'one'), broker.consume('idle', 'two')];
    const loops = consumers.map(async (consumer) => { for await (const message of consumer) console.log(message); });
    const waits = [broker.waitFor('idle', 1, Infinity), broker.pull('idle', 0, 0, { timeoutMs: Infinity })];
    await Promise.all([...loops, ...waits]);
    console.log('not reached');
    process.exit(9);`);
});

test('a module that awaits such a thing at its top ends, too, with the code that Node has for it', async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-'));
  t.after(() => fs.rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'top.mjs');
  const index = JSON.stringify(pathToFileURL(path.join(folder, 'index.mjs')));
  fs.writeFileSync(
    file,
    `import { start } from ${index};
     const broker = await start();
     console.log(broker.storeDir);
     await broker.createTopic('idle');
     for await (const message of broker.consume('idle', 'group')) console.log(message);`,
  );
  const { code, stdout } = await runFile([file]);
  assert.equal(code, 13);
  assert.ok(!fs.existsSync(stdout.trim()));
});

test('process.exit stops it', async () => {
  await leavesNothing('process.exit(3)', 3);
});

test('process.exit in a callback stops it', async () => {
  await leavesNothing('setImmediate(() => process.exit(4)); await new Promise(() => {});', 4);
  await leavesNothing('broker.stop().then(() => process.exit(5))', 5);
});

test('an exception that nobody catches stops it', async () => {
  const stderr = await leavesNothing("setImmediate(() => { throw new Error('on purpose') })", 1);
  assert.match(stderr, /on purpose/);
});

test('a rejection that nobody catches stops it', async () => {
  await leavesNothing("throw new Error('on purpose')", 1);
});

test('a process that ends during a start waits for it and stops what was started', async () => {
  const { code, stdout } = await run(`
    const os = require('node:os');
    const fs = require('node:fs');
    const path = require('node:path');
    const storeDir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-')), 'store');
    console.log(storeDir);
    start({ storeDir }).then(() => console.log('not reached'));
    setImmediate(() => process.exit(0));`);
  assert.equal(code, 0);
  const [storeDir, ...rest] = stdout.trim().split('\n');
  assert.deepEqual(rest, []);
  // An orderly stop takes the abort marker away.
  assert.ok(fs.existsSync(`${storeDir}/config`) || !fs.existsSync(storeDir));
  assert.ok(!fs.existsSync(`${storeDir}/abort`));
  fs.rmSync(path.dirname(storeDir), { recursive: true });
});

test('a forgotten broker is stopped with a warning', async () => {
  const script = `
    process.on('warning', (warning) => console.log(warning.name));
    await (async () => { await start(); })();
    for (let i = 0; i < 20; i++) { global.gc(); await new Promise((done) => setTimeout(done, 10)); }`;
  const { stdout } = await run(script, { flags: ['--expose-gc', '--no-warnings'] });
  assert.equal(stdout, 'ResourceWarning\n');
});

test('requiring the package prints nothing and starts nothing', async () => {
  assert.deepEqual(await run(''), { code: 0, stdout: '', stderr: '' });
});
