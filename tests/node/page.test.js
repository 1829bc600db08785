'use strict';

// The code of docs/testing-with-node.md and of the package's README does what they say, in the runners that they name.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { before, after, test } = require('node:test');
const { promisify } = require('node:util');

const execute = promisify(execFile);
const page = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'testing-with-node.md'), 'utf8');
const modules = path.join(__dirname, 'node_modules');
const work = path.join(__dirname, '..', 'work');

/** A project with the files of the page: the first line of each block names it. */
let project;
before(() => {
  fs.mkdirSync(work, { recursive: true });
  project = fs.mkdtempSync(path.join(work, 'node-page-'));
  fs.symlinkSync(modules, path.join(project, 'node_modules'));
  for (const [, name, text] of page.matchAll(/```js\n\/\/ (\S+)\n(.*?)```/gs)) {
    fs.writeFileSync(path.join(project, name), text);
  }
});
after(() => fs.rmSync(project, { recursive: true }));

async function report(...args) {
  const environment = { ...process.env, CI: 'true', NO_COLOR: '1' };
  delete environment.NODE_TEST_CONTEXT;
  const options = { cwd: project, env: environment, timeout: 120_000 };
  const { stdout, stderr } = await execute(process.execPath, args, options).catch((error) => error);
  return stdout + stderr;
}

test('every block has a name', () => {
  assert.equal(page.match(/```js\n/g).length, page.match(/```js\n\/\/ \S+\n/g).length);
});

for (const [file, passed] of [['billing.test.js', 2], ['more.test.js', 3]]) {
  test(`${file} passes with node:test`, async () => {
    const said = await report('--test', '--test-reporter=tap', file);
    assert.match(said, new RegExp(`^# pass ${passed}$`, 'm'), said);
    assert.match(said, /^# fail 0$/m, said);
  });
}

test('the block for vitest passes', async () => {
  const said = await report(path.join(modules, 'vitest', 'vitest.mjs'), 'run', 'orders.vitest');
  assert.match(said, /Tests +2 passed \(2\)/, said);
});

test('the block for jest passes', async () => {
  const config = JSON.stringify({ rootDir: project, testMatch: ['**/orders.jest.test.js'] });
  const said = await report(path.join(modules, 'jest', 'bin', 'jest.js'), '--config', config, '--no-cache');
  assert.match(said, /Tests: +1 passed, 1 total/, said);
});

test('the README of the package shows what works', async () => {
  const readme = fs.readFileSync(path.join(__dirname, '..', '..', 'node', 'README.md'), 'utf8');
  const [first, second, ...others] = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, text]) => text);
  assert.deepEqual(others, []);
  fs.writeFileSync(path.join(project, 'first.js'), first);
  fs.writeFileSync(path.join(project, 'second.test.js'), second);
  assert.match(await report('first.js'), /^hello 127\.0\.0\.1:\d+\n$/);
  assert.match(await report('--test', '--test-reporter=tap', 'second.test.js'), /^# pass 1$/m);
});
