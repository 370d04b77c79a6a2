// The renderer for browsers without WebGL, or with one that is drawn by the processor.

import { css, type Frame, type Renderer } from "./frame";

// A crowd is drawn with less care: a line of one pixel and a disc of its own are several
// times cheaper than a wider line and many discs in one path (measured in Chromium
// without a graphics card: 1,000 lines 7 ms against 1, 1,000 discs 6 ms against 4).
const crowd = 600;

export class CanvasRenderer implements Renderer {
  readonly name = "canvas";
  private readonly ctx: CanvasRenderingContext2D;
  private ratio = 1;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const ctx = canvas.getContext("2d", { alpha: false });
    if (!ctx) throw new Error("This browser gives no canvas to draw on.");
    this.ctx = ctx;
  }

  resize(width: number, height: number, ratio: number) {
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  draw(f: Frame) {
    const { ctx } = this;
    const { k, x: cx, y: cy } = f.camera;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = css(f.background);
    ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);

    // One path for each run of links that look the same: setting a style costs more
    // than a line.
    let style = -1;
    let open = false;
    const order = f.linkOrder;
    for (let i = 0; i < f.links; i++) {
      const l = order[i];
      if (f.linkStyle[l] !== style) {
        if (open) ctx.stroke();
        style = f.linkStyle[l];
        ctx.strokeStyle = css(f.linkStyles[style].stroke);
        ctx.lineWidth = f.links > crowd && f.linkStyles[style].width < 1.5 ? 1 : f.linkStyles[style].width;
        ctx.beginPath();
        open = true;
      }
      const a = f.ends[2 * l];
      const b = f.ends[2 * l + 1];
      ctx.moveTo(f.x[a] * k + cx, f.y[a] * k + cy);
      ctx.lineTo(f.x[b] * k + cx, f.y[b] * k + cy);
    }
    if (open) ctx.stroke();

    for (let s = 0; s < f.nodeStyles.length; s++) {
      const { fill, ring, ringWidth } = f.nodeStyles[s];
      const ringed = ringWidth > 0 && !(f.nodes > crowd && ring === f.background);
      ctx.fillStyle = css(fill);
      ctx.strokeStyle = css(ring);
      ctx.lineWidth = ringWidth;
      for (let i = 0; i < f.nodes; i++) {
        if (f.nodeStyle[i] !== s) continue;
        ctx.beginPath();
        ctx.arc(f.x[i] * k + cx, f.y[i] * k + cy, f.radius[i] * f.radiusScale, 0, 2 * Math.PI);
        ctx.fill();
        if (ringed) ctx.stroke();
      }
    }
  }

  destroy() {}
}
