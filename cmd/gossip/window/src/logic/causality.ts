// What happened before what, from the clocks alone.

import { lifeKey } from "../api/read";
import type { Clock } from "../api/types";

export interface Stamped {
  id: string;
  origin: string;
  incarnation: string;
  seq: number;
  clock?: Clock | null;
}

// rankIn is how many messages of a message's origin a clock counts: of that life, or
// of all lives where a clock does not tell them apart.
function rankIn(clock: Clock, m: Stamped): number {
  return clock[lifeKey(m.origin, m.incarnation)] ?? clock[m.origin] ?? 0;
}

function ownRank(m: Stamped): number {
  return m.clock ? rankIn(m.clock, m) || m.seq : m.seq;
}

// happenedBefore tells whether a is in the causal past of b. By the definition of
// vector clocks it is enough to look at a's own entry (Mattern 1989).
export function happenedBefore(a: Stamped, b: Stamped): boolean {
  if (a.id === b.id) return false;
  if (a.origin === b.origin && a.incarnation === b.incarnation) return a.seq < b.seq;
  return !!b.clock && rankIn(b.clock, a) >= ownRank(a);
}

export function concurrent(a: Stamped, b: Stamped): boolean {
  return a.id !== b.id && !happenedBefore(a, b) && !happenedBefore(b, a);
}

export interface Diagram<M extends Stamped> {
  lanes: string[]; // origins, in the order in which they first spoke
  columns: number;
  events: DiagramEvent<M>[]; // in an order that causality allows
  byID: Map<string, DiagramEvent<M>>;
}

export interface DiagramEvent<M extends Stamped> {
  message: M;
  lane: number;
  column: number; // the longest way from a message without a past in the diagram
  causes: string[]; // the transitive reduction: what it directly follows
}

// diagram lays messages out. Messages of one column are concurrent with each other.
export function diagram<M extends Stamped>(messages: readonly M[]): Diagram<M> {
  const order = causalOrder(messages);
  const lanes: string[] = [];
  const laneOf = new Map<string, number>();
  const byID = new Map<string, DiagramEvent<M>>();
  const events: DiagramEvent<M>[] = [];
  const spoken = new Map<string, M[]>(); // by life of an origin, oldest first
  let columns = 0;
  for (const m of order) {
    if (!laneOf.has(m.origin)) {
      laneOf.set(m.origin, lanes.length);
      lanes.push(m.origin);
    }
    const causes = directCauses(m, spoken);
    let column = 0;
    for (const c of causes) column = Math.max(column, byID.get(c.id)!.column + 1);
    const event = { message: m, lane: laneOf.get(m.origin)!, column, causes: causes.map((c) => c.id) };
    events.push(event);
    byID.set(m.id, event);
    columns = Math.max(columns, column + 1);
    const life = `${m.origin}/${m.incarnation}`;
    const own = spoken.get(life);
    if (own) own.push(m);
    else spoken.set(life, [m]);
  }
  return { lanes, columns, events, byID };
}

// directCauses are the maximal elements of a message's past. Messages of one origin
// are totally ordered, so each of them is the last of its origin's in that past.
function directCauses<M extends Stamped>(m: M, spoken: Map<string, M[]>): M[] {
  const last: M[] = [];
  for (const own of spoken.values()) {
    for (let i = own.length - 1; i >= 0; i--) {
      if (!happenedBefore(own[i], m)) continue;
      last.push(own[i]);
      break;
    }
  }
  return last.filter((a) => !last.some((b) => happenedBefore(a, b)));
}

// causalOrder sorts so that whatever happened before a message stands before it. A
// sum of counts grows along happened-before, and ties are concurrent.
export function causalOrder<M extends Stamped>(messages: readonly M[]): M[] {
  const sums = new Map<string, number>();
  for (const m of messages) {
    let sum = 0;
    if (m.clock) for (const n of Object.values(m.clock)) sum += n;
    sums.set(m.id, sum || m.seq);
  }
  return [...messages].sort((a, b) => {
    if (a.origin === b.origin && a.incarnation === b.incarnation) return a.seq - b.seq;
    return sums.get(a.id)! - sums.get(b.id)!;
  });
}

export interface Relations {
  past: Set<string>;
  future: Set<string>;
  concurrent: Set<string>;
}

export function relations(chosen: Stamped, among: readonly Stamped[]): Relations {
  const r: Relations = { past: new Set(), future: new Set(), concurrent: new Set() };
  for (const m of among) {
    if (m.id === chosen.id) continue;
    if (happenedBefore(m, chosen)) r.past.add(m.id);
    else if (happenedBefore(chosen, m)) r.future.add(m.id);
    else r.concurrent.add(m.id);
  }
  return r;
}
