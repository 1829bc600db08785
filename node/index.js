'use strict';

// The Apache RocketMQ 4.9.8 broker and NameServer inside your Node process. Types and texts: index.d.ts.

const { Broker } = require('./lib/broker.js');
const { version } = require('./package.json');

async function start(options) {
  return new Broker(options).start();
}

module.exports = { Broker, start, version };
