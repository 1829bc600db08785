// Everything in the package, with its types, through `import`.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  Broker,
  start,
  version,
  type BrokerError,
  type BrokerOptions,
  type ConnectionInfo,
  type Consumer,
  type Delivery,
  type ErrorCode,
  type GroupInfo,
  type Health,
  type LogRecord,
  type Message,
  type NewMessage,
  type Pulled,
  type QueueProgress,
  type SendResult,
  type TopicInfo,
} from 'libbroker';
import { freshTopic, startTestBroker, type AtEnd } from 'libbroker/testing';

const records: LogRecord[] = [];
const options: BrokerOptions = {
  port: 0,
  namesrv: true,
  clock: 'manual',
  properties: { flushDiskType: 'ASYNC_FLUSH', brokerId: 0, deleteWhen: '04' },
  log: (record) => records.push(record),
  logLevel: 'warn',
};

async function everything(parent: string): Promise<void> {
  await using broker: Broker = await start(options);
  const running: boolean = broker.running;
  const health: Health = broker.health();
  const addresses: string[] = [broker.address, broker.namesrvAddress, broker.storeDir];
  assert.deepEqual([running, health.state, health.problem, addresses.length], [true, 'ok', null, 3]);

  await broker.createTopic('typed', { queues: 1 });
  const many: NewMessage[] = [{ topic: 'typed', body: new Uint8Array(3) }, { topic: 'typed', body: Buffer.from('b'), queue: 0 }];
  const sent: SendResult[] = await broker.sendMany(many);
  sent.push(await broker.send('typed', 'c', { tags: 't', keys: ['k'], properties: { size: 1 }, delayLevel: 0 }));
  const count: number = await broker.waitFor('typed', 3, 10_000);
  assert.deepEqual([count, await broker.messageCount('typed'), sent.length], [3, 3, 3]);

  const pulled: Pulled = await broker.pull('typed', 0, 0, { maxMessages: 2, timeoutMs: 0 });
  const messages: Message[] = await broker.messages('typed', { queue: 0, start: 0, end: new Date(broker.nowMs + 1000), limit: 9 });
  const message: Message = await broker.message(sent[2]!.offsetMsgId);
  const body: Buffer = message.body;
  const tags: string | null = message.tags;
  assert.deepEqual([pulled.messages.length, messages.length, body.toString(), tags], [2, 3, 'c', 't']);

  await using consumer: Consumer = broker.consume('typed', 'typists', { tags: '*', timeoutMs: 5_000, signal: new AbortController().signal });
  for await (const delivery of consumer) {
    const taken: Delivery = delivery;
    if (taken.queueOffset === 0) {
      await taken.retry(1);
    } else {
      await taken.ack();
      break;
    }
  }

  const topics: TopicInfo[] = await broker.topics();
  const groups: GroupInfo[] = await broker.groups();
  const connections: ConnectionInfo[] = await broker.connections();
  assert.ok(topics.length > 0 && groups.length > 0 && connections.length >= 0);
  await broker.createGroup('others');
  await broker.setOffset('others', 'typed', 0, 1);
  await broker.resetOffset('others', 'typed', 'first');
  await broker.resetOffset('others', 'typed', new Date(0));
  const offsets: QueueProgress[] = await broker.offsets('others');
  const lag: number = await broker.lag('others');
  assert.ok(offsets.length === 1 && lag === 3);
  await broker.deleteGroup('others');

  broker.failNext({ code: 'SEND_MESSAGE', topic: 'typed', times: 2, error: 14, remark: 'full' });
  broker.failNext({ code: 310, fields: { topic: 'typed' }, delayMs: 5 });
  broker.clearFaults();
  await broker.advance(1000);
  await broker.snapshot(path.join(parent, 'snapshot'));
  const config: Record<string, string> = await broker.config();
  const counters: Record<string, number> = await broker.counters();
  const state: Record<string, string> = await broker.storeState();
  assert.ok([config, counters, state].every((record) => Object.keys(record).length > 0));
  await broker.deleteTopic('typed');
  await broker.clear();
  await broker.stop(1_000);
}

async function testing(parent: string): Promise<void> {
  const ends: (() => Promise<void>)[] = [];
  const atEnd: AtEnd = (end) => ends.push(end);
  const broker: Broker = await startTestBroker({ after: atEnd }, { snapshot: path.join(parent, 'snapshot') });
  const topic: string = await freshTopic(broker, { queues: 2 });
  await broker.send(topic, 'x');
  await Promise.all(ends.map((end) => end()));
  assert.equal(broker.running, false);
}

async function errors(): Promise<void> {
  try {
    new Broker({ profile: 'embedded', port: 70_000 });
  } catch (error) {
    const code: ErrorCode = (error as BrokerError).code;
    assert.equal(code, 'CONFIG');
  }
  // @ts-expect-error there is no such option
  await assert.rejects(start({ noSuchOption: 1 }), { code: 'CONFIG' });
  // @ts-expect-error a body is needed
  await assert.rejects(new Broker().send('topic'), { code: 'STOPPED' });
}

const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'libbroker-types-'));
try {
  await everything(parent);
  await testing(parent);
  await errors();
} finally {
  fs.rmSync(parent, { recursive: true });
}
assert.match(version, /^\d/);
console.log('done');
