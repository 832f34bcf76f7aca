/** What the calls of businesses and payout users have in common: sending, and sending again. */

import { waitAfter, type Patience } from "./attempts.js";
import { ApiError, ConnectionFailed, errorOf } from "./errors.js";
import { Listing } from "./listing.js";
import { webCrypto } from "./web_crypto.js";

/** As much of an `AbortSignal` as is used. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** As much of `fetch` as is used. */
export type Fetch = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    body?: string;
    redirect: "manual";
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    signal: any; // each platform has its own AbortSignal
  },
) => Promise<{
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** What every client is told. */
export interface ClientOptions extends Patience {
  /** The server's address, such as `https://payouts.example.com`. */
  url: string;
  /** Another `fetch`, for proxies or certificates. */
  fetch?: Fetch | undefined;
}

/** What any call may be told. */
export interface CallOptions extends Patience {
  /** Ends the call, also while it waits. What it may have done is then unknown. */
  signal?: Signal | undefined;
}

/** What a call may be told that changes something. */
export interface KeyedOptions extends CallOptions {
  /**
   * One of your own, such as an invoice's number: it also makes calls of other processes and days
   * one effect. Left out, a new one covers this call's own retries.
   */
  idempotencyKey?: string | undefined;
}

type Query = Record<string, string | number | Date | undefined>;

export class Caller {
  readonly #options: ClientOptions;
  readonly #headers: Record<string, string>;

  protected constructor(options: ClientOptions, headers: Record<string, string>) {
    if (!/^https?:\/\//.test(options.url)) {
      throw new TypeError("the url starts with https:// or http://");
    }
    this.#options = options;
    this.#headers = { ...headers, "User-Agent": "payviox-client-typescript" };
  }

  protected get<T>(path: string, query: Query, options: CallOptions | undefined): Promise<T> {
    return this.#send("GET", path + search(query), { Accept: "application/json" }, options);
  }

  protected getText(path: string, query: Query, options: CallOptions | undefined): Promise<string> {
    return this.#send("GET", path + search(query), { Accept: "text/csv" }, options);
  }

  protected put<T>(path: string, body: object, options: CallOptions | undefined): Promise<T> {
    return this.#send("PUT", path, JSON_HEADERS, options, body);
  }

  protected async post<T>(path: string, body: object, options: KeyedOptions = {}): Promise<T> {
    const key = options.idempotencyKey ?? webCrypto().randomUUID();
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw new TypeError("an idempotency key is 1 to 255 visible ASCII characters");
    }
    return this.#send("POST", path, { ...JSON_HEADERS, "Idempotency-Key": key }, options, body);
  }

  protected list<Entry, Page>(
    path: string,
    query: Query,
    entries: string,
    options: CallOptions | undefined,
  ): Listing<Entry, Page> {
    const from = (after: string | undefined) => (after === undefined ? query : { ...query, after });
    return new Listing((after) => this.get<Page>(path, from(after), options), entries);
  }

  /** All attempts at one call, with the same key. */
  async #send<T>(
    method: string,
    path: string,
    headers: Record<string, string>,
    options: CallOptions = {},
    body?: object,
  ): Promise<T> {
    const patience = { ...this.#options, ...given(options) };
    for (let retry = 1; ; retry++) {
      options.signal?.aborted && stop(options.signal);
      const [answer, error, retryAfter] = await this.#attempt(
        method,
        path,
        { ...this.#headers, ...headers },
        body,
        patience,
      );
      if (error === undefined) return answer as T;
      options.signal?.aborted && stop(options.signal);
      const waitMs = waitAfter(error, retry, retryAfter, patience);
      if (waitMs === undefined) throw told(error, headers["Idempotency-Key"]);
      await pause(waitMs, options.signal);
    }
  }

  /** One attempt: the answer, or an error and its `Retry-After`. */
  async #attempt(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: object | undefined,
    options: ClientOptions & CallOptions,
  ): Promise<[answer: unknown, error: unknown, retryAfter: string | null]> {
    const { fetch = globalThis.fetch as Fetch, signal, timeoutMs = 60_000 } = options;
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    const late = new Error(`no answer within ${timeoutMs} ms`);
    const timer = setTimeout(() => controller.abort(late), timeoutMs);
    let retryAfter: string | null = null;
    try {
      const response = await fetch(options.url.replace(/\/+$/, "") + path, {
        method,
        headers,
        redirect: "manual",
        signal: controller.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      retryAfter = response.headers.get("retry-after");
      const text = await response.text();
      if (response.ok && headers["Accept"] === "text/csv") return [text, undefined, null];
      if (response.ok) return [JSON.parse(text), undefined, null];
      return [undefined, errorOf(response.status, parsed(text), response.headers), retryAfter];
    } catch (error) {
      return [undefined, error ?? late, retryAfter];
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}

const JSON_HEADERS = { Accept: "application/json", "Content-Type": "application/json" };

/** An id as a part of a path. An empty one would be the path of the whole list. */
export function part(id: string): string {
  if (id === "" || id === "." || id === "..") throw new TypeError("the id is empty");
  return encodeURIComponent(id);
}

function search(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, value instanceof Date ? value.toISOString() : String(value)]];
  });
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

function given(options: CallOptions): CallOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function told(error: unknown, key: string | undefined): Error {
  const failed =
    error instanceof ApiError
      ? error
      : new ConnectionFailed(`no whole answer: ${words(error)}`, { cause: error });
  failed.idempotencyKey = key;
  return failed;
}

function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const deeper = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return error.message + deeper;
}

function stop(signal: Signal): never {
  throw signal.reason ?? new Error("aborted");
}

function pause(ms: number, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
