'use strict';

// Programs in a Node of their own.

const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const readline = require('node:readline');

/** The package's folder. */
const folder = path.join(__dirname, '..', '..', '..', 'node');

const TIMEOUT_MS = 120_000;

const head = `const { Broker, start } = require(${JSON.stringify(folder)});\n`;

/** Runs `script`, the body of an async function; answers its exit code and what it printed. A program that hangs is killed and fails. */
function run(script, { flags = [], args = [] } = {}) {
  const program = `${head}(async () => {${script}})();`;
  return runFile(['-e', program, '--', ...args], flags);
}

/** Runs Node with these arguments. */
function runFile(args, flags = []) {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...flags, ...args], { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error && error.killed) {
        reject(new Error(`did not end by itself\n${stdout}${stderr}`));
      } else {
        resolve({ code: error ? error.code : 0, stdout, stderr });
      }
    });
  });
}

/** A program that goes on: `line()` is the next line that it prints, `kill()` ends it as kill -9 does. */
function go(script, ...args) {
  const program = `${head}(async () => {${script}})();`;
  const child = spawn(process.execPath, ['-e', program, '--', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close');
  return {
    async line() {
      const { value, done } = await lines.next();
      if (done) {
        throw new Error('the program has ended');
      }
      return value;
    },
    async rest() {
      const all = [];
      for await (const line of { [Symbol.asyncIterator]: () => lines }) {
        all.push(line);
      }
      return all;
    },
    end() {
      child.stdin.end();
      return ended;
    },
    kill() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

module.exports = { folder, run, runFile, go };
