// The same module for `import`: one set of classes, whichever way it was loaded.

import libbroker from './index.js';

export const { Broker, start, version } = libbroker;
