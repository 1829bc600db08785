// Generated from node/src by `cargo ci types`. The native half, private to this package: users see index.d.ts.

/** A member of a group. */
export declare class Consumer {
  /** The next message, null when there is none now. It reads from memory, so it runs on the event loop. */
  tryNext(): Delivery | null
  /** Calls `callback` when there may be a next message. */
  onChange(callback: () => void): Wake
  /** Leaves the group. */
  close(): Promise<void>
}

/** A message that waits for its acknowledgement. */
export declare class Delivery {
  /** The message. */
  get message(): Message
  /** It has been consumed. The offset moves in memory, so it runs on the event loop. */
  ack(): void
  /** It is to come again after a delay: 0 for the group's ladder, -1 for the dead letters. */
  retry(delayLevel: number): Promise<void>
}

/** What is to fail and how; one of the last four says how. */
export interface Fault {
  /** Name or number of the request; any without it. */
  code?: string
  /** Header fields that it has: name, value, name, value. */
  fields: Array<string>
  /** How many of them. */
  times: number
  /** The code of the answer. */
  error?: number
  /** The text of the answer. */
  remark: string
  /** Answered so much later. */
  delayMs?: number
  /** Not answered. */
  drop: boolean
  /** Not answered, and the connection closed. */
  disconnect: boolean
}

/** A broker, NameServer, or both, for one start and one stop. */
export declare class Handle {
  /** Makes a topic. */
  createTopic(name: string, queues: number): Promise<void>
  /** Deletes a topic. */
  deleteTopic(name: string): Promise<void>
  /** Makes a group. */
  createGroup(name: string): Promise<void>
  /** Deletes a group with its offsets. */
  deleteGroup(name: string): Promise<void>
  /** Every topic. */
  topics(): Promise<string>
  /** Every group. */
  groups(): Promise<string>
  /** Every connection. */
  connections(): Promise<string>
  /** How far a group is in each queue. */
  offsets(group: string): Promise<string>
  /** What a group has not consumed yet. */
  lag(group: string): Promise<number>
  /** Sets a group's offset in a queue. */
  setOffset(group: string, topic: string, queue: number, offset: number): Promise<void>
  /** Sets a group's offsets in every queue of a topic: "first", "last", "offset" or "timestamp", the latter two with a value. */
  resetOffset(group: string, topic: string, to: string, value: number): Promise<void>
  /** The configuration, by Java's names. */
  config(): Promise<string>
  /** What was counted. */
  counters(): Promise<string>
  /** The state of the store, by Java's names. */
  storeState(): Promise<string>
  /** What the broker's clock says. */
  get nowMs(): number
  /** Moves the broker's clock. */
  advance(byMs: number): Promise<void>
  /** Copies the store into an empty directory. */
  snapshot(dir: string): Promise<void>
  /** Deletes what tests make. */
  clear(): Promise<void>
  /** Joins a group. */
  consume(topic: string, group: string, tags: string): Promise<Consumer>
  /** Makes the next requests of a kind fail. */
  failNext(fault: Fault): void
  /** Takes back every fault. */
  clearFaults(): void
  /** Checks the options; starts nothing yet. `log` is called with each record. */
  constructor(options: StartOptions, log?: ((arg: LogLine) => void) | undefined | null)
  /** Starts it; the promise is kept when it can be used. */
  start(): Promise<void>
  /** "host:port" of the broker; null when there is none. */
  get address(): string | null
  /** "host:port" of the NameServer; null when it is elsewhere. */
  get namesrvAddress(): string | null
  /** The directory of the store; null when nothing was started. */
  get storeDir(): string | null
  /** What does not work, empty when everything does; null when it does not run. */
  get problem(): string | null
  /** Stops it; harmless when it is stopped already. */
  stop(timeoutMs: number): Promise<void>
  /** Stops it before this answers, for the end of the process, when no promise is kept any more. */
  stopNow(timeoutMs: number): void
  /** Stores one message. On the pool: a store that syncs each message waits for the disk. */
  send(message: NewMessage): Promise<SendResult>
  /** Stores many messages. */
  sendMany(messages: Array<NewMessage>): Promise<Array<SendResult>>
  /** What a queue has from an offset on, without waiting for more. */
  pull(topic: string, queue: number, offset: number, maxMessages: number): Promise<Pulled>
  /** The messages that a query finds. */
  messages(query: MessageQuery): Promise<Array<Message>>
  /** The message at a place that `offsetMsgId` names. */
  message(msgId: string): Promise<Message>
  /** How many messages a topic has. */
  messageCount(topic: string): Promise<number>
  /** Calls `callback` after a message was stored, a group changed or the broker stopped. */
  onChange(callback: () => void): Wake
}

/** One record. */
export interface LogLine {
  /** How much it matters: "error", "warn", "info", "debug" or "trace". */
  level: string
  /** The part that speaks. */
  target: string
  /** What it says, with its values. */
  message: string
  /** When, by the machine's clock. */
  timestampMs: number
}

/** A message out of the store. */
export interface Message {
  /** Its topic. */
  topic: string
  /** Its body, inflated. */
  body: Buffer
  /** Its tag. */
  tags: string | null
  /** Its keys. */
  keys: Array<string>
  /** Name, value, name, value. */
  properties: Array<string>
  /** Its queue. */
  queueId: number
  /** Its place in the queue. */
  queueOffset: number
  /** The id that the sender gave it. */
  msgId: string
  /** The id that says where it lies. */
  offsetMsgId: string
  /** When it was sent. */
  bornTimestampMs: number
  /** When it was stored. */
  storeTimestampMs: number
  /** How often it came back to its group. */
  reconsumeTimes: number
  /** Who sent it. */
  bornHost: string
}

/** Which messages to read. */
export interface MessageQuery {
  /** Their topic. */
  topic: string
  /** Their queue; all without it. */
  queue?: number
  /** The first queue offset. */
  start?: number
  /** The queue offset behind the last. */
  end?: number
  /** Stored at this time or later. */
  startMs?: number
  /** Stored at this time or earlier. */
  endMs?: number
  /** A key or an id. */
  key?: string
  /** At most so many. */
  limit?: number
}

/** A message to be sent; node/lib has checked the types. */
export interface NewMessage {
  /** Its topic. */
  topic: string
  /** Its body. Copied at once: JavaScript may go on writing to it. */
  body: Uint8Array
  /** Its tag. */
  tags?: string
  /** Its keys. */
  keys: Array<string>
  /** Name, value, name, value. */
  properties: Array<string>
  /** 0 for none. */
  delayLevel: number
  /** Which queue; any without it. */
  queue?: number
}

/** One Java property. */
export interface Property {
  /** Its name, as Java spells it. */
  key: string
  /** Its value, as it would stand in the file. */
  value: string
}

/** What a pull found. */
export interface Pulled {
  /** The messages. */
  messages: Array<Message>
  /** Where to go on. */
  nextOffset: number
  /** The first offset of the queue. */
  minOffset: number
  /** The offset that the next message gets. */
  maxOffset: number
}

/** Where a message was put. */
export interface SendResult {
  /** The id that the sender gave it. */
  msgId: string
  /** The id that says where it lies. */
  offsetMsgId: string
  /** Its queue. */
  queueId: number
  /** Its place in the queue. */
  queueOffset: number
  /** "SEND_OK", or what the store could not promise. */
  status: string
}

/** What to start; node/index.js has checked the types and filled in the defaults. */
export interface StartOptions {
  /** Directory of the store. */
  storeDir?: string
  /** Port of the broker. */
  port?: number
  /** NameServers to register with. */
  namesrv?: string
  /** Port of the NameServer started here. */
  namesrvPort?: number
  /** No broker. */
  namesrvOnly: boolean
  /** "embedded" or "server". */
  profile: string
  /** "system" or "manual". */
  clock: string
  /** Directory of a snapshot to start with. */
  snapshot?: string
  /** Which records are logged. */
  logLevel: string
  /** Java properties. */
  properties: Array<Property>
}

/** A subscription. It calls back at most once until it is armed again, and ends with this object. */
export declare class Wake {
  /** Asks for one more call. First arm, then look, then wait. */
  arm(): void
}

/** The code of every kind of error, for the test that the types know each. */
export declare function errorCodes(): Array<string>

/** Version of the native half, to be that of package.json. */
export declare function version(): string
