// Small parts that several pages use.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { Bin } from "../logic/histogram";
import { count } from "../logic/format";
import { chosenNode, goTo } from "../state/ui";

// useNow is the time of day, each second while it is wanted.
export function useNow(wanted: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!wanted) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [wanted]);
  return now;
}

export function Card(p: { title: string; note?: ComponentChildren; children: ComponentChildren; class?: string }) {
  const id = useId();
  return (
    <section class={`card ${p.class ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{p.title}</h2>
        {p.note && <span class="quiet">{p.note}</span>}
      </header>
      {p.children}
    </section>
  );
}

export function Empty(p: { children: ComponentChildren }) {
  return <p class="empty">{p.children}</p>;
}

// NodeName leads to the node's place in the overlay.
export function NodeName(p: { id: string; plain?: boolean }) {
  const show = () => {
    chosenNode.value = p.id;
    if (!p.plain) goTo("overlay");
  };
  return (
    <button type="button" class="name" onClick={show} title={p.id}>
      {p.id}
    </button>
  );
}

export interface Mark {
  at: number;
  label: string;
}

// Bars is a histogram, with its numbers in a table for those who do not see it.
export function Bars(p: { bins: readonly Bin[]; label: string; unit: string; name: (b: Bin) => string; mark?: Mark }) {
  const width = 320;
  const height = 96;
  const foot = 18;
  const most = Math.max(1, ...p.bins.map((b) => b.count));
  const step = width / Math.max(1, p.bins.length);
  const every = Math.ceil(p.bins.length / 8);
  const low = p.bins[0]?.from ?? 0;
  const high = p.bins.at(-1)?.to ?? 1;
  return (
    <>
      <svg class="bars" viewBox={`0 0 ${width} ${height + foot}`} role="img" aria-label={p.label}>
        {p.bins.map((b, i) => {
          const h = b.count === 0 ? 0 : Math.max(2, (b.count / most) * (height - 12));
          return (
            <g key={b.from}>
              <title>{`${p.name(b)}: ${count(b.count)} ${p.unit}`}</title>
              <rect class="hit" x={i * step} y={0} width={step} height={height} />
              <rect class="bar" x={i * step + 1} y={height - h} width={Math.max(1, step - 2)} height={h} rx={Math.min(2, step / 4)} />
              {i % every === 0 && (
                <text class="tick" x={i * step + step / 2} y={height + 13} text-anchor="middle">
                  {p.name(b)}
                </text>
              )}
            </g>
          );
        })}
        <line class="axis" x1={0} x2={width} y1={height} y2={height} />
        {p.mark && Number.isFinite(p.mark.at) && (
          <g class="mark">
            <line x1={((p.mark.at - low) / (high - low)) * width} x2={((p.mark.at - low) / (high - low)) * width} y1={8} y2={height} />
            <text x={((p.mark.at - low) / (high - low)) * width + 4} y={9}>
              {p.mark.label}
            </text>
          </g>
        )}
      </svg>
      {/* A table is as wide as its content, however small it is to be: what holds it is not. */}
      <div class="unseen">
        <table>
          <caption>{p.label}</caption>
          <tbody>
            {p.bins.map((b) => (
              <tr key={b.from}>
                <th scope="row">{p.name(b)}</th>
                <td>
                  {b.count} {p.unit}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

// Spark is a curve of the latest values, the newest at the right.
export function Spark(p: { values: readonly number[]; room: number; label: string; height?: number }) {
  const width = 320;
  const height = p.height ?? 48;
  const most = Math.max(1e-9, ...p.values);
  const x = (i: number) => width - ((p.values.length - 1 - i) / Math.max(1, p.room - 1)) * width;
  const y = (v: number) => height - 2 - (v / most) * (height - 6);
  const line = p.values.map((v, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={p.label}>
      {p.values.length > 1 && <path class="area" d={`${line}L${width} ${height}L${x(0).toFixed(1)} ${height}Z`} />}
      <path class="line" d={line} />
    </svg>
  );
}

// Meter is a cell with a bar in it; the number stands in a cell beside it.
export function Meter(p: { part: number }) {
  return (
    <td class="meter" aria-hidden="true">
      <svg viewBox="0 0 100 6" preserveAspectRatio="none">
        <rect width={p.part * 100} height={6} rx={1} />
      </svg>
    </td>
  );
}

export function Field(p: { name: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <dt>{p.name}</dt>
      <dd>{p.children}</dd>
    </div>
  );
}
