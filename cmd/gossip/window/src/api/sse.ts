// A parser of server-sent events (WHATWG HTML, section 9.2.6) that is fed pieces of
// text as they come. EventSource has one of its own but cannot send a token.

export interface ServerEvent {
  event: string; // "message" unless the server said otherwise
  data: string;
  id: string; // the last one seen, "" if none
}

// mostPending is how much of one event may wait for its end: a server that never ends
// one must not fill the memory of the page. A guess, above an overlay of 10,000 nodes.
const mostPending = 16 << 20;

export class SSEParser {
  private line = "";
  private afterCR = false;
  private first = true;
  private data: string[] = [];
  private size = 0;
  private event = "";
  lastEventId = "";
  retry: number | undefined;

  // push returns the events that text has completed.
  push(text: string): ServerEvent[] {
    const out: ServerEvent[] = [];
    if (this.first && text !== "") {
      this.first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (this.afterCR && text !== "") {
      this.afterCR = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c !== 10 && c !== 13) continue;
      this.endLine(this.line + text.slice(start, i), out);
      this.line = "";
      if (c === 13) {
        if (i + 1 === text.length) this.afterCR = true;
        else if (text.charCodeAt(i + 1) === 10) i++;
      }
      start = i + 1;
    }
    this.line += text.slice(start);
    if (this.line.length + this.size > mostPending) throw new Error("an event of the server is too long");
    return out;
  }

  private endLine(line: string, out: ServerEvent[]) {
    if (line === "") {
      if (this.data.length > 0) out.push({ event: this.event || "message", data: this.data.join("\n"), id: this.lastEventId });
      this.data = [];
      this.size = 0;
      this.event = "";
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value[0] === " ") value = value.slice(1);
    switch (field) {
      case "data":
        this.data.push(value);
        this.size += value.length;
        break;
      case "event":
        this.event = value;
        break;
      case "id":
        if (!value.includes("\0")) this.lastEventId = value;
        break;
      case "retry":
        if (/^\d+$/.test(value)) this.retry = Number(value);
    }
  }
}
