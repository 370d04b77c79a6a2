export interface Bin {
  from: number; // included
  to: number; // excluded
  count: number;
}

// wholeBins counts whole numbers in bins of equal, whole width, at most `most` of them.
export function wholeBins(values: readonly number[], most: number): Bin[] {
  if (values.length === 0) return [];
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const width = Math.max(1, Math.ceil((high - low + 1) / most));
  const bins: Bin[] = [];
  for (let from = low; from <= high; from += width) bins.push({ from, to: from + width, count: 0 });
  for (const v of values) bins[Math.floor((v - low) / width)].count++;
  return bins;
}

// latencySteps are the bounds of latency bins in milliseconds: 1, 2, 5 in each decade.
const latencySteps = [0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000, Infinity];

// latencyBins counts milliseconds, from the first bin in use to the last, and at least
// `least` bins.
export function latencyBins(values: readonly number[], least = 8): Bin[] {
  const bins = latencySteps.slice(1).map((to, i) => ({ from: latencySteps[i], to, count: 0 }));
  for (const v of values) {
    const bin = bins.find((b) => v < b.to);
    if (bin) bin.count++;
  }
  let first = bins.findIndex((b) => b.count > 0);
  let last = bins.findLastIndex((b) => b.count > 0);
  if (first < 0) return [];
  while (last - first + 1 < Math.min(least, bins.length)) {
    if (first > 0) first--;
    if (last - first + 1 < least && last < bins.length - 1) last++;
  }
  return bins.slice(first, last + 1);
}

// quantile of values, by the nearest rank; NaN if there are none.
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const n = values.length;
  if (n === 0) return { mean: NaN, deviation: NaN };
  const mean = values.reduce((a, b) => a + b, 0) / n;
  return { mean, deviation: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n) };
}
