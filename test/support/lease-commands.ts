import type { Test } from 'tap';
import { type Machine, machine } from './cli.js';
import { everySource } from './sources.js';

/** A machine with a profile of every source, and where the daemon keeps its state there. */
export async function ready(t: Test) {
  const own = machine(t);
  await everySource(t, own);
  const state = (name: string) => own.path('.local', 'state', 'credd', name);
  return { ...own, state };
}

export async function variablesOf({ credd }: Machine, args: string[]): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await credd([...args, '--shell', 'dotenv']);
  if (code !== 0) throw new Error(stderr);
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)));
}

export async function leaseToken(own: Machine, args: string[]): Promise<string> {
  return (await variablesOf(own, ['lease', ...args])).AWS_CONTAINER_AUTHORIZATION_TOKEN ?? '';
}

export const bearer = (token: string) => [`Authorization: ${token}`];
