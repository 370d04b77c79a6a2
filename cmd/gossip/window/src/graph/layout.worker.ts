// Where the nodes stand. Runs in a worker of its own, so that the page stays smooth.
// Nodes keep their places when the overlay changes; new ones start beside a neighbour.

import { forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";

export interface Task {
  round: number;
  ids: string[];
  ends: Uint32Array;
  tree: Uint8Array;
  quiet: boolean; // only the end result is wanted
  at?: Float32Array<ArrayBuffer>; // where the nodes stood when the graph was last seen; NaN: were not there
}

export interface Placed {
  round: number;
  xy: Float32Array<ArrayBuffer>; // in the order of Task.ids
  settled: boolean;
}

interface Body extends SimulationNodeDatum {
  id: string;
  x: number;
  y: number;
}
type Spring = SimulationLinkDatum<Body> & { tree: boolean };

const stillBelow = 0.015; // of d3-force's alpha: movements are then below a pixel
const postEvery = 50; // ms
const worker = self as unknown as { postMessage(m: Placed, transfer: Transferable[]): void; onmessage: ((e: MessageEvent<Task>) => void) | null };

let bodies = new Map<string, Body>();
let task: Task | undefined;
let linksBefore = new Set<string>();
let running = false;

const simulation = forceSimulation<Body>([]).stop().velocityDecay(0.5).alphaDecay(0.028).alpha(0);

worker.onmessage = (e) => {
  const first = bodies.size === 0;
  task = e.data;
  const changed = take(task);
  if (first && !task.at) {
    simulation.alpha(1);
    simulation.tick(Math.min(80, 40_000 / (task.ids.length + 1))); // the first sight should have a shape
  } else if (changed > 0 || first) {
    simulation.alpha(Math.max(simulation.alpha(), Math.min(0.6, 0.06 + changed)));
  }
  if (!running) {
    running = true;
    void run();
  }
};

// take makes the simulation one of the task's graph, and returns what part is new.
function take(t: Task): number {
  const before = bodies;
  const list: Body[] = [];
  bodies = new Map();
  const fresh: number[] = [];
  t.ids.forEach((id, i) => {
    const known = before.get(id);
    const body = known ?? { id, x: t.at?.[2 * i] ?? NaN, y: t.at?.[2 * i + 1] ?? NaN };
    if (!known) fresh.push(i);
    bodies.set(id, body);
    list.push(body);
  });
  const springs: Spring[] = [];
  const links = new Set<string>();
  const near = new Map<number, Body>();
  const again = t.at !== undefined && t.at.some((v) => !Number.isNaN(v));
  let changed = (again ? 0 : fresh.length) + Math.max(0, before.size - (t.ids.length - fresh.length));
  for (let i = 0; i < t.tree.length; i++) {
    const [a, b] = [t.ends[2 * i], t.ends[2 * i + 1]];
    springs.push({ source: list[a], target: list[b], tree: t.tree[i] === 1 });
    const name = t.ids[a] < t.ids[b] ? `${t.ids[a]}\n${t.ids[b]}\n${t.tree[i]}` : `${t.ids[b]}\n${t.ids[a]}\n${t.tree[i]}`;
    links.add(name);
    if (!again && !linksBefore.has(name)) changed += 0.5;
    if (!Number.isNaN(list[a].x)) near.set(b, list[a]);
    if (!Number.isNaN(list[b].x)) near.set(a, list[b]);
  }
  linksBefore = links;
  if (before.size === 0 && list.length > 0 && !again) seedTree(t, list);
  for (const i of fresh) {
    if (!Number.isNaN(list[i].x)) continue;
    const angle = angleOf(t.ids[i]);
    const by = near.get(i);
    const distance = by ? 12 : 14 * Math.sqrt(list.length);
    list[i].x = (by?.x ?? 0) + distance * Math.cos(angle);
    list[i].y = (by?.y ?? 0) + distance * Math.sin(angle);
  }
  // Tree links are springs that pull, so that the tree shows; the others hardly do.
  simulation
    .nodes(list)
    .force("charge", forceManyBody<Body>().strength(list.length > 300 ? -28 : -90).theta(1.1).distanceMax(700))
    .force(
      "link",
      forceLink<Body, Spring>(springs)
        .distance((s) => (s.tree ? 26 : 70))
        .strength((s) => (s.tree ? 0.6 : list.length > 300 ? 0.002 : 0.012)),
    )
    .force("x", forceX<Body>(0).strength(0.035))
    .force("y", forceY<Body>(0).strength(0.05));
  return changed / Math.max(1, list.length);
}

// seedTree starts a layout with the tree unfolded: each branch gets a sector as wide as
// it has nodes. Forces alone would leave it in a tangle.
function seedTree(t: Task, list: Body[]) {
  const adjacent: number[][] = list.map(() => []);
  for (let i = 0; i < t.tree.length; i++) {
    if (t.tree[i] !== 1) continue;
    adjacent[t.ends[2 * i]].push(t.ends[2 * i + 1]);
    adjacent[t.ends[2 * i + 1]].push(t.ends[2 * i]);
  }
  // From the middle of the tree: the middle of one of its longest ways.
  const { order } = breadthFirst(adjacent, 0);
  const end = breadthFirst(adjacent, order[order.length - 1]);
  const way: number[] = [];
  for (let at = end.order[end.order.length - 1]; at >= 0; at = end.parent[at]) way.push(at);
  const tree = breadthFirst(adjacent, way[way.length >> 1]);
  const weight = new Float64Array(list.length).fill(1);
  for (const i of [...tree.order].reverse()) if (tree.parent[i] >= 0) weight[tree.parent[i]] += weight[i];
  const from = new Float64Array(list.length);
  const next = new Float64Array(list.length); // where the next child's sector begins
  const width = new Float64Array(list.length);
  const depth = new Uint16Array(list.length);
  const step = (13 * Math.sqrt(order.length)) / Math.max(2, way.length / 2);
  for (const i of tree.order) {
    const p = tree.parent[i];
    let share = 2 * Math.PI;
    if (p >= 0) {
      share = width[p] * (weight[i] / (weight[p] - 1));
      from[i] = next[p];
      next[p] += share;
      depth[i] = depth[p] + 1;
    }
    width[i] = share;
    next[i] = from[i];
    const angle = from[i] + share / 2;
    list[i].x = step * depth[i] * Math.cos(angle);
    list[i].y = step * depth[i] * Math.sin(angle);
  }
}

function breadthFirst(adjacent: readonly number[][], root: number): { order: number[]; parent: Int32Array } {
  const parent = new Int32Array(adjacent.length).fill(-2); // -2: not reached
  parent[root] = -1;
  const order = [root];
  for (let i = 0; i < order.length; i++) {
    for (const to of adjacent[order[i]]) {
      if (parent[to] !== -2) continue;
      parent[to] = order[i];
      order.push(to);
    }
  }
  return { order, parent };
}

async function run() {
  while (simulation.alpha() > stillBelow) {
    const round = task!.round;
    const end = performance.now() + postEvery;
    do simulation.tick();
    while (performance.now() < end && simulation.alpha() > stillBelow);
    if (!task!.quiet) post(round, false);
    await new Promise((resolve) => setTimeout(resolve, 0)); // let new tasks in
  }
  running = false;
  post(task!.round, true);
}

function post(round: number, settled: boolean) {
  const list = simulation.nodes();
  const xy = new Float32Array(2 * list.length);
  list.forEach((b, i) => {
    xy[2 * i] = b.x;
    xy[2 * i + 1] = b.y;
  });
  worker.postMessage({ round, xy, settled }, [xy.buffer]);
}

// angleOf is an angle that a name always gets (FNV-1a).
function angleOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h ^= h >>> 15;
  return ((Math.imul(h, 0x85ebca6b) >>> 0) / 2 ** 32) * 2 * Math.PI;
}
