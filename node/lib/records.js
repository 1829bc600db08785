'use strict';

// Records that the native half gives as JSON, with names as JavaScript has them.

/** `{"queue_id": 0}` becomes `{ queueId: 0 }`, at every level. */
function records(json) {
  return camel(JSON.parse(json));
}

function camel(value) {
  if (Array.isArray(value)) {
    return value.map(camel);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [named(name), camel(inner)]));
}

function named(name) {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

module.exports = { records };
