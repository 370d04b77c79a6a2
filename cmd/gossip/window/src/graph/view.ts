// The living graph: keeps places, camera and animations, and draws only when something
// has changed. Two canvases: one of the renderer, and above it one for what is few
// (labels, arrows of views, messages on their way).

import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomBehavior, type ZoomTransform } from "d3-zoom";
import type { Spread } from "../logic/spread";
import { CanvasRenderer } from "./canvas";
import { css, mix, parseHex, type Frame, type LinkStyle, type NodeStyle, type RGB, type Renderer } from "./frame";
import { GLRenderer, hasFastGL } from "./gl";
import type { Placed, Task } from "./layout.worker";
import type { Network } from "./model";

// hopTime is how long a message is shown on a link. It really takes milliseconds.
const hopTime = 320;
const flashTime = 1100;
// mostWaves are shown at once; more are a blur. A guess.
const mostWaves = 3;
// settleTime is how fast nodes glide to where the layout wants them (63 % in it).
const settleTime = 130;
const mostLabels = 45;
// unseen is how far from its place a node may stay, in CSS pixels.
const unseen = 0.15;

interface Wave {
  spread: Spread;
  start: number;
  end: number;
}

export interface Choice {
  node: string | null;
  spread: Spread | null; // of the message that is chosen
}

export interface Callbacks {
  onChoose(id: string | null): void;
  onHover(id: string | null): void;
}

interface Colors {
  background: RGB;
  text: RGB;
  muted: RGB;
  node: RGB;
  accent: RGB;
}

// Node styles, by number. Each has a twin that is dimmed.
const ageStyles = 4;
const hearsay = 4;
const selfStyle = 5;
const dimmed = 6;
// Link styles.
const [faint, plainLink, plainTree, faintTree, strong, strongTree, onPath] = [0, 1, 2, 3, 4, 5, 6];

// remembered is where nodes stood when the graph was left for another page.
let remembered = new Map<string, [number, number]>();

export class GraphView {
  private renderer!: Renderer;
  private base!: HTMLCanvasElement;
  private readonly top: HTMLCanvasElement;
  private readonly topContext: CanvasRenderingContext2D;
  private readonly worker: Worker;
  private readonly resizing: ResizeObserver;
  private readonly zoom: ZoomBehavior<HTMLElement, unknown>;
  private camera: ZoomTransform = zoomIdentity;
  private follows = true; // the camera keeps everything in sight until somebody moves it
  private network: Network | null = null;
  private places = new Map<string, number>();
  private target = new Float32Array(0);
  private placed = false;
  private round = 0;
  private width = 1;
  private height = 1;
  private colors: Colors;
  private choice: Choice = { node: null, spread: null };
  private hovered = -1;
  private waves: Wave[] = [];
  private last = 0;
  private requested = 0;
  private lessMotion = false;
  private stale = true; // styles have to be computed anew
  private bare = true; // the lower canvas shows nothing yet, or not what it should
  private readonly frame: Frame = {
    nodes: 0,
    x: new Float32Array(0),
    y: new Float32Array(0),
    radius: new Float32Array(0),
    nodeStyle: new Uint8Array(0),
    links: 0,
    ends: new Uint32Array(0),
    linkStyle: new Uint8Array(0),
    linkOrder: new Uint32Array(0),
    nodeStyles: [],
    linkStyles: [],
    background: [0, 0, 0],
    camera: { k: 1, x: 0, y: 0 },
    radiusScale: 1,
    stylesVersion: 0,
  };

  constructor(
    private readonly host: HTMLElement,
    private readonly callbacks: Callbacks,
    wanted?: string | null,
  ) {
    this.top = document.createElement("canvas");
    this.topContext = this.top.getContext("2d")!;
    this.colors = readColors(host);
    this.makeRenderer(wanted === "webgl" || (wanted !== "canvas" && hasFastGL()));
    host.append(this.top);
    this.worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = (e: MessageEvent<Placed>) => this.place(e.data);
    this.zoom = zoom<HTMLElement, unknown>()
      .scaleExtent([0.05, 12])
      .on("zoom", (e: { transform: ZoomTransform; sourceEvent: unknown }) => {
        if (e.sourceEvent) this.follows = false;
        this.camera = e.transform;
        this.ask();
      });
    select(host).call(this.zoom).on("dblclick.zoom", null);
    host.addEventListener("pointermove", this.onPointer);
    host.addEventListener("pointerleave", this.onLeave);
    host.addEventListener("click", this.onClick);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.resize();
  }

  get rendererName() {
    return this.renderer.name;
  }

  destroy() {
    remembered = new Map();
    this.network?.nodes.forEach((node, i) => {
      const [x, y] = [this.target[2 * i], this.target[2 * i + 1]];
      if (!Number.isNaN(x)) remembered.set(node.id, [x, y]);
    });
    cancelAnimationFrame(this.requested);
    this.requested = -1;
    this.worker.terminate();
    this.resizing.disconnect();
    this.host.removeEventListener("pointermove", this.onPointer);
    this.host.removeEventListener("pointerleave", this.onLeave);
    this.host.removeEventListener("click", this.onClick);
    select(this.host).on(".zoom", null);
    this.renderer.destroy();
    this.base.remove();
    this.top.remove();
  }

  // show takes a newer overlay.
  show(n: Network) {
    const f = this.frame;
    const before = this.places;
    const [oldX, oldY, oldTarget] = [f.x, f.y, this.target];
    const sameNodes = n.nodes.length === before.size && n.nodes.every((node, i) => before.get(node.id) === i);
    if (!sameNodes) {
      f.x = new Float32Array(n.nodes.length);
      f.y = new Float32Array(n.nodes.length);
      this.target = new Float32Array(2 * n.nodes.length);
      this.places = new Map();
      n.nodes.forEach((node, i) => {
        this.places.set(node.id, i);
        const old = before.get(node.id);
        if (old !== undefined) {
          f.x[i] = oldX[old];
          f.y[i] = oldY[old];
          this.target.set(oldTarget.subarray(2 * old, 2 * old + 2), 2 * i);
          return;
        }
        const place = remembered.get(node.id);
        if (place) {
          [f.x[i], f.y[i]] = place;
          this.target.set(place, 2 * i);
          return;
        }
        // Beside a neighbour until the layout answers.
        const by = n.adjacent[i].map((a) => before.get(n.nodes[a.node].id)).find((p) => p !== undefined);
        f.x[i] = this.target[2 * i] = by === undefined ? NaN : oldX[by];
        f.y[i] = this.target[2 * i + 1] = by === undefined ? NaN : oldY[by];
      });
      if (this.hovered >= 0) this.hovered = -1;
    }
    const sameLinks = sameNodes && this.network !== null && equal(this.network.ends, n.ends) && equal(this.network.tree, n.tree);
    this.network = n;
    if (!sameLinks) {
      const task: Task = { round: ++this.round, ids: n.nodes.map((x) => x.id), ends: n.ends, tree: n.tree, quiet: this.lessMotion };
      if (this.round === 1 && remembered.size > 0) task.at = Float32Array.from(this.target);
      this.worker.postMessage(task);
    }
    this.stale = true;
    this.ask();
  }

  choose(c: Choice) {
    this.choice = c;
    this.stale = true;
    this.ask();
  }

  setMotion(less: boolean) {
    this.lessMotion = less;
    if (less) this.waves = [];
  }

  retheme() {
    this.colors = readColors(this.host);
    this.stale = true;
    this.ask();
  }

  // play shows a message on its way. With reduced motion nothing moves.
  play(spread: Spread): boolean {
    if (this.lessMotion || !this.placed || spread.steps.length === 0 || this.waves.length >= mostWaves) return false;
    const start = performance.now();
    this.waves.push({ spread, start, end: start + spread.steps[spread.steps.length - 1].hop * hopTime + flashTime });
    this.ask();
    return true;
  }

  fit() {
    this.follows = true;
    this.ask();
  }

  zoomBy(factor: number) {
    this.follows = false;
    select(this.host).call(this.zoom.scaleBy, factor);
  }

  panBy(x: number, y: number) {
    this.follows = false;
    select(this.host).call(this.zoom.translateBy, x / this.camera.k, y / this.camera.k);
  }

  // reveal moves the camera so that a node is in sight.
  reveal(id: string) {
    const i = this.places.get(id);
    if (i === undefined || Number.isNaN(this.target[2 * i])) return;
    const [x, y] = this.camera.apply([this.target[2 * i], this.target[2 * i + 1]]);
    const margin = Math.min(60, this.width / 4);
    if (x > margin && y > margin && x < this.width - margin && y < this.height - margin) return;
    this.follows = false;
    select(this.host).call(this.zoom.translateTo, this.target[2 * i], this.target[2 * i + 1]);
  }

  // towards finds the nearest node in a direction, as seen on the screen.
  towards(id: string, dx: number, dy: number): string | null {
    const from = this.places.get(id);
    if (from === undefined || !this.network) return null;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.network.nodes.length; i++) {
      const x = this.target[2 * i] - this.target[2 * from];
      const y = this.target[2 * i + 1] - this.target[2 * from + 1];
      const along = x * dx + y * dy;
      const across = Math.abs(x * dy) + Math.abs(y * dx);
      if (i === from || along <= 0 || across > along * 1.2) continue;
      const cost = along + 2 * across;
      if (cost < least) [least, best] = [cost, i];
    }
    return best < 0 ? null : this.network.nodes[best].id;
  }

  private makeRenderer(gl: boolean) {
    this.base = document.createElement("canvas");
    this.host.prepend(this.base);
    if (gl) {
      try {
        this.renderer = new GLRenderer(this.base, () => this.fallBack());
        return;
      } catch {
        this.base.remove(); // a canvas that has given one context gives no other
        this.base = document.createElement("canvas");
        this.host.prepend(this.base);
      }
    }
    this.renderer = new CanvasRenderer(this.base);
  }

  // fallBack goes on without WebGL when its context is lost.
  private fallBack() {
    if (this.requested === -1 || this.renderer.name === "canvas") return;
    this.base.remove();
    this.makeRenderer(false);
    this.resize();
  }

  private resize() {
    const { width, height } = this.host.getBoundingClientRect();
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.renderer.resize(this.width, this.height, ratio);
    this.top.width = Math.round(this.width * ratio);
    this.top.height = Math.round(this.height * ratio);
    this.topContext.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.bare = true; // canvases forget all when their size is set
    this.ask();
  }

  private place(p: Placed) {
    if (p.round !== this.round || !this.network || p.xy.length !== 2 * this.network.nodes.length) return;
    this.target = p.xy;
    const f = this.frame;
    for (let i = 0; i < this.network.nodes.length; i++) {
      if (this.lessMotion || Number.isNaN(f.x[i])) {
        f.x[i] = p.xy[2 * i];
        f.y[i] = p.xy[2 * i + 1];
        this.bare = true;
      }
    }
    this.placed = true;
    this.ask();
  }

  private ask() {
    if (this.requested === 0) this.requested = requestAnimationFrame(this.draw);
  }

  private draw = (now: number) => {
    this.requested = 0;
    const elapsed = Math.min(100, now - this.last);
    this.last = now;
    const n = this.network;
    if (!n || !this.placed) return;
    let moving = this.glide(elapsed);
    if (this.follows && this.keepInSight(elapsed)) moving = true;
    const f = this.frame;
    const { k, x, y } = this.camera;
    // What only the upper canvas shows, as messages on their way, leaves the lower alone.
    if (moving || this.stale || this.bare || k !== f.camera.k || x !== f.camera.x || y !== f.camera.y) {
      if (this.stale) this.restyle(n);
      f.camera = { k, x, y };
      f.radiusScale = Math.min(2.5, Math.max(0.6, Math.sqrt(k)));
      this.renderer.draw(f);
      this.bare = false;
    }
    this.drawTop(n, now);
    this.waves = this.waves.filter((w) => w.end > now);
    if (moving || this.waves.length > 0) this.ask();
  };

  private glide(elapsed: number): boolean {
    const f = this.frame;
    const part = this.lessMotion ? 1 : 1 - Math.exp(-elapsed / settleTime);
    const enough = unseen / this.camera.k;
    let moving = false;
    for (let i = 0; i < f.x.length; i++) {
      const dx = this.target[2 * i] - f.x[i];
      const dy = this.target[2 * i + 1] - f.y[i];
      if (Math.abs(dx) < enough && Math.abs(dy) < enough) continue;
      if (Number.isNaN(dx)) continue;
      f.x[i] += dx * part;
      f.y[i] += dy * part;
      moving = true;
    }
    return moving;
  }

  // keepInSight moves the camera towards one that shows all nodes.
  private keepInSight(elapsed: number): boolean {
    let [left, right, up, down] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.target.length; i += 2) {
      left = Math.min(left, this.target[i]);
      right = Math.max(right, this.target[i]);
      up = Math.min(up, this.target[i + 1]);
      down = Math.max(down, this.target[i + 1]);
    }
    if (!(right >= left)) return false;
    const margin = 34;
    const k = Math.min(2.2, (this.width - 2 * margin) / Math.max(1, right - left), (this.height - 2 * margin) / Math.max(1, down - up));
    const want = zoomIdentity.translate(this.width / 2, this.height / 2).scale(Math.max(0.05, k)).translate(-(left + right) / 2, -(up + down) / 2);
    const first = this.camera === zoomIdentity;
    const part = first || this.lessMotion ? 1 : 1 - Math.exp(-elapsed / settleTime);
    const c = this.camera;
    const far = Math.abs(want.x - c.x) + Math.abs(want.y - c.y) > 0.3 || Math.abs(want.k / c.k - 1) > 0.001;
    if (!far) return false;
    const next = zoomIdentity.translate(c.x + (want.x - c.x) * part, c.y + (want.y - c.y) * part).scale(c.k + (want.k - c.k) * part);
    select(this.host).property("__zoom", next); // d3-zoom keeps its state there; no event is wanted
    this.camera = next;
    return part < 1;
  }

  private restyle(n: Network) {
    this.stale = false;
    const f = this.frame;
    const { background, node, accent, text } = this.colors;
    f.background = background;
    f.nodeStyles = nodeStyles(this.colors);
    const tone = (c: RGB, part: number) => mix(background, c, part);
    const crowded = n.tree.length > 600;
    const links: LinkStyle[] = [];
    links[faint] = { stroke: tone(node, crowded ? 0.08 : 0.16), width: 1 };
    links[plainLink] = { stroke: tone(node, crowded ? 0.15 : 0.34), width: 1 };
    links[plainTree] = { stroke: tone(text, crowded ? 0.5 : 0.55), width: crowded ? 1.3 : 2 };
    links[faintTree] = { stroke: tone(text, 0.18), width: crowded ? 1.2 : 1.6 };
    links[strong] = { stroke: tone(accent, 0.6), width: 1.2 };
    links[strongTree] = { stroke: accent, width: 2.4 };
    links[onPath] = { stroke: accent, width: 2.2 };
    f.linkStyles = links;

    const chosen = this.choice.node === null ? -1 : (n.index.get(this.choice.node) ?? -1);
    const near = new Set<number>();
    if (chosen >= 0) {
      near.add(chosen);
      for (const a of n.adjacent[chosen]) near.add(a.node);
      for (const to of n.viewOf.get(chosen) ?? []) near.add(to);
    }
    const path = new Set<number>();
    for (const s of this.choice.spread?.steps ?? []) {
      const [a, b] = [n.index.get(s.from), n.index.get(s.to)];
      if (a !== undefined && b !== undefined) path.add(Math.min(a, b) * n.nodes.length + Math.max(a, b));
    }
    const quiet = chosen >= 0 || path.size > 0;

    const count = n.nodes.length;
    f.nodes = count;
    f.radius = new Float32Array(count);
    f.nodeStyle = new Uint8Array(count);
    const largest = n.inDegree.reduce((a, b) => Math.max(a, b), 1);
    const size = Math.min(7, Math.max(2.6, 95 / Math.sqrt(Math.max(1, count))));
    for (let i = 0; i < count; i++) {
      f.radius[i] = size * (0.55 + 0.85 * Math.sqrt(n.inDegree[i] / largest)) + (i === n.selfIndex ? 2 : 0);
      let style = i === n.selfIndex ? selfStyle : ageStyle(n.nodes[i].age_ms);
      if (chosen >= 0 && !near.has(i)) style += dimmed;
      f.nodeStyle[i] = style;
    }
    f.links = n.tree.length;
    f.ends = n.ends;
    f.linkStyle = new Uint8Array(f.links);
    for (let i = 0; i < f.links; i++) {
      const [a, b] = [n.ends[2 * i], n.ends[2 * i + 1]];
      const isTree = n.tree[i] === 1;
      if (chosen >= 0 && (a === chosen || b === chosen)) f.linkStyle[i] = isTree ? strongTree : strong;
      else if (path.has(Math.min(a, b) * count + Math.max(a, b))) f.linkStyle[i] = onPath;
      else if (quiet) f.linkStyle[i] = isTree ? faintTree : faint;
      else f.linkStyle[i] = isTree ? plainTree : plainLink;
    }
    const rank = [0, 1, 3, 2, 4, 6, 5];
    f.linkOrder = Uint32Array.from(Array.from(f.linkStyle.keys()).sort((a, b) => rank[f.linkStyle[a]] - rank[f.linkStyle[b]]));
    f.stylesVersion++;
  }

  private screen(i: number): [number, number] {
    return [this.frame.x[i] * this.camera.k + this.camera.x, this.frame.y[i] * this.camera.k + this.camera.y];
  }

  private drawTop(n: Network, now: number) {
    const c = this.topContext;
    c.clearRect(0, 0, this.width, this.height);
    const chosen = this.choice.node === null ? -1 : (n.index.get(this.choice.node) ?? -1);
    for (const i of new Set([chosen, this.hovered])) if (i >= 0) this.drawView(n, i, i === chosen ? 1 : 0.7);
    for (const w of this.waves) this.drawWave(n, w, now);
    for (const i of new Set([chosen, this.hovered])) {
      if (i < 0) continue;
      const [x, y] = this.screen(i);
      c.beginPath();
      c.arc(x, y, this.frame.radius[i] * this.frame.radiusScale + 4, 0, 2 * Math.PI);
      c.strokeStyle = css(i === chosen ? this.colors.accent : this.colors.text);
      c.lineWidth = 2;
      c.stroke();
    }
    this.drawLabels(n, chosen);
  }

  // drawView draws an arrow to each peer in a node's view.
  private drawView(n: Network, from: number, alpha: number) {
    const c = this.topContext;
    const [x0, y0] = this.screen(from);
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = css(this.colors.accent);
    c.lineWidth = 1.2;
    c.setLineDash([5, 4]);
    c.beginPath();
    const heads: [number, number, number][] = [];
    for (const to of n.viewOf.get(from) ?? []) {
      const [x, y] = this.screen(to);
      const angle = Math.atan2(y - y0, x - x0);
      const gap = this.frame.radius[to] * this.frame.radiusScale + 3;
      const [ex, ey] = [x - Math.cos(angle) * gap, y - Math.sin(angle) * gap];
      c.moveTo(x0, y0);
      c.lineTo(ex, ey);
      heads.push([ex, ey, angle]);
    }
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    for (const [x, y, angle] of heads) {
      c.moveTo(x, y);
      c.lineTo(x - 9 * Math.cos(angle - 0.42), y - 9 * Math.sin(angle - 0.42));
      c.lineTo(x - 9 * Math.cos(angle + 0.42), y - 9 * Math.sin(angle + 0.42));
      c.closePath();
    }
    c.fill();
    c.globalAlpha = 1;
  }

  private drawWave(n: Network, w: Wave, now: number) {
    const c = this.topContext;
    const time = Math.max(0, now - w.start); // a frame's time may be before the wave was asked for
    const crowd = w.spread.steps.length > 200;
    const fade: number[][] = Array.from({ length: 5 }, () => []); // nodes by how long ago it came
    const origin = n.index.get(w.spread.origin);
    if (origin !== undefined && time < flashTime) fade[Math.floor((time / flashTime) * 5)].push(origin);
    c.fillStyle = c.strokeStyle = css(this.colors.accent);
    c.lineWidth = crowd ? 1 : 2; // wider lines are dear where the processor draws
    c.beginPath();
    const dots: [number, number][] = [];
    for (const s of w.spread.steps) {
      const since = time - (s.hop - 1) * hopTime;
      if (since < 0) break; // steps are sorted by hop
      const to = n.index.get(s.to);
      if (to === undefined) continue;
      const from = n.index.get(s.from);
      if (since < hopTime) {
        if (from === undefined) continue;
        const part = since / hopTime;
        const [x0, y0] = this.screen(from);
        const [x1, y1] = this.screen(to);
        const [x, y] = [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part];
        const tail = Math.max(0, part - 0.45);
        c.moveTo(x0 + (x1 - x0) * tail, y0 + (y1 - y0) * tail);
        c.lineTo(x, y);
        dots.push([x, y]);
      } else if (since < hopTime + flashTime) {
        fade[Math.min(4, Math.floor(((since - hopTime) / flashTime) * 5))].push(to);
      }
    }
    c.globalAlpha = 0.65;
    c.stroke();
    c.globalAlpha = 1;
    for (const [x, y] of dots) disc(c, x, y, crowd ? 2 : 3.5);
    fade.forEach((nodes, age) => {
      if (nodes.length === 0) return;
      c.globalAlpha = 0.85 - age * 0.17;
      for (const i of nodes) disc(c, ...this.screen(i), this.frame.radius[i] * this.frame.radiusScale + (crowd ? 0.5 : 1.5));
    });
    c.globalAlpha = 1;
  }

  private drawLabels(n: Network, chosen: number) {
    const wanted = new Set<number>();
    for (const i of [chosen, this.hovered, n.selfIndex]) if (i >= 0) wanted.add(i);
    if (chosen >= 0) for (const a of n.adjacent[chosen].slice(0, 16)) wanted.add(a.node);
    if (chosen < 0) {
      const inSight: number[] = [];
      for (let i = 0; i < n.nodes.length && inSight.length <= mostLabels; i++) {
        const [x, y] = this.screen(i);
        if (x > 0 && y > 0 && x < this.width && y < this.height) inSight.push(i);
      }
      if (inSight.length <= mostLabels) for (const i of inSight) wanted.add(i);
    }
    const c = this.topContext;
    c.font = "12px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    const taken: [number, number, number][] = []; // left, right, y of those written
    for (const i of wanted) {
      const [x, y] = this.screen(i);
      const name = n.nodes[i].id;
      const text = name.length > 28 ? name.slice(0, 27) + "…" : name;
      const gap = this.frame.radius[i] * this.frame.radiusScale + 6;
      const size = c.measureText(text).width;
      const left = x + gap + size > this.width - 4 && x - gap - size > 0 ? x - gap - size : x + gap;
      const right = left + size;
      const matters = i === chosen || i === this.hovered || i === n.selfIndex;
      if (!matters && taken.some(([l, r, ty]) => l < right && left < r && Math.abs(ty - y) < 13)) continue;
      taken.push([left, right, y]);
      c.strokeStyle = css(this.colors.background);
      c.lineWidth = 4;
      c.strokeText(text, left, y);
      c.fillStyle = css(matters ? this.colors.text : this.colors.muted);
      c.fillText(text, left, y);
    }
  }

  private nodeAt(e: MouseEvent): number {
    const box = this.host.getBoundingClientRect();
    const [px, py] = [e.clientX - box.left, e.clientY - box.top];
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.frame.nodes; i++) {
      const [x, y] = this.screen(i);
      const d = Math.hypot(x - px, y - py) - this.frame.radius[i] * this.frame.radiusScale;
      if (d < least) [least, best] = [d, i];
    }
    return least < 9 ? best : -1;
  }

  private onPointer = (e: PointerEvent) => {
    if (e.pointerType === "touch") return;
    this.hover(this.nodeAt(e));
  };

  private onLeave = () => this.hover(-1);

  private hover(i: number) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.host.style.cursor = i >= 0 ? "pointer" : "";
    this.callbacks.onHover(i < 0 ? null : (this.network?.nodes[i].id ?? null));
    this.ask();
  }

  private onClick = (e: MouseEvent) => {
    if (e.defaultPrevented) return; // it was a drag
    const i = this.nodeAt(e);
    this.callbacks.onChoose(i < 0 ? null : (this.network?.nodes[i].id ?? null));
  };
}

function disc(c: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  c.beginPath();
  c.arc(x, y, r, 0, 2 * Math.PI);
  c.fill();
}

// ageStyle fades what was heard long ago: the steps are guesses.
export function ageStyle(age: number | undefined): number {
  if (age === undefined) return hearsay;
  const at = [15_000, 60_000, 300_000].findIndex((limit) => age < limit);
  return at < 0 ? ageStyles - 1 : at;
}

function nodeStyles(c: Colors): NodeStyle[] {
  const styles: NodeStyle[] = [];
  for (const dim of [1, 0.28]) {
    const tone = (color: RGB, part: number) => mix(c.background, color, part * dim);
    for (const part of [1, 0.72, 0.5, 0.34]) styles.push({ fill: tone(c.node, part), ring: c.background, ringWidth: 1 });
    styles.push({ fill: c.background, ring: tone(c.node, 0.8), ringWidth: 1.3 });
    styles.push({ fill: tone(c.accent, 1), ring: tone(c.text, 1), ringWidth: 2 });
  }
  return styles;
}

function readColors(e: Element): Colors {
  const style = getComputedStyle(e);
  const read = (name: string) => parseHex(style.getPropertyValue(name));
  return { background: read("--canvas"), text: read("--text"), muted: read("--muted"), node: read("--node"), accent: read("--accent") };
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
