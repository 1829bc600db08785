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
  /** `manual`: time moves with `advance` only, from now on. Default: `system`. */
  clock?: 'system' | 'manual';
  /** Java properties of broker.conf, e.g. `{ flushDiskType: 'SYNC_FLUSH' }`. */
  properties?: Record<string, string | number | boolean>;
  /** Start with a copy of what `snapshot` made there; a `storeDir` must then be empty or missing. */
  snapshot?: string;
  /**
   * Is called with what the broker logs. The broker never waits for it: records that it has no time for are dropped, and those
   * of the stop at the end of a process come too late.
   */
  log?: (record: LogRecord) => void;
  /** Which records: this level and what is more serious. Default: `info`. */
  logLevel?: LogLevel;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** What the broker logs. */
export interface LogRecord {
  level: LogLevel;
  /** The part of the broker. */
  target: string;
  /** The text with its values. */
  message: string;
  timestampMs: number;
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
  | 'REFUSED'
  | 'FORKED';

/** What this package throws and rejects with. */
export interface BrokerError extends Error {
  code: ErrorCode;
}

/** How a broker is. `degraded`: it answers, but not everything works; `problem` says what and why. */
export interface Health {
  state: 'ok' | 'degraded' | 'stopped';
  problem: string | null;
}

/** Bytes of a message; a string is sent as UTF-8. Copied by the call. */
export type Body = string | Uint8Array;

/** What a message may have beside topic and body. */
export interface MessageAttributes {
  /** Its tag, which consumers can select by. */
  tags?: string;
  /** What it can be found by. */
  keys?: string | string[];
  /** Properties of the application. */
  properties?: Record<string, string | number | boolean>;
  /** 1 to 18 (Java's `messageDelayLevel`); 0, the default, for at once. */
  delayLevel?: number;
  /** The queue; any without it. */
  queue?: number;
}

/** One message of many. */
export interface NewMessage extends MessageAttributes {
  topic: string;
  body: Body;
}

/** Where a message was stored. */
export interface SendResult {
  /** The id that the sender gives it. */
  msgId: string;
  /** The id that says where it lies; `message` finds it. */
  offsetMsgId: string;
  queueId: number;
  queueOffset: number;
  /** Stored in every case; the others say what the store could not promise in time. */
  status: 'SEND_OK' | 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE';
}

/** A stored message. Offsets and times are numbers: exact up to 2^53, which no queue reaches. */
export interface Message {
  topic: string;
  /** Not compressed, whatever the sender did. */
  body: Buffer;
  tags: string | null;
  keys: string[];
  /** Every property, those of RocketMQ itself among them. */
  properties: Record<string, string>;
  queueId: number;
  queueOffset: number;
  msgId: string;
  offsetMsgId: string;
  bornTimestampMs: number;
  storeTimestampMs: number;
  /** How often the group gave it back. */
  reconsumeTimes: number;
  bornHost: string;
}

/** A message that a consumer was given. What is neither acknowledged nor given back comes again once the consumer is closed. */
export interface Delivery extends Message {
  /** It is done; the group goes on behind it. */
  ack(): Promise<void>;
  /** It is to come again: after the delay of `delayLevel`, after the next delay of the group's ladder (0, the default), or never, as a dead letter (-1). */
  retry(delayLevel?: number): Promise<void>;
}

/** What `pull` found. */
export interface Pulled {
  messages: Message[];
  /** Where to go on. */
  nextOffset: number;
  minOffset: number;
  /** The offset that the next message will have. */
  maxOffset: number;
}

export interface TopicInfo {
  name: string;
  /** Queues to write to. */
  queues: number;
  /** Queues to read from. */
  readQueues: number;
  /** `RW-` */
  perm: string;
  /** One of the broker's own. */
  system: boolean;
  messageCount: number;
  offsets: QueueInfo[];
}

export interface QueueInfo {
  queueId: number;
  minOffset: number;
  maxOffset: number;
  lastStoreTimestampMs: number | null;
}

export interface GroupInfo {
  name: string;
  /** Messages that it has not consumed. */
  lag: number;
  retryMaxTimes: number;
  consumeEnable: boolean;
  members: { clientId: string; address: string; language: string | null; version: number }[];
  subscriptions: { topic: string; expression: string; expressionType: string }[];
}

export interface ConnectionInfo {
  address: string;
  clientId: string | null;
  language: string | null;
  version: number | null;
  producerGroups: string[];
  consumerGroups: string[];
}

/** How far a group is in a queue. */
export interface QueueProgress {
  topic: string;
  queueId: number;
  /** What it consumes next. */
  offset: number;
  minOffset: number;
  maxOffset: number;
  lag: number;
}

export interface PullOptions {
  /** Default: 32. */
  maxMessages?: number;
  /** How long to wait for the first message. Default: 0. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface ConsumeOptions {
  /** `*`, the default, or tags: `a || b`. */
  tags?: string;
  /** Ends the iteration after so long without a message. Default: it goes on until the broker stops. */
  timeoutMs?: number;
  /** Ends the iteration with the error of the signal. */
  signal?: AbortSignal;
}

export interface MessageQuery {
  /** One queue. Default: all. */
  queue?: number;
  /** From this queue offset, or time of storing, on. */
  start?: number | Date;
  /** Up to this queue offset, which is not included, or this time of storing. */
  end?: number | Date;
  /** A key, or an id. */
  key?: string;
  /** At most so many. */
  limit?: number;
}

/** Requests of clients that are to fail, and how: one of `error`, `delayMs`, `drop` and `disconnect`. */
export interface Fault {
  /** Name of the request, e.g. `SEND_MESSAGE`, or its number. Default: any. */
  code?: string | number;
  /** Only those about this topic. */
  topic?: string;
  /** Only those with these header fields, by their long names. */
  fields?: Record<string, string | number | boolean>;
  /** How many of them. Default: 1. */
  times?: number;
  /** Answer with this response code. */
  error?: number;
  /** The text with it. */
  remark?: string;
  /** Carry it out, so much later. */
  delayMs?: number;
  /** Do not answer. */
  drop?: boolean;
  /** Close the connection. */
  disconnect?: boolean;
}

/**
 * A member of a consumer group in this process; queues are shared with members elsewhere. It iterates over messages.
 * Waiting for one does not keep the process alive, unless `timeoutMs` limits it.
 * `next()` may be called several times at once: they are answered in order.
 */
export interface Consumer extends AsyncIterableIterator<Delivery> {
  next(): Promise<IteratorResult<Delivery, undefined>>;
  return(): Promise<IteratorResult<Delivery, undefined>>;
  [Symbol.asyncIterator](): Consumer;
  /** Leaves the group, as the end of a `for await` does. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
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

  /** `host:port` of the broker. Throws `NOT_FOUND` when a NameServer alone was started. */
  readonly address: string;

  /**
   * `host:port` of the NameServer started here; what RocketMQ clients are configured with.
   * Throws `NOT_FOUND` when `namesrv` said that it is elsewhere.
   */
  readonly namesrvAddress: string;

  /** The directory of the store. */
  readonly storeDir: string;

  /** What the broker's clock says: milliseconds since 1970. */
  readonly nowMs: number;

  /** How it is. */
  health(): Health;

  /** Creates a topic, with 8 queues unless told otherwise. */
  createTopic(name: string, options?: { queues?: number }): Promise<void>;

  /** Deletes a topic with its messages. */
  deleteTopic(name: string): Promise<void>;

  topics(): Promise<TopicInfo[]>;

  createGroup(name: string): Promise<void>;

  /** Deletes a group with its offsets. */
  deleteGroup(name: string): Promise<void>;

  groups(): Promise<GroupInfo[]>;

  connections(): Promise<ConnectionInfo[]>;

  /** Stores a message. The promise is kept when it is as safe as the store's configuration says. */
  send(topic: string, body: Body, attributes?: MessageAttributes): Promise<SendResult>;

  /** Stores messages in their order. */
  sendMany(messages: Iterable<NewMessage>): Promise<SendResult[]>;

  /** Reads a queue from an offset on; no group is involved. */
  pull(topic: string, queue: number, offset: number, options?: PullOptions): Promise<Pulled>;

  /** Joins a group: `for await (const message of broker.consume('topic', 'group')) { …; await message.ack(); }` */
  consume(topic: string, group: string, options?: ConsumeOptions): Consumer;

  /** Messages of a topic, by queue offset, time or key; all without options. */
  messages(topic: string, options?: MessageQuery): Promise<Message[]>;

  /** The message at the place that an `offsetMsgId` names. Rejects with `NOT_FOUND`. */
  message(offsetMsgId: string): Promise<Message>;

  /** How many messages a topic has, in all its queues. */
  messageCount(topic: string): Promise<number>;

  /** How far a group is, queue by queue. */
  offsets(group: string): Promise<QueueProgress[]>;

  /** How many messages a group has not consumed. */
  lag(group: string): Promise<number>;

  /** The group goes on at this offset of the queue. */
  setOffset(group: string, topic: string, queue: number, offset: number): Promise<void>;

  /** The group goes on, in every queue of the topic, at the first message, behind the last, at an offset or at a time. */
  resetOffset(group: string, topic: string, to: 'first' | 'last' | number | Date): Promise<void>;

  /**
   * Waits until the topic has `count` messages; answers how many it has. Rejects with `TIMEOUT` after `timeoutMs` (30 s), and until
   * then keeps the process alive.
   */
  waitFor(topic: string, count: number, timeoutMs?: number, options?: { signal?: AbortSignal }): Promise<number>;

  /** Moves a manual clock: delayed messages become due, transactions are checked, long polls end. */
  advance(ms: number): Promise<void>;

  /** Lets the next requests of a kind fail. Calls of this object never do. */
  failNext(fault: Fault): void;

  /** Takes back every fault that is left. */
  clearFaults(): void;

  /** Copies the store into a directory that is empty or missing, to start from later. */
  snapshot(dir: string): Promise<void>;

  /** Deletes topics, groups, messages, offsets and faults: what one test leaves to the next. Connections stay. */
  clear(): Promise<void>;

  /** The configuration, by Java's names. */
  config(): Promise<Record<string, string>>;

  counters(): Promise<Record<string, number>>;

  /** The state of the store, by the names of Java's runtime information. */
  storeState(): Promise<Record<string, string>>;

  /** `await using broker = await start()` stops it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a broker. Same as `new Broker(options).start()`. */
export function start(options?: BrokerOptions): Promise<Broker>;

/** Version of the package. */
export const version: string;
