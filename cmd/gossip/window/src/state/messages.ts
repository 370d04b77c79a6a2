// The latest messages, as this node delivered them.

import { signal } from "@preact/signals";
import { follow } from "../api/follow";
import type { Delivery, Message } from "../api/types";

// Bounds: guesses. A message with its clock takes about a kilobyte here.
const mostMessages = 2000;
const mostWatched = 200; // messages whose deliveries are kept
const publishEvery = 120; // ms

export const messages = signal<readonly Message[]>([]); // oldest first
export const missed = signal(0); // that the server had to skip
export const received = signal(0); // since the page was opened
export const seesAll = signal<boolean | null>(null); // deliveries of other nodes are told; null: not known yet

let list: Message[] = [];
const byID = new Map<string, Message>();
const deliveries = new Map<string, Map<string, Delivery>>(); // message, node
const listeners = new Set<(m: Message) => void>();
let publishing: ReturnType<typeof setTimeout> | undefined;
let lastID = "";

export const messageOf = (id: string): Message | undefined => byID.get(id);
export const deliveriesOf = (id: string): ReadonlyMap<string, Delivery> | undefined => deliveries.get(id);

// onMessage calls f with each message that arrives live, not with those of before.
export function onMessage(f: (m: Message) => void): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

export async function followMessages(signal: AbortSignal, onLost: () => void): Promise<void> {
  let opened = 0;
  await follow({
    path: () => "v1/messages",
    signal,
    lastEventId: lastID,
    onState: (s) => (s === "open" ? (opened = performance.now()) : onLost()),
    onEvent: (e) => {
      lastID = e.id;
      const told = JSON.parse(e.data) as Message & { missed?: number };
      if (e.event !== "message" || told.origin === undefined) {
        if (typeof told.missed === "number") missed.value += told.missed;
        return;
      }
      // What comes within a moment of the opening was delivered before it.
      add(told, performance.now() - opened > 500);
    },
  });
}

function add(m: Message, live: boolean): void {
  if (byID.has(m.id)) return;
  byID.set(m.id, m);
  list.push(m);
  while (list.length > mostMessages) byID.delete(list.shift()!.id);
  if (live) for (const f of listeners) f(m);
  publishing ??= setTimeout(() => {
    publishing = undefined;
    received.value += 1;
    messages.value = [...list];
  }, publishEvery);
}

export async function followDeliveries(signal: AbortSignal): Promise<void> {
  const supported = await follow({
    path: () => "v1/deliveries",
    signal,
    onState: (s) => s === "open" && (seesAll.value = true),
    onEvent: (e) => {
      const d = JSON.parse(e.data) as Delivery;
      let of = deliveries.get(d.id);
      if (!of) {
        deliveries.set(d.id, (of = new Map()));
        if (deliveries.size > mostWatched) deliveries.delete(deliveries.keys().next().value!);
      }
      if (!of.has(d.node)) of.set(d.node, d);
    },
  });
  if (!supported) seesAll.value = false;
}
