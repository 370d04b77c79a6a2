// What is drawn, in numbers that both renderers read.

export type RGB = readonly [number, number, number]; // 0 to 1

export interface NodeStyle {
  fill: RGB;
  ring: RGB;
  ringWidth: number; // in CSS pixels, 0: none
}

export interface LinkStyle {
  stroke: RGB;
  width: number; // in CSS pixels
}

export interface Frame {
  nodes: number;
  x: Float32Array;
  y: Float32Array;
  radius: Float32Array; // in CSS pixels at scale 1
  nodeStyle: Uint8Array;
  links: number;
  ends: Uint32Array;
  linkStyle: Uint8Array;
  linkOrder: Uint32Array; // what is emphasised is drawn last
  nodeStyles: readonly NodeStyle[];
  linkStyles: readonly LinkStyle[];
  background: RGB;
  // Of world to screen: screen = world * k + (x, y), in CSS pixels.
  camera: { k: number; x: number; y: number };
  radiusScale: number;
  stylesVersion: number; // grows when anything but positions and camera has changed
}

export interface Renderer {
  readonly name: "webgl" | "canvas";
  resize(width: number, height: number, ratio: number): void;
  draw(f: Frame): void;
  destroy(): void;
}

export const css = (c: RGB): string => `rgb(${c.map((v) => Math.round(v * 255)).join(" ")})`;

export const mix = (a: RGB, b: RGB, part: number): RGB => [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * part) as unknown as RGB;

export function parseHex(text: string): RGB {
  const m = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  return m ? [parseInt(m[1], 16) / 255, parseInt(m[2], 16) / 255, parseInt(m[3], 16) / 255] : [0.5, 0.5, 0.5];
}
