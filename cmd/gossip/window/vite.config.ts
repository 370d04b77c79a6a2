import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const outDir = "../internal/window/dist/app";

// The libraries' licences ask that their texts go where the code goes.
function licenses(): Plugin {
  const wanted = new Set<string>();
  const visit = (name: string) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
    Object.keys(dependencies).forEach(visit);
  };
  return {
    name: "licenses",
    apply: "build",
    generateBundle() {
      const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
      Object.keys(dependencies).forEach(visit);
      const texts = [...wanted].sort().map((name) => {
        const directory = join("node_modules", name);
        const { version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { version: string; license: string };
        const file = readdirSync(directory).find((f) => /^licen[cs]e/i.test(f));
        if (!file) throw new Error(`${name} comes without the text of its licence`);
        return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: texts.join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}

// The Go handler serves the .gz beside a file to whoever accepts it, so the agent
// never compresses anything itself.
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(outDir, { recursive: true }) as string[]) {
        if (!/\.(js|css|html|svg|txt)$/.test(name)) continue;
        const file = join(outDir, name);
        writeFileSync(file + ".gz", gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [licenses(), precompress()],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // data: is not in the content security policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": "http://127.0.0.1:7999" } },
});
