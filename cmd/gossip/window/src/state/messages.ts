// The latest messages, as this node delivered them.

import { signal } from "@preact/signals";
import { follow } from "../api/follow";
import { readMessage } from "../api/read";
import type { Delivery, Message } from "../api/types";

// Bounds: guesses. A message with its clock takes about a kilobyte here.
const mostMessages = 2000;
const mostWatched = 200; // messages whose deliveries are kept
const publishEvery = 120; // ms
const latest = 500; // messages of before that a page begins with

export const messages = signal<readonly Message[]>([]); // oldest first
export const missed = signal({ count: 0, unknown: false }); // that were not kept until they were asked for
export const seesAll = signal<boolean | null>(null); // deliveries of other nodes are told; null: not known yet
export const told = signal(0); // grows when deliveries were told

let list: Message[] = [];
const byID = new Map<string, Message>();
const deliveries = new Map<string, Map<string, Delivery>>(); // message, node
const listeners = new Set<(m: Message) => void>();
let telling: ReturnType<typeof setTimeout> | undefined;
let publishing: ReturnType<typeof setTimeout> | undefined;
let lastID = "";

// forget makes room for what another node tells: it has an order of its own.
export function forget(): void {
  list = [];
  byID.clear();
  deliveries.clear();
  lastID = "";
  messages.value = [];
  missed.value = { count: 0, unknown: false };
}

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
    path: (after) => (after ? "v1/messages" : `v1/messages?latest=${latest}`),
    signal,
    lastEventId: lastID,
    onState: (s) => (s === "open" ? (opened = performance.now()) : onLost()),
    onEvent: (e) => {
      lastID = e.id;
      const told = readMessage(e.event, e.data);
      if (told === null) return;
      if ("missed" in told) {
        missed.value = { count: missed.value.count + told.missed, unknown: missed.value.unknown || told.unknown };
        return;
      }
      // What comes within a moment of the opening was delivered before it.
      add(told.message, performance.now() - opened > 500);
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
      telling ??= setTimeout(() => {
        telling = undefined;
        told.value++;
      }, publishEvery);
    },
  });
  if (!supported) seesAll.value = false;
}
