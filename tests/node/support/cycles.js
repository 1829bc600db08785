'use strict';

// Starts and stops brokers, and prints what the process holds before and after. Run by scenarios.test.js.

const fs = require('node:fs');
const { folder } = require('./processes.js');
const { start } = require(folder);

/** What the first starts load and keep is no leak. */
const WARM_UP = 100;

/** So often a broker is also used. */
const USED_EVERY = 25;

async function held() {
  // What garbage holds is given back in turns of the event loop.
  for (let turn = 0; turn < 3; turn++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    files: fs.readdirSync('/proc/self/fd').length,
    threads: fs.readdirSync('/proc/self/task').length,
    bytes: process.memoryUsage.rss(),
  };
}

async function use(broker) {
  await broker.createTopic('scenario', { queues: 1 });
  await broker.send('scenario', 'x');
  const { value } = await broker.consume('scenario', 'group', { timeoutMs: 10_000 }).next();
  await value.ack();
}

async function cycles(count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    const broker = await start();
    times.push(performance.now() - before);
    if (i % USED_EVERY === 0) {
      await use(broker);
    }
    await broker.stop();
  }
  return times.sort((a, b) => a - b)[Math.floor(count / 2)];
}

async function main(count) {
  await cycles(WARM_UP);
  const before = await held();
  const p50Ms = await cycles(count - WARM_UP);
  console.log(JSON.stringify({ before, after: await held(), p50Ms }));
}

main(Number(process.argv[2]));
