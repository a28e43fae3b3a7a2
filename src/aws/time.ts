const ISO_8601 = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?) ?(Z|UTC|[+-]\d\d:?\d\d)?$/i;

/**
 * A time as AWS's tools write it into files, in milliseconds since the epoch; undefined where it is not one. Beyond
 * RFC 3339 there are `2020-06-17T10:02:08UTC` (older CLIs) and times without a zone, which are UTC (aws-mfa).
 */
export function parseTime(text: unknown): number | undefined {
  const [, date, time, zone = 'Z'] = ISO_8601.exec(typeof text === 'string' ? text.trim() : '') ?? [];
  const parsed = Date.parse(`${date}T${time}${/^(z|utc)$/i.test(zone) ? 'Z' : zone}`);
  return Number.isFinite(parsed) ? parsed : undefined;
}

/** `YYYY-MM-DDTHH:MM:SSZ`, as the AWS CLI writes times. */
export function wireSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
