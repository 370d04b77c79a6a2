// Whether the agent answers, and who it is.

import { signal } from "@preact/signals";
import { APIError, get } from "../api/client";
import { sleep } from "../api/follow";
import type { Self } from "../api/types";

// pollEvery: a guess; a lost connection is noticed within it, or at once if a stream breaks.
const pollEvery = 3000;

export type Connection = "connecting" | "live" | "lost" | "denied";
export const connection = signal<Connection>("connecting");
export const lostSince = signal(0); // ms since the epoch
export const lostWhy = signal("");
export const self = signal<Self | null>(null);

let poke = new AbortController();

// checkNow asks at once instead of at the next turn.
export function checkNow(): void {
  poke.abort();
}

export async function watchSelf(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await get<Self>("v1/self", signal);
      if (self.value?.id !== answer.id || self.value.incarnation !== answer.incarnation || pollShows(self.value, answer)) self.value = answer;
      connection.value = "live";
    } catch (err) {
      if (signal.aborted) return;
      const denied = err instanceof APIError && (err.status === 401 || err.status === 403);
      if (connection.value === "live" || lostSince.value === 0) lostSince.value = Date.now();
      lostWhy.value = err instanceof APIError ? err.message : "No answer.";
      connection.value = denied ? "denied" : "lost";
    }
    poke = new AbortController();
    await sleep(connection.value === "live" ? pollEvery : pollEvery / 2, AbortSignal.any([signal, poke.signal]));
  }
}

// The uptime changes with each poll; a minute's difference is worth drawing again.
function pollShows(a: Self, b: Self): boolean {
  return Math.floor(a.uptime_ms / 60_000) !== Math.floor(b.uptime_ms / 60_000) || a.addr !== b.addr;
}
