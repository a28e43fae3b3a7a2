import { randomUUID } from 'node:crypto';
import { type Reply, ServiceError } from './protocol.js';

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

export type Xml = string | number | undefined | { [element: string]: Xml };

/** The success answer of AWS's query protocol. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html */
export function queryReply(action: string, result: Xml): Reply {
  const requestId = randomUUID();
  const content = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return xmlReply(200, `${action}Response`, content, requestId);
}

export function queryRefusal({ status, code, message }: ServiceError): Reply {
  const requestId = randomUUID();
  const Type = status < 500 ? 'Sender' : 'Receiver';
  const content = { Error: { Type, Code: code, Message: message }, RequestId: requestId };
  return xmlReply(status, 'ErrorResponse', content, requestId);
}

function xmlReply(status: number, root: string, content: Xml, requestId: string): Reply {
  return {
    status,
    headers: { 'Content-Type': 'text/xml', 'x-amzn-RequestId': requestId },
    body: `<${root} xmlns="${namespace}">\n${render(content, '  ')}</${root}>\n`,
  };
}

function render(content: Xml, indent: string): string {
  if (typeof content !== 'object') return escapeXml(String(content));
  return Object.entries(content)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      typeof value === 'object'
        ? `${indent}<${name}>\n${render(value, `${indent}  `)}${indent}</${name}>\n`
        : `${indent}<${name}>${render(value, '')}</${name}>\n`,
    )
    .join('');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (char) => entities[char] ?? char);

export const validationError = (message: string) => new ServiceError('ValidationError', 400, message);

function violation(name: string, value: string | undefined, constraint: string): ServiceError {
  const shown = value === undefined ? 'null' : `'${value}'`;
  const member = name[0]?.toLowerCase() + name.slice(1);
  return validationError(
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  );
}

/** The form parameters of one call, read with AWS's constraints and refusals. */
export class QueryParameters {
  readonly #form: URLSearchParams;

  constructor(body: string) {
    this.#form = new URLSearchParams(body);
  }

  optional(name: string): string | undefined {
    return this.#form.get(name) ?? undefined;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw violation(name, undefined, 'not be null');
    return value;
  }

  /** A text of AWS's `[\w+=,.@-]*` names. */
  name(name: string, [min, max]: [number, number] = [2, 64]): string {
    const value = this.required(name);
    if (!/^[\w+=,.@-]*$/.test(value)) {
      throw violation(name, value, 'satisfy regular expression pattern: [\\w+=,.@-]*');
    }
    if (value.length < min) throw violation(name, value, `have length greater than or equal to ${min}`);
    if (value.length > max) throw violation(name, value, `have length less than or equal to ${max}`);
    return value;
  }

  seconds(name: string, [min, max]: [number, number]): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isInteger(value)) throw violation(name, text, 'be an integer');
    if (value < min) throw violation(name, text, `have value greater than or equal to ${min}`);
    if (value > max) throw violation(name, text, `have value less than or equal to ${max}`);
    return value;
  }

  /** The members of a list: `Tags.member.1.Key` is `list('Tags', '.Key')[0]`. */
  list(name: string, suffix = ''): string[] {
    const members: string[] = [];
    for (;;) {
      const member = this.#form.get(`${name}.member.${members.length + 1}${suffix}`);
      if (member === null) return members;
      members.push(member);
    }
  }

  /** Everything but what is secret, for the record of calls. */
  publicEntries(): Record<string, string> {
    const secret = new Set(['TokenCode', 'WebIdentityToken', 'Action', 'Version']);
    return Object.fromEntries([...this.#form].filter(([name]) => !secret.has(name)));
  }
}
