// An overlay with its nodes numbered, so that the rest can work with indices.

import type { Overlay, OverlayNode } from "../api/types";

export interface Network {
  at: string;
  complete: boolean;
  asked: number;
  limit: number;
  nodes: readonly OverlayNode[];
  index: ReadonlyMap<string, number>;
  selfIndex: number; // -1 if it is not there
  ends: Uint32Array; // two of each link
  tree: Uint8Array; // 1 for a link that carries messages at once
  adjacent: readonly { node: number; tree: boolean }[][];
  viewOf: ReadonlyMap<number, readonly number[]>;
  viewedBy: readonly number[][];
  inDegree: Int32Array;
}

// indexOverlay numbers nodes in the order of the overlay. Links and views that name
// nobody in it, and links that are told by both ends, are dropped.
export function indexOverlay(o: Overlay | null): Network {
  const nodes: OverlayNode[] = [];
  const index = new Map<string, number>();
  for (const n of o?.nodes ?? []) {
    if (index.has(n.id)) continue;
    index.set(n.id, nodes.length);
    nodes.push(n);
  }
  const ends: number[] = [];
  const tree: number[] = [];
  const adjacent: { node: number; tree: boolean }[][] = nodes.map(() => []);
  const seen = new Map<number, number>();
  for (const l of o?.links ?? []) {
    const a = index.get(l.a);
    const b = index.get(l.b);
    if (a === undefined || b === undefined || a === b) continue;
    const name = Math.min(a, b) * nodes.length + Math.max(a, b);
    const at = seen.get(name);
    if (at !== undefined) {
      if (l.tree) tree[at] = 1; // one end sends on it at once
      continue;
    }
    seen.set(name, tree.length);
    ends.push(a, b);
    tree.push(l.tree ? 1 : 0);
  }
  for (let i = 0; i < tree.length; i++) {
    const [a, b] = [ends[2 * i], ends[2 * i + 1]];
    adjacent[a].push({ node: b, tree: tree[i] === 1 });
    adjacent[b].push({ node: a, tree: tree[i] === 1 });
  }
  const viewOf = new Map<number, number[]>();
  const viewedBy: number[][] = nodes.map(() => []);
  const inDegree = new Int32Array(nodes.length);
  for (const v of o?.views ?? []) {
    const from = index.get(v.from);
    if (from === undefined || viewOf.has(from)) continue;
    const to: number[] = [];
    for (const id of v.to) {
      const i = index.get(id);
      if (i === undefined) continue;
      to.push(i);
      viewedBy[i].push(from);
      inDegree[i]++;
    }
    viewOf.set(from, to);
  }
  return {
    at: o?.at ?? "",
    complete: o?.complete ?? false,
    asked: o?.asked ?? 0,
    limit: o?.limit ?? 0,
    nodes,
    index,
    selfIndex: nodes.findIndex((n) => n.self),
    ends: Uint32Array.from(ends),
    tree: Uint8Array.from(tree),
    adjacent,
    viewOf,
    viewedBy,
    inDegree,
  };
}

// inDegrees are those that mean something: if only some views are known, a node that
// nobody known has in its view says little, but it belongs to the picture.
export const inDegrees = (n: Network): number[] => (n.viewOf.size === 0 ? [] : Array.from(n.inDegree));

// parts counts the connected components of the links, and the nodes of the largest.
export function parts(n: Network): { count: number; largest: number } {
  const seen = new Uint8Array(n.nodes.length);
  let count = 0;
  let largest = 0;
  for (let start = 0; start < n.nodes.length; start++) {
    if (seen[start]) continue;
    count++;
    let size = 0;
    const todo = [start];
    seen[start] = 1;
    while (todo.length > 0) {
      const at = todo.pop()!;
      size++;
      for (const { node } of n.adjacent[at]) {
        if (seen[node]) continue;
        seen[node] = 1;
        todo.push(node);
      }
    }
    largest = Math.max(largest, size);
  }
  return { count, largest };
}
