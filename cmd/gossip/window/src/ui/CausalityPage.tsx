import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Message } from "../api/types";
import { clockTime, payload, plural } from "../logic/format";
import { concurrent, diagram, relations, type Diagram, type DiagramEvent, type Relations } from "../logic/causality";
import { messages } from "../state/messages";
import { self } from "../state/session";
import { chosenMessage, goTo, narrow, say } from "../state/ui";
import { Card, Empty, Field } from "./parts";

const sizes = [30, 60, 120];

export function CausalityPage() {
  const [most, setMost] = useState(60);
  const [held, setHeld] = useState<readonly Message[] | null>(null);
  // While a message is chosen, the diagram stays as it is: it would run away.
  useEffect(() => {
    if (chosenMessage.value && !held) setHeld(messages.value);
    if (!chosenMessage.value && held) setHeld(null);
  }, [chosenMessage.value]);
  const shown = useMemo(() => {
    const from = held ?? messages.value;
    const at = from.findIndex((m) => m.id === chosenMessage.value);
    const end = at >= 0 ? Math.min(from.length, Math.max(at + Math.ceil(most / 2), most)) : from.length;
    return from.slice(Math.max(0, end - most), end).filter((m) => m.clock && Object.keys(m.clock).length > 0);
  }, [held, held ? null : messages.value, most, chosenMessage.value && held]);
  const d = useMemo(() => diagram(shown), [shown]);
  const chosen = chosenMessage.value ? d.byID.get(chosenMessage.value) : undefined;
  const related = useMemo(() => (chosen ? relations(chosen.message, shown) : null), [chosen, shown]);
  const newer = held ? messages.value.length - held.length : 0;
  return (
    <div class="split">
      <div class="stage">
        <div class="bar">
          <label for="most">Latest</label>
          <select id="most" value={most} onChange={(e) => setMost(Number(e.currentTarget.value))}>
            {sizes.map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
          <button type="button" class="toggle" aria-pressed={held !== null} onClick={() => (setHeld(held ? null : messages.value), held && (chosenMessage.value = null))}>
            Hold
          </button>
          <span class="quiet extent" role="status">
            {held ? `${plural(Math.max(0, newer), "newer message")} not shown` : `${plural(d.lanes.length, "origin")}, time to the right`}
          </span>
        </div>
        {d.events.length === 0 ? (
          <Empty>{messages.value.length > 0 ? `Messages here carry no clocks: the order is ${self.value?.order?.toLowerCase() ?? "not causal"}.` : "No messages yet."}</Empty>
        ) : (
          <Lanes d={d} related={related} chosen={chosen} follow={held === null} />
        )}
        <ul class="legend flat" aria-label="What is what">
          <li>
            <i class="k k-chosen" />
            chosen
          </li>
          <li>
            <i class="k k-past" />
            its past
          </li>
          <li>
            <i class="k k-future" />
            its future
          </li>
          <li>
            <i class="k k-conc" />
            concurrent with it
          </li>
          <li class="quiet">Messages of one column are concurrent with each other.</li>
        </ul>
      </div>
      <aside aria-label="Details">{chosen && related ? <Detail d={d} e={chosen} r={related} /> : <Summary d={d} />}</aside>
    </div>
  );
}

// Lanes draws origins as lanes and messages from left to right, as Lamport did.
function Lanes(p: { d: Diagram<Message>; related: Relations | null; chosen?: DiagramEvent<Message>; follow: boolean }) {
  const { d, related, chosen } = p;
  const box = useRef<HTMLDivElement>(null);
  const lane = useLaneHeight(box, d.lanes.length);
  const column = 46;
  const left = narrow.value ? 92 : 132;
  const top = 14;
  const width = left + d.columns * column + 16;
  const height = top + d.lanes.length * lane;
  const x = (e: { column: number }) => left + e.column * column + column / 2;
  const y = (e: { lane: number }) => top + e.lane * lane + lane / 2;
  useEffect(() => {
    const b = box.current;
    if (b && p.follow) b.scrollLeft = b.scrollWidth;
  }, [d, p.follow]);
  useEffect(() => {
    if (chosen) box.current?.querySelector(".event.chosen")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [chosen?.message.id]);

  const kind = (id: string) => (!related ? "" : id === chosen!.message.id ? "chosen" : related.past.has(id) ? "past" : related.future.has(id) ? "future" : "conc");
  // An arrow belongs to the past if it leads to the chosen one or to its past.
  const arrow = (from: string, to: string) => {
    if (!related) return "";
    const [a, b] = [kind(from), kind(to)];
    if (a === "past" && (b === "past" || b === "chosen")) return "past";
    if (b === "future" && (a === "future" || a === "chosen")) return "future";
    return "other";
  };
  const choose = (e: DiagramEvent<Message>) => {
    chosenMessage.value = e.message.id;
    say(tell(e, d));
  };
  const onKey = (k: KeyboardEvent) => {
    if (k.ctrlKey || k.metaKey || k.altKey || !/^(Arrow.*|Enter| )$/.test(k.key)) return;
    k.preventDefault();
    const next = chosen ? neighbour(d, chosen, k.key) : d.events.at(-1);
    if (next) choose(next);
  };
  return (
    <div
      class="lanes"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-activedescendant={chosen ? idOf(chosen) : undefined}
      aria-label={`Diagram of ${plural(d.events.length, "message")} of ${plural(d.lanes.length, "origin")}. Arrow keys go from message to message.`}
      onKeyDown={onKey}
    >
      <svg width={width} height={height} role="presentation">
        <defs>
          {["", "past", "future", "other"].map((k) => (
            <marker key={k} id={`head${k}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">
              <path d="M0 0.5 8 4 0 7.5z" class={`head ${k}`} />
            </marker>
          ))}
        </defs>
        {d.lanes.map((_, i) => (
          <line key={i} class="lane" x1={left} x2={width} y1={top + i * lane + lane / 2} y2={top + i * lane + lane / 2} />
        ))}
        {d.events.map((e) =>
          e.causes.map((c) => {
            const from = d.byID.get(c)!;
            const k = arrow(c, e.message.id);
            return <path key={`${c}>${e.message.id}`} class={`cause ${k}`} d={curve(x(from), y(from), x(e), y(e))} marker-end={`url(#head${k})`} />;
          }),
        )}
        {d.events.map((e) => (
          <g
            key={e.message.id}
            class={`event ${kind(e.message.id)}`}
            transform={`translate(${x(e)} ${y(e)})`}
            id={idOf(e)}
            role="option"
            aria-label={tell(e, d)}
            aria-selected={e === chosen}
            onClick={() => choose(e)}
          >
            <title>{`${e.message.origin} ${e.message.seq}: ${payload(e.message).text.slice(0, 80)}`}</title>
            <circle class="hit" r={17} />
            <circle class="disc" r={12} />
            <text text-anchor="middle" dy="0.35em">
              {e.message.seq > 999 ? String(e.message.seq).slice(-3) : e.message.seq}
            </text>
          </g>
        ))}
      </svg>
      <ul class="lane-names" aria-hidden="true">
        {d.lanes.map((name) => (
          <li key={name} title={name} style={{ height: `${lane}px`, lineHeight: `${lane}px` }}>
            {name}
          </li>
        ))}
      </ul>
    </div>
  );
}

// useLaneHeight lets few lanes fill the room that there is.
function useLaneHeight(box: RefObject<HTMLDivElement | null>, lanes: number): number {
  const [room, setRoom] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([e]) => setRoom(e.contentRect.height));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  return Math.min(76, Math.max(40, Math.floor((room - 30) / Math.max(1, lanes))));
}

function curve(x0: number, y0: number, x1: number, y1: number): string {
  const [a, b] = [x0 + 12, x1 - 13];
  if (y0 === y1 && x1 - x0 < 60) return `M${a} ${y0}L${b} ${y1}`;
  // Along one lane over others' heads: a bow, so that it does not cross the discs.
  if (y0 === y1) return `M${x0 + 9} ${y0 - 8}Q${(x0 + x1) / 2} ${y0 - 26} ${x1 - 9} ${y1 - 9}`;
  const bend = Math.min(28, (b - a) / 2 + 6);
  return `M${a} ${y0}C${a + bend} ${y0} ${b - bend} ${y1} ${b} ${y1}`;
}

// idOf is fit for an attribute; the focus stays on the diagram, and this says where in it.
const idOf = (e: DiagramEvent<Message>) => `event-${e.message.id.replaceAll(/[^\w-]/g, "_")}`;

function tell(e: DiagramEvent<Message>, d: Diagram<Message>): string {
  const after = e.causes.map((c) => d.byID.get(c)!.message).map((m) => `${m.origin} ${m.seq}`);
  const text = payload(e.message).text.slice(0, 60);
  return `${e.message.origin} ${e.message.seq}${text ? `, ${text}` : ""}${after.length > 0 ? `, after ${after.join(" and ")}` : ""}`;
}

// neighbour: along a lane with left and right, to the nearest in time with up and down.
function neighbour(d: Diagram<Message>, from: DiagramEvent<Message>, key: string): DiagramEvent<Message> | undefined {
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const lane = d.events.filter((e) => e.lane === from.lane);
    return lane[lane.indexOf(from) + (key === "ArrowRight" ? 1 : -1)];
  }
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  const lane = from.lane + (key === "ArrowDown" ? 1 : -1);
  return d.events.filter((e) => e.lane === lane).sort((a, b) => Math.abs(a.column - from.column) - Math.abs(b.column - from.column))[0];
}

function Summary({ d }: { d: Diagram<Message> }) {
  const pairs = useMemo(() => {
    let apart = 0;
    for (let i = 0; i < d.events.length; i++) for (let j = 0; j < i; j++) if (concurrent(d.events[i].message, d.events[j].message)) apart++;
    return { apart, all: (d.events.length * (d.events.length - 1)) / 2 };
  }, [d]);
  return (
    <>
      <Empty>Choose a message: its causal past and future light up.</Empty>
      {d.events.length > 1 && (
        <Card title="Shown here">
          <dl class="numbers">
            <Field name="Messages">{d.events.length}</Field>
            <Field name="Origins">{d.lanes.length}</Field>
            <Field name="Longest chain">{d.columns}</Field>
            <Field name="Concurrent pairs">{pairs.apart === 0 ? "none" : `${((100 * pairs.apart) / pairs.all).toFixed(pairs.apart / pairs.all < 0.1 ? 1 : 0)} %`}</Field>
          </dl>
          <p class="quiet">An arrow leads to a message from each that its origin had delivered last. What follows from other arrows is left out.</p>
        </Card>
      )}
    </>
  );
}

function Detail({ d, e, r }: { d: Diagram<Message>; e: DiagramEvent<Message>; r: Relations }) {
  const m = e.message;
  return (
    <section class="card" aria-label="The message">
      <header>
        <h2>
          Message {m.seq} of {m.origin}
        </h2>
        <button type="button" class="icon" aria-label="Choose no message" onClick={() => (chosenMessage.value = null)}>
          ×
        </button>
      </header>
      <p class="payload">{payload(m).text || "(empty)"}</p>
      <dl class="fields">
        <Field name="Delivered">{clockTime(m.at)}</Field>
        <Field name="Directly after">
          {e.causes.length === 0 ? (
            "nothing shown"
          ) : (
            <ul class="names">
              {e.causes.map((c) => (
                <li key={c}>
                  <button type="button" class="name" onClick={() => (chosenMessage.value = c)}>
                    {d.byID.get(c)!.message.origin} {d.byID.get(c)!.message.seq}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </Field>
      </dl>
      <dl class="numbers">
        <Field name="Past">{r.past.size}</Field>
        <Field name="Concurrent">{r.concurrent.size}</Field>
        <Field name="Future">{r.future.size}</Field>
      </dl>
      <p class="quiet">Of the messages shown.</p>
      <div class="row">
        <button type="button" onClick={() => goTo("overlay")}>
          Show its way
        </button>
      </div>
    </section>
  );
}
