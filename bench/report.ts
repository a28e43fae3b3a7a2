import { cpus, totalmem } from 'node:os';

export function machine(): string {
  const [cpu] = cpus();
  return `Node ${process.version}, ${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** `what: ours, theirs, ratio (aim)`: the figure to quote is the ratio. */
export function row(what: string, ours: string, theirs: string, ratio?: number, aim = ''): void {
  const figure = ratio === undefined ? '' : ratio.toFixed(2);
  console.log(`${what.padEnd(44)}${ours.padStart(16)}${theirs.padStart(16)}${figure.padStart(8)}  ${aim}`);
}

/** The median of each column: ours, theirs, their ratio. */
export function columns(rows: readonly (readonly number[])[]): [number, number, number] {
  const column = (index: number) => median(rows.map((values) => values[index] ?? Number.NaN));
  return [column(0), column(1), column(2)];
}

export function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 0)} ms`;
}
