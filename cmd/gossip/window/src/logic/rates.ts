// Counters over time.

import type { Stats } from "../api/types";

export interface Sample {
  at: number; // ms, of any clock that does not jump
  stats: Stats;
}

// addSample keeps the latest `most`. If the counter named went back, the node has
// been started anew, and what is from before says nothing about it.
export function addSample(history: readonly Sample[], next: Sample, most: number, counter: string): Sample[] {
  const last = history.at(-1);
  const restarted = last !== undefined && (next.stats[counter] ?? 0) < (last.stats[counter] ?? 0);
  return [...(restarted ? [] : history), next].slice(-most);
}

// rateOf is the growth of a counter per second, over the last `span` ms or what there is.
export function rateOf(history: readonly Sample[], name: string, span: number): number {
  const last = history.at(-1);
  if (!last) return 0;
  const first = history.find((s) => s.at >= last.at - span)!;
  const time = last.at - first.at;
  return time > 0 ? (Math.max(0, (last.stats[name] ?? 0) - (first.stats[name] ?? 0)) * 1000) / time : 0;
}

// rates between neighbouring samples, for a curve.
export function ratesOf(history: readonly Sample[], name: string): number[] {
  const out: number[] = [];
  for (let i = 1; i < history.length; i++) out.push(rateOf(history.slice(i - 1, i + 1), name, Infinity));
  return out;
}
