/// <reference types="node" />

/** The Apache RocketMQ 4.9.8 broker and NameServer inside your Node process. */

/** What to start. Every field has a default. */
export interface BrokerOptions {
  /** Directory of the store. Without it: one of its own, which is removed at the stop. */
  storeDir?: string;
  /** Port of the broker; 0 is a free one. Default: a free one, or 10911 for the profile `server`. */
  port?: number;
  /** `host:port;host:port` of NameServers to register with. `true`, the default: one is started here. */
  namesrv?: true | string;
  /** Port of the NameServer started here; 0 is a free one. Default: a free one, or 9876 for `server`. */
  namesrvPort?: number;
  /** Start a NameServer without a broker. */
  namesrvOnly?: boolean;
  /** `embedded`, the default: small files and few threads. `server`: the sizes of a server. */
  profile?: 'embedded' | 'server';
  /** Java properties of broker.conf, e.g. `{ flushDiskType: 'SYNC_FLUSH' }`. */
  properties?: Record<string, string | number | boolean>;
}

/** `code` of every error of this package. */
export type ErrorCode =
  | 'CONFIG'
  | 'PORT_IN_USE'
  | 'STORE_LOCKED'
  | 'STORE_CORRUPT'
  | 'DISK_FULL'
  | 'IO'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'STOPPED'
  | 'TIMEOUT'
  | 'INTERNAL'
  | 'REFUSED';

/** What this package throws and rejects with. */
export interface BrokerError extends Error {
  code: ErrorCode;
}

/** How a broker is. `degraded`: it answers, but not everything works; `problem` says what and why. */
export interface Health {
  state: 'ok' | 'degraded' | 'stopped';
  problem: string | null;
}

/** A broker, a NameServer, or both. Several may run in one process; one may be started again after its stop. */
export class Broker {
  /** Starts nothing yet. Throws `CONFIG` for options that cannot be used. */
  constructor(options?: BrokerOptions);

  /** Starts it. The promise is kept when it can be used: the ports are open, the store is recovered. */
  start(): Promise<this>;

  /**
   * Stops it; the promise is kept when nothing of it runs. Stopping twice is harmless.
   * No more requests are taken, those under way have `timeoutMs` (30 s) to be answered, the store is synced, threads are
   * joined. A rejection says that the store could not be closed cleanly; it has stopped all the same.
   */
  stop(timeoutMs?: number): Promise<void>;

  /** True from the start to the stop. A running broker does not keep the process alive. */
  readonly running: boolean;

  /** How it is. */
  readonly health: Health;

  /** `host:port` of the broker. Throws `NOT_FOUND` when a NameServer alone was started. */
  readonly address: string;

  /**
   * `host:port` of the NameServer started here; what RocketMQ clients are configured with.
   * Throws `NOT_FOUND` when `namesrv` said that it is elsewhere.
   */
  readonly namesrvAddress: string;

  /** The directory of the store. */
  readonly storeDir: string;

  /** `await using broker = await start()` stops it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a broker. Same as `new Broker(options).start()`. */
export function start(options?: BrokerOptions): Promise<Broker>;

/** Version of the package. */
export const version: string;
