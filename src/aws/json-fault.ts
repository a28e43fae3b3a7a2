const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
const DEEPEST = 100;

/**
 * The offset at which a text stops being JSON (RFC 8259), or undefined where it is JSON: Node's own message says so
 * only at times, and differently in each version.
 */
export function jsonFault(text: string): number | undefined {
  let at = 0;

  function takes(token: RegExp): boolean {
    token.lastIndex = at;
    const found = token.test(text);
    if (found) at = token.lastIndex;
    return found;
  }

  function takesChar(char: string): boolean {
    takes(SPACE);
    if (text[at] !== char) return false;
    at++;
    return true;
  }

  function value(depth: number): boolean {
    takes(SPACE);
    if (depth > DEEPEST) return false;
    if (takesChar('{')) return listed('}', () => member(depth));
    if (takesChar('[')) return listed(']', () => value(depth + 1));
    return takes(STRING) || takes(SCALAR);
  }

  function member(depth: number): boolean {
    takes(SPACE);
    return takes(STRING) && takesChar(':') && value(depth + 1);
  }

  function listed(end: string, element: () => boolean): boolean {
    if (takesChar(end)) return true;
    do if (!element()) return false;
    while (takesChar(','));
    return takesChar(end);
  }

  const whole = value(0);
  takes(SPACE);
  return whole && at === text.length ? undefined : at;
}
