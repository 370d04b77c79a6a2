// What the browser tests stand on: the real Go handler with the built page, a mock API
// behind it, and Debian's Chromium.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { startMock } from "../../mock/server.mjs";

export type Mock = Awaited<ReturnType<typeof startMock>>;

const root = join(import.meta.dirname, "../../../../..");

// screenshots is where pictures go: into the docs only if that is asked for, since no two
// runs draw the same.
export const screenshots = process.env.GOSSIP_SCREENSHOTS ? join(root, process.env.GOSSIP_SCREENSHOTS) : join(tmpdir(), "gossip-window-screenshots");

// Set GOSSIP_CHROMIUM to test with another build.
export const chromiumPath = process.env.GOSSIP_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

let binary: Promise<string> | undefined;
let directory: string | undefined;

function build(): Promise<string> {
  binary ??= (async () => {
    directory = await mkdtemp(join(tmpdir(), "gossip-window-"));
    const out = join(directory, "testserver");
    await finished(spawn("go", ["build", "-o", out, "./cmd/gossip/internal/window/testserver"], { cwd: root, stdio: "inherit" }));
    return out;
  })();
  return binary;
}

function finished(p: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    p.once("error", reject);
    p.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit status ${code}`))));
  });
}

export interface Site {
  url: string;
  mock: Mock;
  stop(): Promise<void>;
}

export async function startSite(options: Parameters<typeof startMock>[0] = {}): Promise<Site> {
  const path = await build();
  const mock = await startMock(options);
  const server = spawn(path, ["-api", mock.url], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    server.once("exit", () => reject(new Error("the test server ended")));
    server.stdout!.once("data", (line: Buffer) => resolve(line.toString().trim()));
  });
  return {
    url,
    mock,
    async stop() {
      await mock.stop();
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill();
      await gone;
    },
  };
}

export async function startBrowser(): Promise<Browser> {
  if (!chromiumPath) throw new Error("no Chromium: apt-get install chromium, or set GOSSIP_CHROMIUM");
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"] });
}

export async function cleanUp(): Promise<void> {
  if (directory) await rm(directory, { recursive: true, force: true });
}

// Watched is a page whose complaints are collected.
export interface Watched {
  page: Page;
  context: BrowserContext;
  complaints: string[];
  outside: string[]; // requests to anywhere else
}

export async function open(browser: Browser, url: string, o: BrowserContextOptions & { path?: string } = {}): Promise<Watched> {
  const { path = "/", ...options } = o;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "no-preference", colorScheme: "light", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const outside: string[] = [];
  page.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" || m.type() === "warning") complaints.push(`${m.type()}: ${m.text()}`);
  });
  page.on("request", (r) => {
    if (!r.url().startsWith(url)) outside.push(r.url());
  });
  // A violation of the policy is an event of the document, whatever the console says.
  await page.exposeFunction("complain", (text: string) => complaints.push(text));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) => {
      void (window as unknown as { complain(t: string): void }).complain(`policy: ${e.violatedDirective} ${e.blockedURI}`);
    });
  });
  await page.goto(url + path);
  return { page, context, complaints, outside };
}
