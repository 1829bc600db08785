// Generated from node/src by `cargo ci types`. The native half, private to this package: users see index.d.ts.

/** A broker, NameServer, or both, for one start and one stop. */
export declare class Handle {
  /** Checks the options; starts nothing yet. */
  constructor(options: StartOptions)
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
}

/** The code of every kind of error, for the test that the types know each. */
export declare function errorCodes(): Array<string>

/** One Java property. */
export interface Property {
  /** Its name, as Java spells it. */
  key: string
  /** Its value, as it would stand in the file. */
  value: string
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
  /** Java properties. */
  properties: Array<Property>
}

/** Version of the native half, to be that of package.json. */
export declare function version(): string
