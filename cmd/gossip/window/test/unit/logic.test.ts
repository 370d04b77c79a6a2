import { describe, expect, test } from "vitest";
import { dropsIn, nameOf } from "../../src/logic/counters";
import { bytes, clockTime, duration, payload, perSecond, plural } from "../../src/logic/format";
import { latencyBins, meanAndDeviation, quantile, wholeBins } from "../../src/logic/histogram";
import { addSample, rateOf, ratesOf, type Sample } from "../../src/logic/rates";

describe("histograms", () => {
  test("whole numbers, one to a bin if there is room", () => {
    expect(wholeBins([3, 5, 5, 4], 10).map((b) => [b.from, b.count])).toEqual([[3, 1], [4, 1], [5, 2]]);
  });
  test("wider bins where there is not, and nothing gets lost", () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    const bins = wholeBins(values, 7);
    expect(bins.length).toBeLessThanOrEqual(7);
    expect(bins.reduce((n, b) => n + b.count, 0)).toBe(100);
    expect(bins.every((b) => b.to - b.from === 15)).toBe(true);
  });
  test("none, and all the same", () => {
    expect(wholeBins([], 5)).toEqual([]);
    expect(wholeBins([4, 4], 5)).toEqual([{ from: 4, to: 5, count: 2 }]);
  });
  test("latencies fall where their bounds say", () => {
    const bins = latencyBins([0, 0.09, 0.1, 1, 4.9, 5], 1);
    expect(bins.map((b) => [b.from, b.to, b.count])).toEqual([[0, 0.1, 2], [0.1, 0.2, 1], [0.2, 0.5, 0], [0.5, 1, 0], [1, 2, 1], [2, 5, 1], [5, 10, 1]]);
  });
  test("a narrow range is shown in its surroundings", () => {
    const bins = latencyBins([300]);
    expect(bins.length).toBe(8);
    expect(bins.filter((b) => b.count > 0).map((b) => [b.from, b.to])).toEqual([[200, 500]]);
  });
  test("very late is counted too", () => {
    expect(latencyBins([1e9], 1)).toEqual([{ from: 60_000, to: Infinity, count: 1 }]);
  });
  test.each([
    [[5], 0.5, 5],
    [[1, 2, 3, 4], 0.5, 2],
    [[4, 3, 2, 1], 0.95, 4],
    [[1, 2], 1, 2],
    [[1, 2], 0, 1],
  ])("quantile of %j at %d", (values, q, want) => {
    expect(quantile(values, q)).toBe(want);
  });
  test("of nothing there is no quantile", () => {
    expect(quantile([], 0.5)).toBeNaN();
    expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: 2 });
  });
});

describe("rates", () => {
  const sample = (at: number, n: number): Sample => ({ at, stats: { delivered: n } });
  test("growth per second over the span", () => {
    const h = [sample(0, 0), sample(1000, 100), sample(2000, 104), sample(3000, 110)];
    expect(rateOf(h, "delivered", 2000)).toBe(5);
    expect(rateOf(h, "delivered", Infinity)).toBeCloseTo(110 / 3);
    expect(ratesOf(h, "delivered")).toEqual([100, 4, 6]);
  });
  test("nothing to compare with is no growth", () => {
    expect(rateOf([], "delivered", 1000)).toBe(0);
    expect(rateOf([sample(0, 7)], "delivered", 1000)).toBe(0);
    expect(rateOf([sample(0, 7), sample(1000, 9)], "unknown", 1000)).toBe(0);
  });
  test("a node that was started anew begins a new curve", () => {
    let h: Sample[] = [];
    for (const s of [sample(0, 500), sample(1000, 510), sample(2000, 3), sample(3000, 9)]) h = addSample(h, s, 10, "delivered");
    expect(h.map((s) => s.stats.delivered)).toEqual([3, 9]);
    expect(rateOf(h, "delivered", 10_000)).toBe(6);
  });
  test("only the latest are kept", () => {
    let h: Sample[] = [];
    for (let i = 0; i < 9; i++) h = addSample(h, sample(i, i), 4, "delivered");
    expect(h.map((s) => s.at)).toEqual([5, 6, 7, 8]);
  });
});

describe("drops", () => {
  test("counters that are not zero, the largest first, however they are written", () => {
    const drops = dropsIn({ BadPackets: 2, backlog_dropped: 7, "throttled_total": 3, replayed: 0, delivered: 900 });
    expect(drops.map((d) => [d.name, d.count])).toEqual([["backlog_dropped", 7], ["throttled_total", 3], ["BadPackets", 2]]);
    expect(drops.every((d) => d.reason.length > 0)).toBe(true);
    expect(nameOf({ link_bytes_sent_total: 1 }, "linkbytessent")).toBe("link_bytes_sent_total");
    expect(nameOf({ delivered_late: 1, "protocol.delivered": 1 }, "delivered")).toBe("protocol.delivered");
    expect(dropsIn({ forged: 1, "protocol.forged": 1, "protocol.stale": 1 }).map((d) => d.reason.split(",")[0])).toEqual(["Under no key", "Messages in this node's name that it did not send", "Messages from too long ago"]);
    expect(nameOf({ a: 1 }, "delivered")).toBeUndefined();
  });
});

describe("words", () => {
  test.each([
    [0, "<0.1 ms"], [0.44, "0.4 ms"], [12, "12 ms"], [999, "999 ms"], [1500, "1.5 s"], [59_900, "59.9 s"], [60_000, "1 min"], [61_000, "1 min 1 s"],
    [3_600_000, "1 h"], [5_400_000, "1 h 30 min"], [90_061_000, "1 d 1 h"], [NaN, "–"],
  ])("%d ms", (ms, want) => expect(duration(ms)).toBe(want));
  test.each([[0, "0 B"], [1023, "1,023 B"], [1536, "1.5 KiB"], [3 << 20, "3 MiB"]])("%d bytes", (n, want) => expect(bytes(n)).toBe(want));
  test.each([[0, "0/s"], [0.01, "0.6/min"], [2.34, "2.3/s"], [12_345, "12.3K/s"]])("%d a second", (n, want) => expect(perSecond(n)).toBe(want));
  test("one and many", () => expect([plural(1, "node"), plural(1200, "node")]).toEqual(["1 node", "1,200 nodes"]));
  test("binary is not shown as text", () => {
    expect(payload({ base64: btoa("12345") })).toEqual({ text: "5 B of binary data", binary: true });
    expect(payload({ text: "" })).toEqual({ text: "", binary: false });
  });
  test("a time that is none", () => expect(clockTime("soon")).toBe("–"));
});
