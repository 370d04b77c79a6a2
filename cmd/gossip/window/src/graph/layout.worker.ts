// Where the nodes stand. Runs in a worker of its own, so that the page stays smooth.
// Nodes keep their places when the overlay changes; new ones start beside a neighbour.

import { forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";

export interface Task {
  round: number;
  ids: string[];
  ends: Uint32Array;
  tree: Uint8Array;
  quiet: boolean; // only the end result is wanted
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
  if (first) {
    simulation.alpha(1);
    simulation.tick(Math.min(80, 40_000 / (task.ids.length + 1))); // the first sight should have a shape
  } else if (changed > 0) {
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
    const body = known ?? { id, x: NaN, y: NaN };
    if (!known) fresh.push(i);
    bodies.set(id, body);
    list.push(body);
  });
  const springs: Spring[] = [];
  const links = new Set<string>();
  const near = new Map<number, Body>();
  let changed = fresh.length + Math.max(0, before.size - (t.ids.length - fresh.length));
  for (let i = 0; i < t.tree.length; i++) {
    const [a, b] = [t.ends[2 * i], t.ends[2 * i + 1]];
    springs.push({ source: list[a], target: list[b], tree: t.tree[i] === 1 });
    const name = t.ids[a] < t.ids[b] ? `${t.ids[a]}\n${t.ids[b]}\n${t.tree[i]}` : `${t.ids[b]}\n${t.ids[a]}\n${t.tree[i]}`;
    links.add(name);
    if (!linksBefore.has(name)) changed += 0.5;
    if (!Number.isNaN(list[a].x)) near.set(b, list[a]);
    if (!Number.isNaN(list[b].x)) near.set(a, list[b]);
  }
  linksBefore = links;
  const spread = 14 * Math.sqrt(list.length);
  for (const i of fresh) {
    const angle = angleOf(t.ids[i]);
    const by = near.get(i);
    const distance = by ? 12 : spread * Math.sqrt(angleOf(t.ids[i] + "'") / (2 * Math.PI));
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
        .strength((s) => (s.tree ? 0.55 : 0.02)),
    )
    .force("x", forceX<Body>(0).strength(0.035))
    .force("y", forceY<Body>(0).strength(0.05));
  return changed / Math.max(1, list.length);
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
