const UNITS = [
  ['day', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `in 43 min`, `2 h ago`; both times in milliseconds since the epoch. */
export function until(time: number, now: number): string {
  const amount = span(Math.abs(time - now));
  return time >= now ? `in ${amount}` : `${amount} ago`;
}

/** `41 days`, of milliseconds: the largest unit alone. */
export function span(distance: number): string {
  const [unit, size] = UNITS.find(([, size]) => distance >= size) ?? ['s', 1000];
  const count = Math.floor(distance / size);
  return `${count} ${unit}${unit === 'day' && count !== 1 ? 's' : ''}`;
}

/** Columns under their headings, as wide as what stands in them. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    rows.reduce((most, row) => Math.max(most, width(row[column] ?? '')), width(heading)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  return [line(headings), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

/** How many cells a terminal gives it. */
function width(text: string): number {
  const plain = text.normalize('NFC').replace(/\p{Mark}/gu, '');
  return [...plain].length + (plain.match(WIDE)?.length ?? 0);
}

/** Control characters of a profile's name or a process's message must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
