// The same module for `import`.

import testing from './testing.js';

export const { startTestBroker, freshTopic } = testing;
