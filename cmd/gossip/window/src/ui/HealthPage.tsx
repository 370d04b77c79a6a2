import { useMemo } from "preact/hooks";
import { clockTime, count, bytes, duration, perSecond, shortCount } from "../logic/format";
import { dropsIn, key, nameOf } from "../logic/counters";
import { latencyBins, quantile, type Bin } from "../logic/histogram";
import { rateOf, ratesOf } from "../logic/rates";
import { events, history } from "../state/health";
import { messages } from "../state/messages";
import { Bars, Card, Empty, Field, NodeName, Spark } from "./parts";

const room = (samples: number) => Math.max(30, samples); // that a curve is drawn for: a minute at least
const rateSpan = 10_000; // ms, over which a rate is told: a guess

const boundName = (ms: number) => (ms < 1000 ? `${ms}` : `${ms / 1000} s`);
const latencyName = (b: Bin) => (b.to === Infinity ? `≥ ${boundName(b.from)}` : `< ${boundName(b.to)}`);

export function HealthPage() {
  const stats = history.value.at(-1)?.stats;
  return (
    <div class="columns health">
      <Throughput />
      <Latency />
      <Drops />
      <Events />
      {stats && <Everything stats={stats} />}
    </div>
  );
}

function Throughput() {
  const h = history.value;
  const stats = h.at(-1)?.stats ?? {};
  const curves: [string, string, (n: number) => string][] = [
    ["delivered", "Messages delivered", perSecond],
    ["linkbytessent", "Bytes sent on links", (n) => `${bytes(n)}/s`],
    ["packetssent", "Datagrams sent", perSecond],
  ];
  return (
    <Card title="Throughput" note={h.length > 1 ? `over ${duration(Math.max(60_000, Math.round((h[h.length - 1].at - h[0].at) / 60_000) * 60_000))}` : undefined}>
      {h.length < 2 ? (
        <Empty>Measuring…</Empty>
      ) : (
        curves.map(([wanted, title, format]) => {
          const name = nameOf(stats, wanted);
          if (!name) return null;
          const now = format(rateOf(h, name, rateSpan));
          return (
            <div class="curve" key={wanted}>
              <span>{title}</span>
              <b>{now}</b>
              <Spark values={ratesOf(h, name)} room={room(h.length)} label={`${title}, now ${now}`} />
            </div>
          );
        })
      )}
    </Card>
  );
}

function Latency() {
  const ages = useMemo(() => messages.value.filter((m) => m.hops > 0 && !m.restored).map((m) => m.age_ms), [messages.value]);
  const bins = latencyBins(ages);
  return (
    <Card title="Latency" note={ages.length > 0 ? `the last ${count(ages.length)} messages of others` : undefined}>
      {ages.length === 0 ? (
        <Empty>No message of another node yet.</Empty>
      ) : (
        <>
          <dl class="numbers">
            <Field name="Median">{duration(quantile(ages, 0.5))}</Field>
            <Field name="95 %">{duration(quantile(ages, 0.95))}</Field>
            <Field name="Longest">{duration(quantile(ages, 1))}</Field>
          </dl>
          <Bars bins={bins} unit="messages" name={latencyName} label="Messages by latency, in milliseconds" />
          <p class="quiet">Milliseconds since the message was broadcast, without the time on the wire.</p>
        </>
      )}
    </Card>
  );
}

function Drops() {
  const h = history.value;
  const stats = h.at(-1)?.stats;
  const drops = stats ? dropsIn(stats) : [];
  return (
    <Card title="Drops, by reason" class="wide">
      {!stats ? (
        <Empty>Measuring…</Empty>
      ) : drops.length === 0 ? (
        <Empty>Nothing was dropped, refused or given up.</Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Drops">
          <table class="data">
            <caption class="unseen">What was dropped since the start, by reason</caption>
            <thead>
              <tr>
                <th scope="col">Reason</th>
                <th scope="col" class="less">Counter</th>
                <th scope="col" class="num">
                  Since the start
                </th>
                <th scope="col" class="num">
                  Now
                </th>
              </tr>
            </thead>
            <tbody>
              {drops.map((d) => {
                const rate = rateOf(h, d.name, rateSpan);
                return (
                  <tr key={d.name} class={rate > 0 ? "active" : ""}>
                    <th scope="row">{d.reason}</th>
                    <td class="less">
                      <code>{d.name}</code>
                    </td>
                    <td class="num">{count(d.count)}</td>
                    <td class="num">{rate > 0 ? perSecond(rate) : <span class="quiet">–</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Events() {
  return (
    <Card title="Events" note={events.value.length > 0 ? "the latest first" : undefined}>
      {events.value.length === 0 ? (
        <Empty>None yet.</Empty>
      ) : (
        <ol class="events scroll" tabIndex={0} aria-label="Events">
          {events.value.slice(0, 100).map((e) => (
            <li key={e.key}>
              <span class="quiet">{clockTime(e.at)}</span> <b>{e.kind.replaceAll("_", " ")}</b> {e.peer?.id && <NodeName id={e.peer.id} />}
              {!!e.from && <span class="quiet"> {e.from === e.to || !e.to ? e.from : `${e.from} to ${e.to}`}</span>}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function Everything({ stats }: { stats: Readonly<Record<string, number>> }) {
  const names = Object.keys(stats).sort();
  return (
    <Card title="All counters and sizes" note={`${names.length}`}>
      <details>
        <summary>Show</summary>
        <dl class="all">
          {names.map((name) => (
            <Field key={name} name={name}>
              {/bytes|memory/.test(key(name)) ? bytes(stats[name]) : shortCount(stats[name])}
            </Field>
          ))}
        </dl>
      </details>
    </Card>
  );
}
