'use strict';

// The options of a broker, checked and as the native half takes them.

const { coded } = require('./errors.js');

/**
 * Every option with its types and its default.
 * @type {Record<string, [string[], unknown]>}
 */
const OPTIONS = {
  storeDir: [['string'], undefined],
  port: [['number'], undefined],
  namesrv: [['string', 'boolean'], undefined],
  namesrvPort: [['number'], undefined],
  namesrvOnly: [['boolean'], false],
  profile: [['string'], 'embedded'],
  clock: [['string'], 'system'],
  snapshot: [['string'], undefined],
  log: [['function'], undefined],
  logLevel: [['string'], 'info'],
  properties: [['object'], {}],
};

/** @returns {any} */
function checked(options) {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw coded('CONFIG', `there is no option ${name}; there are ${Object.keys(OPTIONS).join(', ')}`);
    }
  }
  /** @type {Record<string, any>} */
  const result = {};
  for (const [name, [types, standard]] of Object.entries(OPTIONS)) {
    const value = options[name] ?? standard;
    if (value !== undefined && !types.includes(typeof value)) {
      throw coded('CONFIG', `${name} is a ${typeof value}; it is a ${types.join(' or a ')}`);
    }
    result[name] = value;
  }
  if (result.namesrv === false) {
    throw coded('CONFIG', 'namesrv is false; it is true for a NameServer of its own, or "host:port;…" of others');
  }
  result.namesrv = result.namesrv === true ? undefined : result.namesrv;
  result.properties = Object.entries(result.properties).map(([key, value]) => ({ key, value: String(value) }));
  return result;
}

module.exports = { checked };
