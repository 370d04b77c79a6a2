// Which streams are open when. A browser opens six connections to a server of HTTP/1.1
// at most, over all its tabs: so a page that nobody sees holds none, and a page holds
// only what it shows.

import { effect, signal, untracked } from "@preact/signals";
import { events, followEvents, history, pollClock, pollStats } from "./health";
import { followDeliveries, followMessages, forget } from "./messages";
import { followOverlay, pollNeighbours } from "./overlay";
import { checkNow, connection, lostSince, self, watchSelf } from "./session";
import { page, visible } from "./ui";

const round = signal(0);

// restart closes what is open and opens it again.
export function restart(): void {
  round.value++;
}

// whileTrue runs a feed as long as the condition holds.
function whileTrue(condition: () => boolean, feed: (signal: AbortSignal) => Promise<void>): void {
  let running: AbortController | undefined;
  let of = -1;
  effect(() => {
    const wanted = condition();
    const now = round.value;
    if (running && (!wanted || now !== of)) {
      running.abort();
      running = undefined;
    }
    if (wanted && !running) {
      running = new AbortController();
      of = now;
      const signal = running.signal;
      untracked(() => void feed(signal));
    }
  });
}

export function startFeeds(): void {
  const seen = () => visible.value;
  const known = () => visible.value && self.value !== null;
  whileTrue(seen, watchSelf);
  whileTrue(known, (s) => followMessages(s, checkNow));
  whileTrue(known, pollStats);
  whileTrue(() => known() && page.value === "overlay", (s) => followOverlay(s, checkNow));
  whileTrue(() => known() && page.value === "overlay", pollNeighbours);
  whileTrue(() => known() && page.value === "clocks", pollClock);
  whileTrue(() => known() && page.value === "health", followEvents);
  whileTrue(() => known() && self.value?.network !== "agent" && (page.value === "overlay" || page.value === "messages"), followDeliveries);

  // Another node may answer at the same address.
  let of = "";
  effect(() => {
    const id = self.value?.id ?? "";
    if (of !== "" && id !== of) {
      untracked(() => {
        forget();
        history.value = [];
        events.value = [];
        queueMicrotask(restart);
      });
    }
    of = id;
  });

  // After a while without the agent the streams pause for long between their tries.
  let wasLost = false;
  effect(() => {
    if (connection.value === "lost" || connection.value === "denied") wasLost = true;
    else if (connection.value === "live" && wasLost) {
      wasLost = false;
      lostSince.value = 0;
      untracked(() => queueMicrotask(restart));
    }
  });
}
