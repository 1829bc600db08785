// Everything in the package, with its types, through `import`.

import assert from 'node:assert/strict';
import { Broker, start, version, type BrokerError, type BrokerOptions, type ErrorCode, type Health } from 'libbroker';

const options: BrokerOptions = { port: 0, namesrv: true, properties: { flushDiskType: 'ASYNC_FLUSH', brokerId: 0, deleteWhen: '04' } };

async function lifecycle(): Promise<void> {
  await using broker: Broker = await start(options);
  const running: boolean = broker.running;
  const health: Health = broker.health;
  const addresses: string[] = [broker.address, broker.namesrvAddress, broker.storeDir];
  assert.deepEqual([running, health.state, health.problem, addresses.length], [true, 'ok', null, 3]);
  assert.match(version, /^\d/);
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
}

await lifecycle();
await errors();
console.log('done');
