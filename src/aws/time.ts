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

/** As the AWS CLI writes times into its caches: `YYYY-MM-DDTHH:MM:SSZ`. */
export function cacheTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
