/** The two ends of a TCP connection as we see it; a `net.Socket` is one. */
export interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

export type Connection = { readonly [K in keyof Ends]-?: NonNullable<Ends[K]> };

/** Whoever holds the other end of a connection on this machine, by the kernel's word. */
export interface Peer {
  readonly uid: number;
  /** The process behind it. Looked for only when asked: that takes longer than the uid. */
  process(): Promise<PeerProcess | undefined>;
}

export interface PeerProcess {
  readonly pid: number;
  readonly program: string;
  /** Whether every process that is seen to hold the socket lives in our own user namespace. */
  readonly ownNamespace: boolean;
}

/**
 * One look at the machine's connections. Undefined where the other end is not (yet, or any more) an open socket
 * of one owner; rejects where looking again would not help.
 */
export type Look = (connection: Connection) => Promise<Peer | undefined>;
