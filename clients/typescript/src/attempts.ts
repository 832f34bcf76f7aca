/** Whether and when a call is made again. It neither sends nor waits: transport.ts does. */

import { ApiError, ServerError, TooManyRequests } from "./errors.js";

const FIRST_WAIT_MS = 500;
const LONGEST_BACK_OFF_MS = 8_000;
/** 502 and 504 are proxies' words for a broken connection behind them. */
const AGAIN = [408, 429, 500, 502, 503, 504];

/** How patient a client or a call is. */
export interface Patience {
  /** How long one attempt may take, in milliseconds: 60,000 unless you say otherwise. */
  timeoutMs?: number | undefined;
  /**
   * How often a call is made again after a broken connection, 408, 429, 500, 502, 503 or 504: 4
   * times unless you say otherwise.
   */
  maxRetries?: number | undefined;
  /**
   * The longest wait before one of them, in milliseconds: 30,000 unless you say otherwise. Where the
   * server asks for more, its error is thrown at once.
   */
  maxWaitMs?: number | undefined;
}

/**
 * How many milliseconds to wait before attempt `retry` (from 1 on) after `error`; undefined where
 * there is none. Notes on the error what the server asked for.
 */
export function waitAfter(
  error: unknown,
  retry: number,
  retryAfter: string | null,
  patience: Patience,
): number | undefined {
  const { maxRetries = 4, maxWaitMs = 30_000 } = patience;
  const asked = parseRetryAfter(retryAfter);
  if (error instanceof TooManyRequests || error instanceof ServerError) error.retryAfterMs = asked;
  const again = !(error instanceof ApiError) || AGAIN.includes(error.status);
  if (!again || retry > maxRetries || (asked ?? 0) > maxWaitMs) return undefined;
  const backOff = Math.min(FIRST_WAIT_MS * 2 ** (retry - 1), LONGEST_BACK_OFF_MS);
  const spread = backOff * (0.5 + Math.random() / 2);
  return Math.min(Math.max(spread, asked ?? 0), maxWaitMs);
}

/** `Retry-After` in milliseconds: seconds, or a date of HTTP. */
function parseRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1_000;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : Math.max(moment - Date.now(), 0);
}
