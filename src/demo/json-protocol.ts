import { randomUUID } from 'node:crypto';
import type { Reply, ServiceError } from './protocol.js';

/** The success answer of AWS's REST-JSON protocol. https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html */
export const jsonReply = (body: object): Reply => reply(200, body);

export const jsonRefusal = ({ status, code, message }: ServiceError): Reply =>
  reply(
    status,
    { message, __type: `com.amazonaws.switchboard.portal#${code}` },
    { 'x-amzn-ErrorType': code },
  );

export function reply(status: number, body: object, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'x-amzn-RequestId': randomUUID(), ...headers },
    body: JSON.stringify(body),
  };
}
