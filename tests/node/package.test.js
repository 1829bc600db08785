'use strict';

// What `npm pack` makes, installed into an empty project without a network, works there from both kinds of modules.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { folder } = require('./support/processes.js');

const execute = promisify(execFile);

const REQUIRED = `
  const libbroker = require('libbroker');
  libbroker.start().then(async (broker) => {
    console.log(broker.namesrvAddress, libbroker.version);
    await broker.stop();
  });`;

const IMPORTED = `
  import { start, version } from 'libbroker';
  const broker = await start();
  console.log(broker.namesrvAddress, version);
  await broker.stop();`;

test('the packed package works in an empty project', async (t) => {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-project-'));
  t.after(() => fs.rmSync(project, { recursive: true }));
  const npm = (...args) => execute('npm', ['--offline', '--no-audit', '--no-fund', ...args], { cwd: project });

  const { stdout } = await npm('pack', folder, '--json');
  const [{ filename, files }] = JSON.parse(stdout);
  const packed = files.map((file) => file.path).sort();
  assert.deepEqual(packed.filter((name) => /^(src|Cargo|build)|native\.d\.ts$/.test(name)), []);
  assert.ok(packed.includes('README.md'));
  const { exports, version } = require(path.join(folder, 'package.json'));
  for (const target of JSON.stringify(exports).match(/\.\/[^"]+\.\w+/g).map((name) => name.slice(2))) {
    // Conditions name files, the first level of keys what is imported.
    assert.ok(packed.includes(target), `${target} is not in the package`);
  }

  fs.writeFileSync(path.join(project, 'package.json'), '{ "private": true }');
  await npm('install', `./${filename}`);
  // A copy, not a link into this repository.
  assert.ok(!fs.lstatSync(path.join(project, 'node_modules', 'libbroker')).isSymbolicLink());
  for (const [file, text] of [['required.cjs', REQUIRED], ['imported.mjs', IMPORTED]]) {
    fs.writeFileSync(path.join(project, file), text);
    const result = await execute(process.execPath, [file], { cwd: project, timeout: 60_000 });
    assert.match(result.stdout, new RegExp(`^127\\.0\\.0\\.1:\\d+ ${version.replaceAll('.', '\\.')}\n$`), file);
  }
});
