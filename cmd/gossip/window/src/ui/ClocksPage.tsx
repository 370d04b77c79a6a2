import { useState } from "preact/hooks";
import { countsByName } from "../api/read";
import { clockTime, count, duration, plural } from "../logic/format";
import { clock } from "../state/health";
import { messages } from "../state/messages";
import { self } from "../state/session";
import { chosenMessage } from "../state/ui";
import { Card, Empty, Meter, NodeName, useNow } from "./parts";

const mostColumns = 14;
const mostRows = 25;

export function ClocksPage() {
  const [all, setAll] = useState(false);
  const now = useNow(true);
  const latest = new Map(messages.value.map((m) => [m.origin, m]));
  const entries = [...countsByName(clock.value)].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const most = entries[0]?.[1] ?? 1;
  const total = entries.reduce((sum, [, n]) => sum + n, 0);
  const shown = all ? entries : entries.slice(0, 50);
  const recent = messages.value
    .slice(-mostRows)
    .filter((m) => m.clock && Object.keys(m.clock).length > 0)
    .map((m) => ({ ...m, counts: countsByName(m.clock) }));
  // The origins that spoke last have the columns; the others hardly change.
  const origins: string[] = [];
  for (const m of [...messages.value].reverse()) {
    if (origins.length >= mostColumns) break;
    if (!origins.includes(m.origin)) origins.push(m.origin);
  }
  origins.sort();
  return (
    <div class="columns">
      <Card title={`Clock of ${self.value?.id ?? "this node"}`} note={entries.length > 0 && `${plural(entries.length, "origin")}, ${plural(total, "message")}`}>
        {entries.length === 0 ? (
          <Empty>Nothing was delivered yet.</Empty>
        ) : (
          <div class="scroll" tabIndex={0} role="region" aria-label="Clock of the node">
            <table class="data">
              <caption class="unseen">How many messages of each origin this node has delivered</caption>
              <thead>
                <tr>
                  <th scope="col">Origin</th>
                  <th scope="col" class="num">
                    Messages
                  </th>
                  <th aria-hidden="true" />
                  <th scope="col" class="num">
                    The latest came
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map(([origin, n]) => {
                  const last = latest.get(origin);
                  return (
                    <tr key={origin}>
                      <th scope="row">
                        <NodeName id={origin} />
                      </th>
                      <td class="num">{count(n)}</td>
                      <Meter part={n / most} />
                      <td class="num quiet">{last ? `${duration(Math.max(0, Math.round((now - Date.parse(last.at)) / 1000)) * 1000 || 0)} ago` : "before"}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
        {entries.length > 50 && (
          <button type="button" onClick={() => setAll(!all)}>
            {all ? "Show the first 50" : `Show all ${count(entries.length)}`}
          </button>
        )}
      </Card>
      <Card title="Clocks of the latest messages" note={origins.length === mostColumns && "of the origins that spoke last"} class="wide">
        {recent.length === 0 ? (
          <Empty>{messages.value.length > 0 ? "The messages carry no clocks: this cluster does not deliver in causal order." : "No messages yet."}</Empty>
        ) : (
          <div class="scroll" tabIndex={0} role="region" aria-label="Clocks of messages">
            <table class="data clocks">
              <caption class="unseen">Vector clocks, the newest message first. A marked entry is the message's own, or has grown since the message below.</caption>
              <thead>
                <tr>
                  <th scope="col">Message</th>
                  {origins.map((o) => (
                    <th key={o} scope="col" class="num" title={o}>
                      {o}
                    </th>
                  ))}
                  <th scope="col" class="num">
                    Delivered
                  </th>
                </tr>
              </thead>
              <tbody>
                {[...recent].reverse().map((m, i, list) => {
                  const before = list[i + 1]?.counts;
                  return (
                    <tr key={m.id} class={m.id === chosenMessage.value ? "chosen" : ""}>
                      <th scope="row">
                        <button type="button" class="name" onClick={() => (chosenMessage.value = m.id)}>
                          {m.origin} {m.seq}
                        </button>
                      </th>
                      {origins.map((o) => {
                        const n = m.counts.get(o) ?? 0;
                        const own = o === m.origin;
                        const grown = before !== undefined && n > (before.get(o) ?? 0);
                        return (
                          <td key={o} class={`num ${own ? "own" : grown ? "grown" : ""}`}>
                            {n || <span class="quiet">·</span>}
                          </td>
                        );
                      })}
                      <td class="num quiet">{clockTime(m.at)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
        <p class="quiet">Filled: the message's own entry. Bold: more than in the message below.</p>
      </Card>
    </div>
  );
}
