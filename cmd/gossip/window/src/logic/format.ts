// Numbers and times for people.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (n: number) => plain.format(n);
export const shortCount = (n: number) => (Math.abs(n) < 10_000 ? oneDigit.format(n) : compact.format(n));

export function perSecond(n: number): string {
  if (n === 0) return "0/s";
  return n < 0.1 ? `${oneDigit.format(n * 60)}/min` : `${shortCount(n)}/s`;
}

export function bytes(n: number): string {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") return `${unit === "B" ? plain.format(n) : oneDigit.format(n)} ${unit}`;
    n /= 1024;
  }
  return "";
}

// duration of milliseconds, with two units at most.
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0.1) return "<0.1 ms";
  if (ms < 1) return `${oneDigit.format(ms)} ms`;
  if (ms < 1000) return `${plain.format(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${oneDigit.format(s)} s`;
  const units: [string, number][] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const i = units.findIndex(([, n]) => s >= n);
  const [unit, n] = units[i];
  const rest = units[i + 1] && Math.floor((s % n) / units[i + 1][1]);
  return `${Math.floor(s / n)} ${unit}${rest ? ` ${rest} ${units[i + 1][0]}` : ""}`;
}

export function clockTime(rfc3339: string): string {
  const d = new Date(rfc3339);
  if (Number.isNaN(d.getTime())) return "–";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

// plural: 1 node, 2 nodes.
export const plural = (n: number, one: string, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

export function payload(m: { text?: string; base64?: string }): { text: string; binary: boolean } {
  if (m.text !== undefined) return { text: m.text, binary: false };
  if (!m.base64) return { text: "", binary: false };
  return { text: `${bytes(Math.floor((m.base64.replace(/=+$/, "").length * 3) / 4))} of binary data`, binary: true };
}
