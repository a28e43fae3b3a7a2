const FARTHEST = 3;

/** Of these names the one that was probably meant: mistyped in a third of its letters at most, or begun. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const typed = name.toLowerCase();
  let best: { name: string; distance: number } | undefined;
  let begun: string | undefined;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    if (typed.length > 1 && lower.startsWith(typed)) begun ??= candidate;
    const most = Math.min(FARTHEST, Math.floor(Math.max(typed.length, lower.length) / 3));
    if (Math.abs(typed.length - lower.length) > most) continue;
    const distance = editDistance(typed, lower);
    if (distance <= most && distance < (best?.distance ?? FARTHEST + 1)) best = { name: candidate, distance };
  }
  return best?.name ?? begun;
}

/** A sentence for one who may have mistyped the name, with the space behind it. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = nearest(name, known);
  return meant === undefined ? '' : `Did you mean "${meant}"? `;
}

/** Letters left out, added, changed, or swapped with the next one (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        changed,
        (above[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? 0;
}
