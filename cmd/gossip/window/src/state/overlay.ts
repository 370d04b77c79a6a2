// The network as the agent knows it.

import { computed, signal } from "@preact/signals";
import { get } from "../api/client";
import { follow, sleep } from "../api/follow";
import type { Link, Overlay, Self, ViewPeer } from "../api/types";
import { indexOverlay } from "../graph/model";
import { self } from "./session";

const pollEvery = 2000; // ms, of this node's links and view; and of the overlay if it is not streamed

export const overlay = signal<Overlay | null>(null);
export const links = signal<readonly Link[]>([]);
export const view = signal<readonly ViewPeer[]>([]);
export const network = computed(() => indexOverlay(overlay.value));

export async function followOverlay(signal: AbortSignal, onLost: () => void): Promise<void> {
  const streamed = await follow({
    path: () => "v1/overlay",
    signal,
    onState: (s) => s === "lost" && onLost(),
    onEvent: (e) => {
      if (e.event === "message" || e.event === "overlay") overlay.value = JSON.parse(e.data) as Overlay;
    },
  });
  if (streamed) return;
  while (!signal.aborted) {
    try {
      overlay.value = await get<Overlay>("v1/overlay", signal);
    } catch {
      if (signal.aborted) return;
      if (self.value) overlay.value = ownNeighbourhood(self.value, links.value, view.value);
    }
    await sleep(pollEvery, signal);
  }
}

export async function pollNeighbours(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const [l, v] = await Promise.all([get<{ links: Link[] | null }>("v1/links", signal), get<{ peers: ViewPeer[] | null }>("v1/view", signal)]);
      links.value = l.links ?? [];
      view.value = v.peers ?? [];
    } catch {
      // watchSelf tells when the agent is gone
    }
    await sleep(pollEvery, signal);
  }
}

// ownNeighbourhood is what a node knows without asking anybody.
export function ownNeighbourhood(me: Self, links: readonly Link[], view: readonly ViewPeer[]): Overlay {
  const nodes = new Map<string, { id: string; addr: string; self?: boolean; age_ms?: number }>();
  nodes.set(me.id, { id: me.id, addr: me.addr, self: true, age_ms: 0 });
  for (const p of [...links, ...view]) if (!nodes.has(p.id)) nodes.set(p.id, { id: p.id, addr: p.addr });
  return {
    at: new Date().toISOString(),
    complete: false,
    asked: 0,
    limit: 0,
    nodes: [...nodes.values()],
    links: links.map((l) => ({ a: me.id, b: l.id, tree: l.tree })),
    views: [{ from: me.id, to: view.map((p) => p.id) }],
  };
}
