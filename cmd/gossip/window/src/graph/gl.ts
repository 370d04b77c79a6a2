// The renderer on the graphics card: two instanced draws, one of lines and one of discs.

import type { Frame, RGB, Renderer } from "./frame";

const lineVertex = `#version 300 es
layout(location=0) in vec2 corner;   // along 0..1, across -1..1
layout(location=1) in vec4 ends;     // world
layout(location=2) in vec4 look;     // r, g, b, width
uniform vec2 size; uniform vec3 camera;
out float across; out float half_width; out vec3 color;
void main() {
  vec2 a = ends.xy * camera.z + camera.xy, b = ends.zw * camera.z + camera.xy;
  vec2 d = b - a;
  float l = max(length(d), 1e-4);
  vec2 n = vec2(-d.y, d.x) / l;
  half_width = look.w * 0.5;
  float reach = half_width + 0.75;   // room for a soft edge
  across = corner.y * reach;
  vec2 p = mix(a, b, corner.x) + n * across;
  color = look.rgb;
  gl_Position = vec4(p / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const lineFragment = `#version 300 es
precision mediump float;
in float across; in float half_width; in vec3 color;
out vec4 o;
void main() {
  float a = clamp(half_width + 0.5 - abs(across), 0.0, 1.0);
  o = vec4(color * a, a);
}`;

const discVertex = `#version 300 es
layout(location=0) in vec2 corner;   // -1..1
layout(location=1) in vec2 center;   // world
layout(location=2) in vec4 fill_in;  // r, g, b, radius
layout(location=3) in vec4 ring_in;  // r, g, b, width
uniform vec2 size; uniform vec3 camera; uniform float scale;
out vec2 at; out vec3 fill; out vec3 ring; out float radius; out float width;
void main() {
  radius = fill_in.w * scale; width = ring_in.w; fill = fill_in.rgb; ring = ring_in.rgb;
  at = corner * (radius + width * 0.5 + 1.0);
  vec2 p = center * camera.z + camera.xy + at;
  gl_Position = vec4(p / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}`;

const discFragment = `#version 300 es
precision mediump float;
in vec2 at; in vec3 fill; in vec3 ring; in float radius; in float width;
out vec4 o;
void main() {
  float d = length(at);
  float a = clamp(radius + width * 0.5 + 0.5 - d, 0.0, 1.0);
  float r = width > 0.0 ? clamp(d - (radius - width * 0.5) + 0.5, 0.0, 1.0) : 0.0;
  o = vec4(mix(fill, ring, r) * a, a);
}`;

export class GLRenderer implements Renderer {
  readonly name = "webgl";
  private readonly gl: WebGL2RenderingContext;
  private readonly lines: Program;
  private readonly discs: Program;
  private readonly buffers: Record<"ends" | "lineLook" | "centers" | "fills" | "rings", WebGLBuffer>;
  private ends = new Float32Array(0);
  private centers = new Float32Array(0);
  private styles = -1;
  private width = 1;
  private height = 1;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    onLost: () => void,
  ) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "low-power" });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    canvas.addEventListener("webglcontextlost", onLost);
    this.lines = program(gl, lineVertex, lineFragment);
    this.discs = program(gl, discVertex, discFragment);
    const buffer = () => gl.createBuffer()!;
    this.buffers = { ends: buffer(), lineLook: buffer(), centers: buffer(), fills: buffer(), rings: buffer() };
    this.attributes(this.lines.array, [0, -1, 1, -1, 0, 1, 1, 1], [
      [this.buffers.ends, 4],
      [this.buffers.lineLook, 4],
    ]);
    this.attributes(this.discs.array, [-1, -1, 1, -1, -1, 1, 1, 1], [
      [this.buffers.centers, 2],
      [this.buffers.fills, 4],
      [this.buffers.rings, 4],
    ]);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  private attributes(array: WebGLVertexArrayObject, corners: number[], perInstance: [WebGLBuffer, number][]) {
    const { gl } = this;
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(corners), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    perInstance.forEach(([buffer, n], i) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(i + 1);
      gl.vertexAttribPointer(i + 1, n, gl.FLOAT, false, 0, 0);
      gl.vertexAttribDivisor(i + 1, 1);
    });
  }

  resize(width: number, height: number, ratio: number) {
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.gl.viewport(0, 0, this.canvas.width, this.canvas.height);
  }

  draw(f: Frame) {
    const { gl } = this;
    if (gl.isContextLost()) return;
    if (this.styles !== f.stylesVersion) this.fillStyles(f);
    for (let i = 0; i < f.links; i++) {
      const l = f.linkOrder[i];
      const [a, b] = [f.ends[2 * l], f.ends[2 * l + 1]];
      this.ends[4 * i] = f.x[a];
      this.ends[4 * i + 1] = f.y[a];
      this.ends[4 * i + 2] = f.x[b];
      this.ends[4 * i + 3] = f.y[b];
    }
    for (let i = 0; i < f.nodes; i++) {
      this.centers[2 * i] = f.x[i];
      this.centers[2 * i + 1] = f.y[i];
    }
    this.upload(this.buffers.ends, this.ends, gl.STREAM_DRAW);
    this.upload(this.buffers.centers, this.centers, gl.STREAM_DRAW);
    gl.clearColor(...f.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.run(this.lines, f, f.links);
    this.run(this.discs, f, f.nodes);
  }

  private fillStyles(f: Frame) {
    const { gl } = this;
    this.styles = f.stylesVersion;
    this.ends = new Float32Array(4 * f.links);
    this.centers = new Float32Array(2 * f.nodes);
    const looks = new Float32Array(4 * f.links);
    const fills = new Float32Array(4 * f.nodes);
    const rings = new Float32Array(4 * f.nodes);
    const put = (to: Float32Array, i: number, c: RGB, w: number) => to.set([c[0], c[1], c[2], w], 4 * i);
    for (let i = 0; i < f.links; i++) {
      const s = f.linkStyles[f.linkStyle[f.linkOrder[i]]];
      put(looks, i, s.stroke, s.width);
    }
    for (let i = 0; i < f.nodes; i++) {
      const s = f.nodeStyles[f.nodeStyle[i]];
      put(fills, i, s.fill, f.radius[i]);
      put(rings, i, s.ring, s.ringWidth);
    }
    this.upload(this.buffers.lineLook, looks, gl.DYNAMIC_DRAW);
    this.upload(this.buffers.fills, fills, gl.DYNAMIC_DRAW);
    this.upload(this.buffers.rings, rings, gl.DYNAMIC_DRAW);
  }

  private upload(buffer: WebGLBuffer, data: Float32Array, usage: number) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, usage);
  }

  private run(p: Program, f: Frame, instances: number) {
    const { gl } = this;
    if (instances === 0) return;
    gl.useProgram(p.program);
    gl.bindVertexArray(p.array);
    gl.uniform2f(p.size, this.width, this.height);
    gl.uniform3f(p.camera, f.camera.x, f.camera.y, f.camera.k);
    if (p.scale) gl.uniform1f(p.scale, f.radiusScale);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, instances);
  }

  destroy() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

interface Program {
  program: WebGLProgram;
  array: WebGLVertexArrayObject;
  size: WebGLUniformLocation | null;
  camera: WebGLUniformLocation | null;
  scale: WebGLUniformLocation | null;
}

function program(gl: WebGL2RenderingContext, vertex: string, fragment: string): Program {
  const p = gl.createProgram()!;
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "a shader does not compile");
    gl.attachShader(p, shader);
  }
  gl.linkProgram(p);
  if (!gl.getProgramParameter(p, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(p) ?? "a program does not link");
  const where = (name: string) => gl.getUniformLocation(p, name);
  return { program: p, array: gl.createVertexArray()!, size: where("size"), camera: where("camera"), scale: where("scale") };
}

// hasFastGL tells whether there is WebGL 2 that a graphics card draws. Browsers that are
// told to draw it by the processor do not call that a caveat, so the name is read too.
export function hasFastGL(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|software|basic render/i.test(name);
}
