import { cpus, totalmem } from 'node:os';

export function machine(): string {
  const [cpu] = cpus();
  return `Node ${process.version}, ${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** `what: ours, theirs, ratio (aim)`: the figure to quote is the ratio. */
export function row(what: string, ours: string, theirs: string, ratio?: number, aim = ''): void {
  const figure = ratio === undefined ? '' : ratio.toFixed(2);
  console.log(`${what.padEnd(44)}${ours.padStart(16)}${theirs.padStart(16)}${figure.padStart(8)}  ${aim}`);
}
