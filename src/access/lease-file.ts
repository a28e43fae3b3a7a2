import { readPrivateFile, writePrivateFile } from '../system/private-files.js';
import type { Lease } from './lease.js';

/** `{"leases": [{"hash": ..., the lease's own fields}]}`. A lease's token is nowhere in it. */
interface Kept extends Lease {
  hash: string;
}

export async function writeLeases(path: string, leases: ReadonlyMap<string, Lease>): Promise<void> {
  const kept: Kept[] = [...leases].map(([hash, lease]) => ({ hash, ...lease }));
  await writePrivateFile(path, `${JSON.stringify({ leases: kept }, null, 1)}\n`);
}

/**
 * The leases by the hashes of their tokens; undefined where the file is none of ours.
 * @throws CredentialError `NotPrivate` when others can read or change it
 */
export async function readLeases(path: string): Promise<Map<string, Lease> | undefined> {
  const text = await readPrivateFile(path);
  if (!text) return new Map();
  try {
    const { leases } = JSON.parse(text.toString()) as { leases: unknown[] };
    return new Map(leases.filter(isKept).map(({ hash, ...lease }) => [hash, lease]));
  } catch {
    return undefined;
  }
}

function isKept(value: unknown): value is Kept {
  const { hash, id, profile, grantedAt, expiresAt, holder } = Object(value) as Record<string, unknown>;
  const ends = typeof expiresAt === 'number' || (expiresAt === undefined && Object(holder) === holder);
  return [hash, id, profile].every((it) => typeof it === 'string') && typeof grantedAt === 'number' && ends;
}
