// Screenshots for the docs, small: Chromium's PNGs hold 24 bits for each pixel; ours are
// drawn with 256 colours.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";

export const mostBytes = 200_000;

// shoot writes a screenshot and returns its size.
export async function shoot(page: Page, file: string): Promise<number> {
  const full = await page.screenshot({ animations: "disabled", caret: "hide" });
  const blank = await page.context().browser()!.newPage(); // without the policy of the site
  try {
    const { width, height, palette, pixels } = await blank.evaluate(quantize, full.toString("base64"));
    const png = indexedPNG(width, height, Buffer.from(palette, "base64"), Buffer.from(pixels, "base64"));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, png);
    return png.length;
  } finally {
    await blank.close();
  }
}

// quantize runs in the browser, which can read PNGs: the 256 most frequent colours are
// the palette, every other pixel takes the nearest of them.
async function quantize(base64: string) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const ctx = canvas.getContext("2d")!;
  ctx.drawImage(bitmap, 0, 0);
  const { data } = ctx.getImageData(0, 0, bitmap.width, bitmap.height);
  const counts = new Map<number, number>();
  const keys = new Uint32Array(data.length / 4);
  for (let i = 0; i < keys.length; i++) {
    // The lowest bits are beyond what an eye tells apart.
    const key = ((data[4 * i] & 0xfc) << 16) | ((data[4 * i + 1] & 0xfc) << 8) | (data[4 * i + 2] & 0xfc);
    keys[i] = key;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const colors = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([key]) => key);
  const index = new Map<number, number>(colors.map((key, i) => [key, i]));
  const pixels = new Uint8Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    let at = index.get(keys[i]);
    if (at === undefined) {
      let least = Infinity;
      for (let c = 0; c < colors.length; c++) {
        const d = [16, 8, 0].reduce((sum, shift) => sum + (((keys[i] >> shift) & 255) - ((colors[c] >> shift) & 255)) ** 2, 0);
        if (d < least) [least, at] = [d, c];
      }
      index.set(keys[i], at!);
    }
    pixels[i] = at!;
  }
  // White stays white: give back what the lowest bits had for the brightest.
  const palette = new Uint8Array(colors.length * 3);
  colors.forEach((key, i) => [16, 8, 0].forEach((shift, j) => {
    const v = (key >> shift) & 255;
    palette[3 * i + j] = v | (v >> 6);
  }));
  const encode = (b: Uint8Array) => {
    let s = "";
    for (let i = 0; i < b.length; i += 0x8000) s += String.fromCharCode(...b.subarray(i, i + 0x8000));
    return btoa(s);
  };
  return { width: bitmap.width, height: bitmap.height, palette: encode(palette), pixels: encode(pixels) };
}

function indexedPNG(width: number, height: number, palette: Buffer, pixels: Buffer): Buffer {
  const rows = Buffer.alloc(height * (width + 1)); // each row begins with its filter, none
  for (let y = 0; y < height; y++) pixels.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, indexed
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
