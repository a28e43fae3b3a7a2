type Unit = readonly [name: string, size: number, finer?: string, step?: number];

const SECONDS: Unit = ['s', 1000];
/** An hour or a day is too much to leave out: of these the next smaller unit is said too. */
const UNITS: readonly Unit[] = [
  ['day', 86_400_000, 'h', 3_600_000],
  ['h', 3_600_000, 'min', 60_000],
  ['min', 60_000],
  SECONDS,
];

/** `in 43 min`, `2 h 5 min ago`; both times in milliseconds since the epoch. */
export function until(time: number, now: number): string {
  const distance = Math.abs(time - now);
  const [, size, finer, step = size] = unitOf(distance);
  const rest = Math.floor((distance % size) / step);
  const amount = rest > 0 ? `${span(distance)} ${rest} ${finer}` : span(distance);
  return time >= now ? `in ${amount}` : `${amount} ago`;
}

/** `41 days`, of milliseconds: the largest unit alone. */
export function span(distance: number): string {
  const [unit, size] = unitOf(distance);
  const count = Math.floor(distance / size);
  return `${count} ${unit}${unit === 'day' && count !== 1 ? 's' : ''}`;
}

function unitOf(distance: number): Unit {
  return UNITS.find(([, size]) => distance >= size) ?? SECONDS;
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
