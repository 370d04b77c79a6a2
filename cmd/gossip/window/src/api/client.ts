// Requests to the agent that serves this page.

const tokenKey = "gossip-token";

// takeToken moves a token from the address bar (#token=…) to this tab's storage, where
// neither the history nor a copied address shows it.
export function takeToken(): void {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash);
  if (!found) return;
  setToken(decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname + location.search);
}

export function setToken(token: string): void {
  try {
    sessionStorage.setItem(tokenKey, token);
  } catch {
    memoryToken = token; // storage is forbidden here; the token lasts until the page is left
  }
}

let memoryToken = "";

function authorization(): Record<string, string> {
  let token = memoryToken;
  try {
    token = sessionStorage.getItem(tokenKey) ?? token;
  } catch {
    // as above
  }
  return token ? { Authorization: `Bearer ${token}` } : {};
}

// APIError carries what application/problem+json says.
export class APIError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

export interface Asked {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  timeout?: number; // ms until the answer has begun
}

// request sends one and returns the answer if it is a 2xx; anything else throws.
export async function request(method: string, path: string, body: BodyInit | undefined, o: Asked = {}): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error("The agent does not answer.")), o.timeout ?? 8000);
  try {
    const response = await fetch(path, {
      method,
      body,
      signal: o.signal ? AbortSignal.any([o.signal, late.signal]) : late.signal,
      headers: { ...authorization(), ...o.headers },
      credentials: "omit",
      redirect: "error",
      cache: "no-store",
    });
    if (!response.ok) throw await problem(response);
    return response;
  } finally {
    clearTimeout(timer); // the body may be a stream without an end
  }
}

async function problem(response: Response): Promise<APIError> {
  let title = response.statusText || `Status ${response.status}`;
  let detail = "";
  try {
    const told = (await response.json()) as { title?: unknown; detail?: unknown };
    if (typeof told.title === "string") title = told.title;
    if (typeof told.detail === "string") detail = told.detail;
  } catch {
    // not JSON: the status must do
  }
  return new APIError(response.status, title, detail);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request("GET", path, undefined, { signal, headers: { Accept: "application/json" } });
  return (await response.json()) as T;
}
