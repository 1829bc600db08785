// Run by vitest, see testing.test.js.

import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshTopic, startTestBroker } from 'libbroker/testing';

let mine;

test('a test has a broker', async (context) => {
  mine = await startTestBroker(context);
  const topic = await freshTopic(mine);
  await mine.send(topic, 'x');
  expect(await mine.messageCount(topic)).toBe(1);
});

test('until its end', () => {
  expect(mine.running).toBe(false);
  expect(fs.existsSync(mine.storeDir)).toBe(false);
});

describe('a file or suite', () => {
  const starting = startTestBroker(afterAll);
  let broker;
  beforeAll(async () => {
    broker = await starting;
  });

  test('has a broker', async () => {
    expect(broker.health()).toEqual({ state: 'ok', problem: null });
  });
});
