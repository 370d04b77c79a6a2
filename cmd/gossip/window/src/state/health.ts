import { signal } from "@preact/signals";
import { get } from "../api/client";
import { follow, sleep } from "../api/follow";
import type { Clock, NodeEvent, Stats } from "../api/types";
import { nameOf } from "../logic/counters";
import { addSample, type Sample } from "../logic/rates";

const pollEvery = 2000; // ms
const mostSamples = 150; // five minutes
const mostEvents = 200;

export const history = signal<readonly Sample[]>([]);
export const events = signal<readonly (NodeEvent & { key: number })[]>([]); // newest first
export const clock = signal<Clock>({});

export async function pollStats(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const stats = await get<Stats>("v1/stats", signal);
      history.value = addSample(history.value, { at: performance.now(), stats }, mostSamples, nameOf(stats, "delivered") ?? "");
    } catch {
      // watchSelf tells when the agent is gone
    }
    await sleep(pollEvery, signal);
  }
}

export async function pollClock(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      clock.value = (await get<{ clock: Clock | null }>("v1/clock", signal)).clock ?? {};
    } catch {
      // as above
    }
    await sleep(pollEvery, signal);
  }
}

let keys = 0;

export async function followEvents(signal: AbortSignal): Promise<void> {
  await follow({
    path: () => "v1/events?latest=100", // those that came while nobody looked
    signal,
    onEvent: (e) => {
      const event = JSON.parse(e.data) as NodeEvent;
      const had = (x: NodeEvent) => x.at === event.at && x.kind === event.kind && x.peer?.id === event.peer?.id && x.from === event.from;
      if (event.kind && !events.value.some(had)) events.value = [{ ...event, key: keys++ }, ...events.value].slice(0, mostEvents);
    },
  });
}
