import { useMemo } from "preact/hooks";
import type { Message } from "../api/types";
import { inDegrees, parts, type Network } from "../graph/model";
import { count, duration, payload, plural } from "../logic/format";
import { meanAndDeviation, wholeBins, type Bin } from "../logic/histogram";
import { pathTo } from "../logic/spread";
import { messageOf, messages, told } from "../state/messages";
import { network } from "../state/overlay";
import { self } from "../state/session";
import { spreadOf } from "../state/spreads";
import { asTable, chosenMessage, chosenNode, playing } from "../state/ui";
import { GraphPane } from "./GraphPane";
import { NodePanel } from "./NodePanel";
import { NodeTable } from "./NodeTable";
import { Bars, Card, Empty, Field, NodeName } from "./parts";

export function OverlayPage() {
  return (
    <div class="overlay">
      <div class="stage">
        <div class="bar">
          <div class="switch" role="group" aria-label="Show the overlay as">
            <button type="button" aria-pressed={!asTable.value} onClick={() => (asTable.value = false)}>
              Graph
            </button>
            <button type="button" aria-pressed={asTable.value} onClick={() => (asTable.value = true)}>
              Table
            </button>
          </div>
          <button type="button" class="toggle" aria-pressed={playing.value} onClick={() => (playing.value = !playing.value)}>
            Play messages
          </button>
          <Extent />
        </div>
        {asTable.value ? <NodeTable /> : <GraphPane />}
      </div>
      <aside aria-label="Details">
        {chosenMessage.value && <ChosenMessage id={chosenMessage.value} />}
        {chosenNode.value ? (
          <NodePanel id={chosenNode.value} />
        ) : (
          <>
            <Summary />
            <Legend />
            <Latest />
          </>
        )}
      </aside>
    </div>
  );
}

function Extent() {
  return network.value.nodes.length === 0 ? null : <span class="quiet extent">{extent(network.value)}</span>;
}

// extent tells how much of the network is seen.
function extent(n: Network): string {
  const told = n.viewOf.size;
  const all = n.nodes.length;
  if (n.complete) return self.value?.network === "agent" ? `All ${count(all)} nodes that were heard of` : "The whole network";
  if (told <= 1) return "This node's own neighbourhood";
  return `A sample: ${told < all ? `${count(told)} of ` : ""}${plural(all, "node")} told about themselves`;
}

export const binName = (b: Bin) => (b.to - b.from === 1 ? `${b.from}` : `${b.from}–${b.to - 1}`);

// fewViews say nothing of how in-degrees are spread: a guess.
const fewViews = 5;

function Summary() {
  const n = network.value;
  const made = useMemo(() => {
    const degrees = inDegrees(n);
    return { degrees, bins: wholeBins(degrees, 20), ...meanAndDeviation(degrees), parts: parts(n), tree: n.tree.reduce((a, b) => a + b, 0) };
  }, [n]);
  const enough = n.viewOf.size >= fewViews || (n.complete && n.viewOf.size > 0);
  return (
    <>
      <Card title="Network" note={self.value?.cluster ? `cluster ${self.value.cluster}` : undefined}>
        <dl class="numbers">
          <Field name="Nodes">{count(n.nodes.length)}</Field>
          <Field name="Links">{count(n.tree.length)}</Field>
          <Field name="In the tree">{count(made.tree)}</Field>
          {n.complete ? <Field name="Parts">{count(made.parts.count)}</Field> : <Field name="Only named">{count(n.nodes.length - n.viewOf.size)}</Field>}
        </dl>
      </Card>
      <Card title="In-degree" note={enough ? `mean ${made.mean.toFixed(1)}, deviation ${made.deviation.toFixed(1)}` : undefined}>
        {enough ? (
          <Bars
            bins={made.bins}
            unit="nodes"
            name={binName}
            label={`In how many views nodes are: mean ${made.mean.toFixed(1)}, standard deviation ${made.deviation.toFixed(1)}`}
            mark={{ at: made.mean + 0.5, label: "mean" }}
          />
        ) : (
          <Empty>Too few views are known.</Empty>
        )}
        {enough && (
          <p class="quiet">
            {n.complete ? "In how many views a node is." : `In how many of the ${plural(n.viewOf.size, "known view")} a node is.`} A narrow hill: no node is known to too many or too few.
          </p>
        )}
      </Card>
    </>
  );
}

function Legend() {
  return (
    <Card title="What is what">
      <ul class="legend">
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><circle cx="12" cy="8" r="6" class="l-self" /></svg>this node
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><circle cx="7" cy="8" r="3" class="l-node" /><circle cx="17" cy="8" r="5.5" class="l-node" /></svg>size: in-degree
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><circle cx="7" cy="8" r="5" class="l-node" /><circle cx="18" cy="8" r="5" class="l-old" /></svg>faded: heard long ago
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><circle cx="12" cy="8" r="5" class="l-named" /></svg>only named by others
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><path d="M1 8h22" class="l-tree" /></svg>link in the tree
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><path d="M1 8h22" class="l-link" /></svg>link that announces
        </li>
        <li>
          <svg viewBox="0 0 24 16" aria-hidden="true"><path d="M1 8h16" class="l-view" /><path d="m16 4 7 4-7 4z" class="l-head" /></svg>in its view
        </li>
      </ul>
    </Card>
  );
}

function Latest() {
  const latest = messages.value.slice(-6).reverse();
  return (
    <Card title="Latest messages">
      {latest.length === 0 ? (
        <Empty>None yet.</Empty>
      ) : (
        <ol class="latest">
          {latest.map((m) => (
            <li key={m.id}>
              <button type="button" onClick={() => (chosenMessage.value = m.id)}>
                <b>{m.origin}</b> <span class="text">{payload(m).text || "(empty)"}</span>
                <span class="quiet">{m.hops === 0 ? "own" : plural(m.hops, "hop")}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function guess(m: Message): string {
  if (self.value?.network !== "agent") return "The way is guessed along the links of the tree.";
  return m.via ? "Only the last link is known. The rest is guessed from the links." : "The way is guessed from the links.";
}

// ChosenMessage tells how one message came here; the graph shows the same.
function ChosenMessage(p: { id: string }) {
  const m = messageOf(p.id);
  if (!m) return null;
  void told.value; // more may be known of the same message
  const spread = spreadOf(m);
  const reached = new Set(spread.steps.map((s) => s.to)).size;
  const path = pathTo(spread, self.value?.id ?? "");
  return (
    <section class="card" aria-label="The message">
      <header>
        <h2>Message {m.seq} of {m.origin}</h2>
        <button type="button" class="icon" aria-label="Choose no message" onClick={() => (chosenMessage.value = null)}>
          ×
        </button>
      </header>
      <p class="payload">{payload(m).text || "(empty)"}</p>
      <dl class="fields">
        <Field name="Came by">{m.via ? <NodeName id={m.via} plain /> : m.hops === 0 ? "this node's own" : "not told"}</Field>
        <Field name="Hops">{m.hops}</Field>
        <Field name="Latency">{duration(m.age_ms)}</Field>
        {path.length > 0 && (
          <Field name="Way here">
            {path[0].from}
            {path.map((s) => ` → ${s.to}`)}
          </Field>
        )}
        {spread.seen && self.value?.network !== "agent" && <Field name="Delivered by">{plural(reached + 1, "node")}</Field>}
      </dl>
      {!spread.seen && <p class="quiet">{guess(m)}</p>}
    </section>
  );
}
