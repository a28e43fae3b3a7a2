import type { Reply, WireRequest } from './protocol.js';

/** The page on which the person allows or denies a sign-in; the links repeat the request with the decision. */
export function approvalPage({ path, query }: WireRequest, startUrl: string, code = ''): Reply {
  const link = (decision: string, text: string) =>
    `<a href="${escapeHtml(`${path}?${new URLSearchParams([...query, ['decision', decision]])}`)}">${text}</a>`;
  return page(
    `<p>Sign in to ${escapeHtml(startUrl)}? ${escapeHtml(code)}</p>
<p>${link('allow', 'Allow')} ${link('deny', 'Deny')}</p>`,
  );
}

export const decidedPage = (decision: string): Reply =>
  page(`<p>${decision === 'allow' ? 'Signed in.' : 'Denied.'} This page may be closed.</p>`);

export const codePage = (): Reply =>
  page('<form>Code: <input name="user_code" autofocus> <button>Next</button></form>');

const page = (content: string): Reply => ({
  status: 200,
  headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' },
  body: `<!doctype html><title>Simulated IAM Identity Center</title>\n${content}\n`,
});

const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
