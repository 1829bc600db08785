// Run by jest, see testing.test.js.

const fs = require('node:fs');
const { freshTopic, startTestBroker } = require('libbroker/testing');

describe('a suite has a broker', () => {
  const starting = startTestBroker(afterAll);
  let broker;
  beforeAll(async () => {
    broker = await starting;
  });

  test('in one test', async () => {
    const topic = await freshTopic(broker);
    await broker.send(topic, Buffer.from('x'));
    const [message] = await broker.messages(topic);
    expect(message.body.toString()).toBe('x');
    for await (const delivery of broker.consume(topic, 'group', { timeoutMs: 10_000 })) {
      await delivery.ack();
      break;
    }
    expect(await broker.lag('group')).toBe(0);
  });

  test('and in the next', async () => {
    await expect(broker.deleteTopic('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('a broker can be had for one test', async () => {
  const ends = [];
  const broker = await startTestBroker((end) => ends.push(end));
  await Promise.all(ends.map((end) => end()));
  expect(fs.existsSync(broker.storeDir)).toBe(false);
});
