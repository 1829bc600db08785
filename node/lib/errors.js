'use strict';

// Errors as the native half makes them: an Error with a `code`.

function coded(code, text) {
  return Object.assign(new Error(text), { code });
}

module.exports = { coded };
