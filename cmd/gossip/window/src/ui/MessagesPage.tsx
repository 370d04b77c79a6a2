import { useState } from "preact/hooks";
import { countsByName } from "../api/read";
import type { Message } from "../api/types";
import { bytes, clockTime, count, duration, payload, plural } from "../logic/format";
import { messageOf, messages, missed } from "../state/messages";
import { chosenMessage, goTo } from "../state/ui";
import { Card, Empty, Field, Meter, NodeName } from "./parts";

const mostRows = 200;

export function MessagesPage() {
  const [held, setHeld] = useState<readonly Message[] | null>(null);
  const [text, setText] = useState("");
  const all = held ?? messages.value;
  const wanted = text.toLowerCase();
  const rows = all.filter((m) => wanted === "" || m.origin.toLowerCase().includes(wanted) || (m.text ?? "").toLowerCase().includes(wanted));
  const newer = held ? messages.value.length - held.length : 0;
  const chosen = chosenMessage.value ? messageOf(chosenMessage.value) : undefined;
  return (
    <div class="split">
      <div class="stage">
        <div class="bar">
          <label class="unseen" for="filter">
            Messages that contain
          </label>
          <input id="filter" type="search" placeholder="Origin or text" value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <button type="button" class="toggle" aria-pressed={held !== null} onClick={() => setHeld(held ? null : messages.value)}>
            Hold
          </button>
          <span class="quiet extent" role="status">
            {held ? `${plural(Math.max(0, newer), "newer message")} not shown` : `${plural(rows.length, "message")}`}
            {missed.value.unknown ? ", some missed" : missed.value.count > 0 && `, ${count(missed.value.count)} missed`}
          </span>
        </div>
        {rows.length === 0 ? (
          <Empty>{all.length === 0 ? "No messages yet. Send one, or wait." : "None of the messages contains that."}</Empty>
        ) : (
          <div class="scroll tall" tabIndex={0} role="region" aria-label="Messages">
            <table class="data messages">
              <caption class="unseen">Messages as this node delivered them, the newest first</caption>
              <thead>
                <tr>
                  <th scope="col" class="less">Delivered</th>
                  <th scope="col">Origin</th>
                  <th scope="col" class="num less">No.</th>
                  <th scope="col">Message</th>
                  <th scope="col" class="less">Came by</th>
                  <th scope="col" class="num">Hops</th>
                  <th scope="col" class="num">Latency</th>
                </tr>
              </thead>
              <tbody>
                {rows
                  .slice(-mostRows)
                  .reverse()
                  .map((m) => (
                    <Row key={m.id} m={m} chosen={m.id === chosenMessage.value} />
                  ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
      <aside aria-label="Details">
        {chosen ? (
          <Detail m={chosen} />
        ) : (
          <>
            <Empty>Choose a message to see its clock and its way.</Empty>
            <Speakers all={all} />
          </>
        )}
      </aside>
    </div>
  );
}

// Speakers tells who sent how much of what is shown.
function Speakers({ all }: { all: readonly Message[] }) {
  const counts = new Map<string, number>();
  for (const m of all) counts.set(m.origin, (counts.get(m.origin) ?? 0) + 1);
  const origins = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (origins.length === 0) return null;
  return (
    <Card title="Who speaks" note={plural(origins.length, "origin")}>
      <table class="data small">
        <caption class="unseen">Messages by origin</caption>
        <tbody>
          {origins.slice(0, 12).map(([id, n]) => (
            <tr key={id}>
              <th scope="row">
                <NodeName id={id} />
              </th>
              <Meter part={n / origins[0][1]} />
              <td class="num">{count(n)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Row({ m, chosen }: { m: Message; chosen: boolean }) {
  const p = payload(m);
  return (
    <tr class={chosen ? "chosen" : ""} onClick={() => (chosenMessage.value = m.id)}>
      <td class="quiet less">{clockTime(m.at)}</td>
      <td>{m.origin}</td>
      <td class="num less">{m.seq}</td>
      <th scope="row" class="text">
        <button type="button" class="name" aria-pressed={chosen} onClick={() => (chosenMessage.value = m.id)}>
          {p.text || "(empty)"}
        </button>
        {m.restored && <span class="tag">restored</span>}
      </th>
      <td class="less">{m.via || <span class="quiet">{m.hops === 0 ? "own" : "–"}</span>}</td>
      <td class="num">{m.hops}</td>
      <td class="num">{m.hops === 0 ? <span class="quiet">–</span> : duration(m.age_ms)}</td>
    </tr>
  );
}

function Detail({ m }: { m: Message }) {
  const p = payload(m);
  const clock = [...countsByName(m.clock)].sort((a, b) => b[1] - a[1]);
  const headers = Object.entries(m.headers ?? {});
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
      <p class="payload">{p.text || "(empty)"}</p>
      <dl class="fields">
        <Field name="Origin">
          <NodeName id={m.origin} />
        </Field>
        <Field name="Delivered">{clockTime(m.at)}</Field>
        <Field name="Came by">{m.via ? <NodeName id={m.via} /> : m.hops === 0 ? "this node's own" : "not told"}</Field>
        <Field name="Hops">{m.hops}</Field>
        <Field name="Latency">{duration(m.age_ms)}</Field>
        <Field name="Size">{m.text !== undefined ? bytes(new TextEncoder().encode(m.text).length) : p.binary ? p.text.replace(" of binary data", "") : "0 B"}</Field>
        <Field name="ID">
          <code>{m.id}</code>
        </Field>
        {headers.map(([k, v]) => (
          <Field key={k} name={k}>
            <code>{v}</code>
          </Field>
        ))}
      </dl>
      <div class="row">
        <button type="button" onClick={() => goTo("overlay")}>
          Show its way
        </button>
        <button type="button" onClick={() => goTo("causality")}>
          Show its past
        </button>
      </div>
      <h3>Clock</h3>
      {clock.length === 0 ? (
        <Empty>None: this cluster does not deliver in causal order.</Empty>
      ) : (
        <table class="data small">
          <caption class="unseen">The vector clock of the message</caption>
          <tbody>
            {clock.slice(0, 40).map(([origin, n]) => (
              <tr key={origin}>
                <th scope="row">{origin}</th>
                <td class="num">{count(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {clock.length > 40 && <p class="quiet">and {count(clock.length - 40)} more</p>}
    </section>
  );
}
