/** Brokers for tests, stopped when the test is over: for node:test, vitest, jest and whatever has a hook for the end. */

import type { Broker, BrokerOptions } from './index.js';

/** Calls a function at the end: `t.after` of node:test, `onTestFinished` or `afterAll` of vitest, `afterAll` of jest. */
export type AtEnd = (stop: () => Promise<void>) => unknown;

/** What a test has: the context of node:test (`after`), that of vitest (`onTestFinished`), or such a function itself. */
export type TestOwner = AtEnd | { after: AtEnd } | { onTestFinished: AtEnd } | { afterAll: AtEnd };

/**
 * Starts a broker on free ports with a temporary store, and stops it at the end of the test or file.
 * The hook is registered before this returns, so it may be called outside of tests and awaited in `beforeAll`.
 */
export function startTestBroker(owner: TestOwner, options?: BrokerOptions): Promise<Broker>;

/** Creates a topic that no other test of this process has; answers its name. One queue keeps the order of all messages. */
export function freshTopic(broker: Broker, options?: { name?: string; queues?: number }): Promise<string>;
