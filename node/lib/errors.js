'use strict';

// Errors as the native half makes them, an Error with a `code`, and the checks of arguments that lead to some.

function coded(code, text) {
  return Object.assign(new Error(text), { code });
}

/** `value`, which has to be a string; `standard` when it is missing and there is one. */
function text(name, value, standard) {
  return checked(name, value ?? standard, 'string');
}

/** `value`, which has to be a number; `standard` when it is missing and there is one. */
function number(name, value, standard) {
  return checked(name, value ?? standard, 'number');
}

/** The options of a call, each with one of the names. */
function named(names, options = {}) {
  checked('options', options, 'object');
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw coded('INVALID_ARGUMENT', `there is no option ${name}; there are ${names.join(', ')}`);
    }
  }
  return options;
}

function checked(name, value, type) {
  if (typeof value !== type || value === null) {
    const seen = value === null ? 'null' : typeof value;
    throw coded('INVALID_ARGUMENT', `${name} is ${seen}, not a${type === 'object' ? 'n' : ''} ${type}`);
  }
  return value;
}

module.exports = { coded, text, number, named };
