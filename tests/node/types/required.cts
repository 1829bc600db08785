// The package through `require`.

import libbroker = require('libbroker');

async function main(): Promise<void> {
  const broker: libbroker.Broker = await libbroker.start({ profile: 'embedded' });
  await broker.stop();
  console.log('done');
}

void main();
