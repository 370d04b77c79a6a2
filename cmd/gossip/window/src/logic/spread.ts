// How a message came to the nodes: what was seen, or what the tree suggests.

import type { Delivery } from "../api/types";

export interface Step {
  from: string;
  to: string;
  hop: number; // of `to`; the origin has hop 0
}

export interface Spread {
  origin: string;
  steps: Step[]; // by hop
  seen: boolean; // every step was reported by a node; otherwise it is a guess from the links
}

export interface Neighbours {
  // of a node, those that its tree links lead to first
  (id: string): readonly { id: string; tree: boolean }[];
}

// fromDeliveries takes what nodes reported. Nodes that do not say by whom are left out.
export function fromDeliveries(origin: string, deliveries: Iterable<Delivery>): Spread {
  const steps: Step[] = [];
  for (const d of deliveries) if (d.via && d.node !== origin) steps.push({ from: d.via, to: d.node, hop: Math.max(1, d.hops) });
  steps.sort((a, b) => a.hop - b.hop);
  return { origin, steps, seen: true };
}

// alongTree guesses: each node gets it over tree links from the nearest that has it,
// and over any link if no tree link leads to it.
export function alongTree(origin: string, neighbours: Neighbours): Spread {
  const hop = new Map([[origin, 0]]);
  const steps: Step[] = [];
  let frontier = [origin];
  for (const treeOnly of [true, false]) {
    if (!treeOnly) frontier = [...hop.keys()];
    while (frontier.length > 0) {
      const next: string[] = [];
      for (const from of frontier) {
        for (const n of neighbours(from)) {
          if (hop.has(n.id) || (treeOnly && !n.tree)) continue;
          hop.set(n.id, hop.get(from)! + 1);
          steps.push({ from, to: n.id, hop: hop.get(n.id)! });
          next.push(n.id);
        }
      }
      frontier = next;
    }
  }
  steps.sort((a, b) => a.hop - b.hop);
  return { origin, steps, seen: false };
}

// pathTo is the way that a spread took to one node, the origin first.
export function pathTo(spread: Spread, node: string): Step[] {
  const into = new Map(spread.steps.map((s) => [s.to, s]));
  const path: Step[] = [];
  for (let at = node; into.has(at) && path.length <= spread.steps.length; at = into.get(at)!.from) path.unshift(into.get(at)!);
  return path;
}

// toOneNode is what a single agent knows of a message: it came by `via`, if that is told,
// after so many hops. How it got there is guessed: along the tree, or along any links if that way is
// of a length that is nearer to the truth; never through this node.
export function toOneNode(origin: string, via: string | undefined, hops: number, self: string, neighbours: Neighbours): Spread {
  if (!via && hops === 0) return { origin, steps: [], seen: true }; // its own
  if (!via) return { origin, steps: pathTo(alongTree(origin, neighbours), self), seen: false };
  const without = (alike: boolean): Neighbours => (id) =>
    id === self ? [] : neighbours(id).filter((n) => n.id !== self).map((n) => ({ id: n.id, tree: alike || n.tree }));
  let steps: Step[] = [];
  if (via !== origin) {
    const [tree, any] = [false, true].map((alike) => pathTo(alongTree(origin, without(alike)), via));
    const error = (path: Step[]) => Math.abs(path.length + 1 - hops);
    steps = error(any) < error(tree) ? any : tree;
  }
  const hop = (steps.at(-1)?.hop ?? 0) + 1;
  return { origin, steps: [...steps, { from: via, to: self, hop }], seen: via === origin };
}
