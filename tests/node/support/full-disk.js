'use strict';

// Fills the small disk at the directory it is given with messages, gives some room, and goes on. Run by scenarios.test.js.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { folder } = require('./processes.js');
const { start } = require(folder);

const BODY = 'x'.repeat(32 << 10);

async function main(disk) {
  const ballast = path.join(disk, 'ballast');
  fs.writeFileSync(ballast, Buffer.alloc(16 << 20));
  const storeDir = path.join(disk, 'store');
  const properties = { mappedFileSizeCommitLog: 4 << 20, cleanFileForciblyEnable: false };
  const broker = await start({ storeDir, properties });
  await broker.createTopic('scenario', { queues: 1 });
  const acknowledged = [];
  const untilRefused = async () => {
    for (;;) {
      try {
        await broker.send('scenario', `${acknowledged.length} ${BODY}`);
        acknowledged.push(acknowledged.length);
      } catch (error) {
        assert.ok(['DISK_FULL', 'REFUSED'].includes(error.code), `${error.code}: ${error.message}`);
        return;
      }
    }
  };
  await untilRefused();
  const full = acknowledged.length;
  assert.ok(full > 0);
  await assert.rejects(broker.send('scenario', BODY));
  fs.unlinkSync(ballast);
  for (const end = performance.now() + 20_000; acknowledged.length === full; ) {
    assert.ok(performance.now() < end, 'no send went on');
    await untilRefused();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await untilRefused();
  const stored = (await broker.messages('scenario')).map(({ body }) => Number(body.toString().split(' ')[0]));
  assert.deepEqual(stored, acknowledged);
  await broker.stop();
  console.log(`went on, all ${stored.length} are there`);
}

main(process.argv[2]);
