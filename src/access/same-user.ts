import type { Ends, Peer, PeerLookup } from '../system/peer.js';

/** A plain boolean once it is known, so that the requests of a kept-alive connection need not wait for a promise. */
export type Answer = boolean | Promise<boolean>;

/** Whether the other end of a connection belongs to us. Found out once per connection; without a proof, no. */
export interface SameUser {
  /** Begins to look who it is; called when the connection is accepted. */
  watch(socket: Ends): void;
  /** Our own user, or root: for requests that carry a token. */
  isOwner(socket: Ends): Answer;
  /** Our own user, in our own user namespace: for requests that carry none. */
  isSameUser(socket: Ends): Answer;
}

/** The same, for those who want to know who it is. */
export interface KnownPeers extends SameUser {
  peerOf(socket: Ends): Promise<Peer | undefined>;
}

const ROOT = 0;

export function createSameUser({ uid, lookup }: { uid: number; lookup: PeerLookup }): KnownPeers {
  const peers = new WeakMap<Ends, Promise<Peer | undefined>>();
  const peerOf = (socket: Ends) => {
    const known = peers.get(socket) ?? lookup(socket).then((peer) => peer && lookedForOnce(peer));
    peers.set(socket, known);
    return known;
  };

  const isOwner = answeredOnce(async (socket) => {
    const peer = await peerOf(socket);
    return peer?.uid === uid || peer?.uid === ROOT;
  });
  const isSameUser = answeredOnce(async (socket) => {
    const peer = await peerOf(socket);
    return peer?.uid === uid && (await peer.process())?.ownNamespace === true;
  });
  return { watch: isOwner, isOwner, isSameUser, peerOf };
}

function lookedForOnce(peer: Peer): Peer {
  let process: ReturnType<Peer['process']> | undefined;
  return {
    uid: peer.uid,
    process() {
      process ??= peer.process();
      return process;
    },
  };
}

function answeredOnce(find: (socket: Ends) => Promise<boolean>): (socket: Ends) => Answer {
  const answers = new WeakMap<Ends, Answer>();
  return (socket) => {
    const known = answers.get(socket);
    if (known !== undefined) return known;
    const answer = find(socket)
      .catch(() => false)
      .then((found) => {
        answers.set(socket, found);
        return found;
      });
    answers.set(socket, answer);
    return answer;
  };
}
