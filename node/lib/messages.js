'use strict';

// Messages between users and the native half.

const { types } = require('node:util');
const { coded, text, number, named } = require('./errors.js');

const ATTRIBUTES = ['tags', 'keys', 'properties', 'delayLevel', 'queue'];

/** A message to be sent, as the native half takes it. */
function outgoing(topic, body, attributes) {
  const { tags, keys, properties, delayLevel, queue } = named(ATTRIBUTES, attributes);
  return {
    topic: text('topic', topic),
    body: bytes(body),
    tags: tags === undefined || tags === null ? undefined : text('tags', tags),
    keys: keyList(keys),
    properties: flat(properties),
    delayLevel: number('delayLevel', delayLevel, 0),
    queue: queue === undefined || queue === null ? undefined : number('queue', queue),
  };
}

function bytes(body) {
  if (typeof body === 'string') {
    return Buffer.from(body);
  }
  // Not `instanceof`: test runners have globals of their own.
  if (types.isUint8Array(body)) {
    return body;
  }
  throw coded('INVALID_ARGUMENT', `body is ${body === null ? 'null' : typeof body}, not a Buffer, Uint8Array or string`);
}

function keyList(keys) {
  if (keys === undefined || keys === null) {
    return [];
  }
  return (Array.isArray(keys) ? keys : [keys]).map((key) => text('keys', key));
}

/** Name, value, name, value: as the native half takes and gives them. */
function flat(properties) {
  return Object.entries(properties ?? {}).flatMap(([name, value]) => [name, String(value)]);
}

/** A message from the native half, as users see it. */
function incoming(message) {
  const properties = [];
  for (let i = 0; i < message.properties.length; i += 2) {
    properties.push([message.properties[i], message.properties[i + 1]]);
  }
  message.properties = Object.fromEntries(properties);
  return message;
}

module.exports = { outgoing, incoming, flat };
