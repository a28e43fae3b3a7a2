import type { SignInState } from '../sessions/sign-in.js';
import { printable, table, until } from './words.js';

/** How the sign-ins stand; one that cannot be renewed counts down. */
export function signInTable(signIns: readonly SignInState[], now: number): string {
  return table(
    ['SIGN-IN', 'STATE', 'EXPIRES', 'RENEWS'],
    signIns.map((it) => row(it, now)),
  );
}

export function signInErrors(signIns: readonly SignInState[], now: number): string {
  return signIns
    .flatMap(({ lastError }) => lastError ?? [])
    .map(({ at, message }) => `  ${until(at, now)}: ${printable(message)}\n`)
    .join('');
}

const WORDS = {
  done: 'signed in',
  needed: 'sign-in needed',
  pending: 'waiting for you',
  ended: 'sign-in ended',
  none: 'signed out',
};

function row({ name, state, expiresAt, renewable, renewsAt }: SignInState, now: number): string[] {
  const renews = renewsAt === undefined ? 'when used' : until(renewsAt, now);
  return [
    printable(name),
    WORDS[state],
    expiresAt === undefined ? '-' : until(expiresAt, now),
    expiresAt === undefined ? '-' : renewable ? renews : 'cannot be renewed',
  ];
}
