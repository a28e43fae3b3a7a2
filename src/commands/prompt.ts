import { isatty } from 'node:tty';
import { CredentialError } from '../errors.js';

/** What the keys send, in raw mode. */
const ENTER = new Set(['\r', '\n']);
const CANCEL = new Set(['\x03', '\x04', '\x1b']);
const BACKSPACE = new Set(['\b', '\x7f']);
const CLEAR_LINE = '\x15';

/** Whether there is a person to ask: what he types comes to us, and what we ask is seen. */
export function canAsk(): boolean {
  return isatty(0) && isatty(2);
}

/**
 * Asks on the terminal, and gives the line that was typed, without the space around it. With `hidden` nothing of it shows.
 * @throws CredentialError `Cancelled` on Ctrl-C, Ctrl-D or Escape
 */
export async function ask(question: string, { hidden = false } = {}): Promise<string> {
  const { stdin, stderr } = process;
  // Raw, so that the terminal itself neither echoes nor interrupts, from before the first key.
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stderr.write(question);
  try {
    return (await readLine(stdin, (shown) => stderr.write(hidden ? '' : shown))).trim();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** Asks again, saying why, until `check` takes the answer; where it throws a CredentialError, it does not. */
export async function askUntil<T>(
  question: string,
  check: (answer: string) => T,
  options: { hidden?: boolean } = {},
): Promise<T> {
  for (;;) {
    const answer = await ask(question, options);
    try {
      return check(answer);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      process.stderr.write(`${error.message}\n`);
    }
  }
}

/** What no other answer would change. */
const FINAL = new Set([
  'Cancelled',
  'NoAnswer',
  'NotOurs',
  'NoKeychain',
  'StoreUnavailable',
  'CannotWrite',
  'KeysInFile',
]);

/** Makes the attempt, questions and all, again and again, saying why, until what was answered is taken. */
export async function untilTaken<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CredentialError) || FINAL.has(error.code)) throw error;
      process.stderr.write(`\n${error.message}\nOnce more, or Ctrl-C.\n\n`);
    }
  }
}

/** Yes is what Enter means. */
export async function agrees(question: string): Promise<boolean> {
  return /^(y(es)?)?$/i.test(await ask(`${question} [Y/n] `));
}

/** No is what Enter means. */
export async function isSure(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `));
}

/** All that is piped to us, for who has no terminal; its lines without the space around them. */
export async function readPiped(): Promise<string[]> {
  if (isatty(0)) throw noWayToAsk();
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}

function readLine(stdin: NodeJS.ReadStream, show: (text: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (settle: () => void, rest = '') => {
      stdin.off('data', read);
      stdin.off('end', cancel);
      if (rest) stdin.unshift(rest);
      settle();
    };
    const cancel = () =>
      end(() => reject(new CredentialError('Cancelled', 400, 'Cancelled. Nothing was changed.')));
    const read = (text: string) => {
      for (const [index, char] of [...text].entries()) {
        if (ENTER.has(char)) return end(() => resolve(line), [...text].slice(index + 1).join(''));
        if (CANCEL.has(char)) return cancel();
        if (BACKSPACE.has(char)) {
          if (line) show('\b \b');
          line = [...line].slice(0, -1).join('');
        } else if (char === CLEAR_LINE) {
          show('\b \b'.repeat([...line].length));
          line = '';
        } else if (!/\p{Cc}/u.test(char)) {
          line += char;
          show(char);
        }
      }
    };
    stdin.on('data', read);
    stdin.on('end', cancel);
    stdin.resume();
  });
}

/** The terminal would show what is typed, and the person would not see the question. */
function noWayToAsk(): CredentialError {
  return new CredentialError(
    'NoTerminal',
    400,
    'To be asked, leave stderr on the terminal: do not redirect it.',
  );
}
