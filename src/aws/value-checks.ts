import type { ConfigSection } from './config-section.js';
import { isRegion } from './site.js';

export interface Finding {
  /** The key at which it shows. */
  key?: string;
  message: string;
}

const SHORTEST = 900;
const LONGEST = 12 * 3600;
/** The least and most characters of `SerialNumber` in the STS API: an ARN, or what stands on a hardware device. */
const SERIAL = /^(arn:[\w-]+:iam::\d{12}:(mfa|sms-mfa|u2f)\/\S+|[\w+=/,.@-]{9,256})$/;
const ROLE = /^arn:[\w-]+:iam::\d{12}:role\/\S+$/;
const ACCOUNT = /^\d{12}$/;
const REGION = /^([a-z]+(-[a-z]+)+-\d+|aws-global)$/;

/** Values that no tool can use. Each says what will happen; none quotes more of a value than its harmless kind allows. */
export const VALUE_CHECKS: readonly ((section: ConfigSection) => Finding | undefined)[] = [
  duration,
  shaped('role_arn', ROLE, {
    looks: 'arn:aws:iam::123456789012:role/NAME',
    so: 'AWS will answer ValidationError',
  }),
  shaped('mfa_serial', SERIAL, {
    looks: 'arn:aws:iam::123456789012:mfa/NAME, or the number of the device',
    so: 'AWS will refuse every code',
  }),
  shaped('sso_account_id', ACCOUNT, {
    looks: '123456789012 (twelve digits, zeros in front too)',
    so: 'Identity Center will refuse it',
  }),
  region('region'),
  region('sso_region'),
];

/** A duration counts for roles alone. */
function duration(section: ConfigSection): Finding | undefined {
  const key = 'duration_seconds';
  const text = section.text(key);
  if (text === undefined || !section.has('role_arn')) return undefined;
  if (!/^\d+$/.test(text))
    return { key, message: `${key} is not a whole number: it is ignored, and sessions last an hour` };
  if (Number(text) < SHORTEST)
    return { key, message: `${key} is below ${SHORTEST}: AWS will answer ValidationError; raise it` };
  if (Number(text) > LONGEST) {
    const chained =
      'behind another role or a sign-in, where sessions last at most an hour, credd asks for that';
    return {
      key,
      message: `${key} is above ${LONGEST} (12 h): AWS will answer ValidationError; lower it (${chained})`,
    };
  }
  return undefined;
}

function shaped(key: string, shape: RegExp, { looks, so }: { looks: string; so: string }) {
  return (section: ConfigSection): Finding | undefined => {
    const text = section.text(key);
    if (text === undefined || shape.test(text)) return undefined;
    return { key, message: `${key} does not look like ${looks}: ${so}; correct it` };
  };
}

/** An emulator may have regions of its own. */
function region(key: string) {
  return (section: ConfigSection): Finding | undefined => {
    const text = section.text(key);
    if (text === undefined || REGION.test(text)) return undefined;
    if (!isRegion(text))
      return { key, message: `${key} is no region's name: every tool will refuse it; write it as eu-west-1` };
    if (section.has('endpoint_url') || section.has('services')) return undefined;
    return {
      key,
      message: `${key} is not written as AWS's regions are: calls will go to hosts that do not exist; write it as eu-west-1`,
    };
  };
}
