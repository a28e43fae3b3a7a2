import { readFile } from 'node:fs/promises';
import { createProcessFinder, type ProcessFinder } from './peer-process.js';
import type { Look, Peer } from './peer-types.js';
import { sharedReading } from './shared-reading.js';

const ESTABLISHED = '01';
/** What the kernel shows for every uid that our user namespace does not map: it may be anybody. */
const OVERFLOW_UID = 65534;

/** Finds the peer in `/proc/net/tcp` and `tcp6` (proc_net_tcp in the kernel's documentation). */
export function createProcLook(folder = '/proc/net'): Look {
  const tcp = sharedReading(() => readTable(`${folder}/tcp`));
  const tcp6 = sharedReading(() => readTable(`${folder}/tcp6`));
  const findProcess = createProcessFinder();

  return async ({ localAddress, localPort, remoteAddress, remotePort }) => {
    const local = addressBytes(localAddress);
    const remote = addressBytes(remoteAddress);
    if (!local || !remote) return undefined;

    const ends = (hex: typeof hex4) =>
      `${hex(remote)}:${hexPort(remotePort)} ${hex(local)}:${hexPort(localPort)}`;
    const inTcp = isIPv4Mapped(remote) ? peerIn((await tcp()).get(ends(hex4)), findProcess) : undefined;
    return inTcp ?? peerIn((await tcp6()).get(ends(hex6)), findProcess);
  };
}

/** An unreadable table proves nothing, as an empty one. */
async function readTable(path: string): Promise<Map<string, string>> {
  return rowsByEnds(await readFile(path, 'latin1').catch(() => ''));
}

/**
 * What follows `local remote` in each whole row of an established connection. One pass for all who wait for this
 * reading: the table may have tens of thousands of rows, most of them closed, and anybody on the machine can add some.
 */
function rowsByEnds(table: string): Map<string, string> {
  const rows = new Map<string, string>();
  for (const [, ends = '', rest = ''] of table.matchAll(/: (\S+ \S+) (01 .*)\n/g)) rows.set(ends, rest);
  return rows;
}

/**
 * A row goes on like `01 00000000:00000000 00:00000000 00000000 1000 0 12345 ...`: state, queues, timer, retransmits,
 * uid, timeout, inode. A socket that its owner has closed, or that nobody has accepted yet, has inode 0 and a uid that
 * means nothing.
 */
function peerIn(row: string | undefined, findProcess: ProcessFinder): Peer | undefined {
  const [state, , , , uidText = '', , inode = ''] = row?.split(/ +/) ?? [];
  if (state !== ESTABLISHED || !/^\d+$/.test(uidText) || !/^[1-9]\d*$/.test(inode)) return undefined;
  const uid = Number(uidText);
  if (uid === OVERFLOW_UID) return undefined;
  return { uid, process: () => findProcess(inode) };
}

/** The 16 bytes of an IPv6 address, or of an IPv4 address in its IPv4-mapped form. */
function addressBytes(address: string): Uint8Array | undefined {
  const url = `http://[${address.includes(':') ? address : `::ffff:${address}`}]`;
  if (!URL.canParse(url)) return undefined;
  const [head = '', tail = ''] = new URL(url).hostname.slice(1, -1).split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const groups = [...front, ...Array(8 - front.length - back.length).fill('0'), ...back];
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}

function isIPv4Mapped(bytes: Uint8Array): boolean {
  return bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff));
}

const hex4 = (bytes: Uint8Array) => hex6(bytes).slice(-8);

/** The kernel prints an address as 32-bit numbers in the machine's own byte order. */
function hex6(bytes: Uint8Array): string {
  return [...new Uint32Array(bytes.buffer)].map((word) => hex(word, 8)).join('');
}

const hexPort = (port: number) => hex(port, 4);

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
