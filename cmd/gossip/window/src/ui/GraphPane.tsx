import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { GraphView } from "../graph/view";
import { plural } from "../logic/format";
import { messageOf, messages, onMessage, seesAll, told } from "../state/messages";
import { network } from "../state/overlay";
import { self } from "../state/session";
import { spreadOf } from "../state/spreads";
import { chosenMessage, chosenNode, dark, lessMotion, playing, say } from "../state/ui";

// gatherTime is how long the deliveries of a message are collected before it is shown
// on its way, where all nodes are seen.
const gatherTime = 700;
const panStep = 60; // CSS pixels

const directions: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function GraphPane() {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<GraphView>(null);
  const [renderer, setRenderer] = useState("");
  const net = network.value;
  const chosen = chosenMessage.value ? messageOf(chosenMessage.value) : undefined;
  const spread = useMemo(() => (chosen ? spreadOf(chosen) : null), [chosen, messages.value, net, seesAll.value, told.value]);

  useEffect(() => {
    const wanted = new URLSearchParams(location.search).get("renderer");
    const v = new GraphView(host.current!, { onChoose: (id) => (chosenNode.value = id), onHover: () => {} }, wanted);
    view.current = v;
    setRenderer(v.rendererName);
    return () => v.destroy();
  }, []);
  useEffect(() => view.current!.setMotion(lessMotion.value), [lessMotion.value]);
  useEffect(() => {
    if (net.nodes.length > 0) view.current!.show(net);
  }, [net]);
  useEffect(() => view.current!.choose({ node: chosenNode.value, spread }), [chosenNode.value, spread]);
  useEffect(() => {
    if (chosenNode.value) view.current!.reveal(chosenNode.value);
  }, [chosenNode.value]);
  useEffect(() => view.current!.retheme(), [dark.value]);
  useEffect(() => {
    if (!playing.value) return;
    return onMessage((m) => {
      const wait = seesAll.value ? gatherTime : 0;
      setTimeout(() => view.current && view.current.play(spreadOf(m)), wait);
    });
  }, [playing.value]);
  useEffect(() => {
    if (chosen && view.current) view.current.play(spreadOf(chosen));
  }, [chosen?.id]);

  const go = (id: string | null) => {
    if (!id) return;
    chosenNode.value = id;
    const i = network.value.index.get(id);
    if (i !== undefined) say(`${id}, ${plural(network.value.adjacent[i].length, "link")}, in ${plural(network.value.inDegree[i], "view")}`);
  };
  const onKey = (e: KeyboardEvent) => {
    const v = view.current;
    if (!v || e.ctrlKey || e.metaKey || e.altKey) return;
    const direction = directions[e.key];
    const at = chosenNode.value ?? self.value?.id ?? network.value.nodes[0]?.id ?? null;
    if (direction && e.shiftKey) v.panBy(-direction[0] * panStep, -direction[1] * panStep);
    else if (direction && at) go(chosenNode.value === null ? at : v.towards(at, ...direction));
    else if (e.key === "+" || e.key === "=") v.zoomBy(1.3);
    else if (e.key === "-") v.zoomBy(1 / 1.3);
    else if (e.key === "0") v.fit();
    else if (e.key === "s") go(self.value?.id ?? null);
    else if ((e.key === "[" || e.key === "]") && at) go(neighbourAfter(at, e.key === "]" ? 1 : -1));
    else return;
    e.preventDefault();
  };

  return (
    <div class="pane">
      <div
        ref={host}
        class="graph"
        role="application"
        aria-roledescription="graph"
        aria-label={`Graph of ${plural(net.nodes.length, "node")} and ${plural(net.tree.length, "link")}. Arrow keys go from node to node. The table shows the same.`}
        tabIndex={0}
        data-renderer={renderer}
        onKeyDown={onKey}
      />
      {net.nodes.length === 0 && <p class="waiting">Asking around…</p>}
      <div class="zoom" role="group" aria-label="Picture">
        <button type="button" class="icon" aria-label="Nearer" onClick={() => view.current?.zoomBy(1.4)}>
          +
        </button>
        <button type="button" class="icon" aria-label="Farther" onClick={() => view.current?.zoomBy(1 / 1.4)}>
          −
        </button>
        <button type="button" class="icon" aria-label="Show everything" onClick={() => view.current?.fit()}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4" />
          </svg>
        </button>
      </div>
    </div>
  );
}

// The neighbours of the node that was chosen before one began to walk among them.
let walk: { ids: string[]; at: number } = { ids: [], at: -1 };

function neighbourAfter(at: string, step: number): string | null {
  if (walk.ids[walk.at] !== at) {
    const n = network.value;
    const i = n.index.get(at);
    const near = i === undefined ? [] : n.adjacent[i].map((a) => n.nodes[a.node].id).sort();
    walk = { ids: near, at: step > 0 ? -1 : near.length };
  }
  if (walk.ids.length === 0) return null;
  walk.at = (walk.at + step + walk.ids.length) % walk.ids.length;
  return walk.ids[walk.at];
}
