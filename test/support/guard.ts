import type { Test } from 'tap';
import { ask, type RawRequest } from './raw-http.js';
import { OWNER_TOKEN } from './running-app.js';

export const API = '/api/status';
export const api = { status: () => ({ fine: true }) };
export const owner = `Authorization: ${OWNER_TOKEN}`;

export type Case = [what: string, status: number, request: RawRequest];

/** Each request has its status; a refusal has its reason, in both spellings, and nothing that is secret. */
export async function check(t: Test, port: number, cases: readonly Case[]): Promise<void> {
  for (const [what, status, request] of cases) {
    const answer = await ask(port, request);
    t.equal(answer?.status, status, `${status}: ${what}`);
    if (status === 200) continue;
    const { code, message, Code, Message } = JSON.parse(answer?.body ?? '');
    t.ok(code && message, 'with a reason');
    t.same([Code, Message], [code, message]);
    t.equal(answer?.headers['content-type'], 'application/json');
    t.notMatch(answer?.body, 'secret of');
  }
}
