/**
 * Client of the Payviox Payout API. Amounts are integers in US cents, times RFC 3339 in UTC.
 * `Payviox` calls as a business, `PayoutUser` as a payout user; `webhooks.verify` checks what comes
 * to your webhook; `models` has the types of everything.
 */

export type { Patience } from "./attempts.js";
export { PayoutUser, Payviox } from "./client.js";
export {
  ApiError,
  BadRequest,
  Conflict,
  ConnectionFailed,
  Forbidden,
  IdempotencyMismatch,
  InsufficientBalance,
  InvalidFields,
  NotFound,
  PayvioxError,
  ServerError,
  TooManyRequests,
  Unauthorized,
} from "./errors.js";
export { Listing } from "./listing.js";
export type * as models from "./models.js";
export type { CallOptions, ClientOptions, Fetch, KeyedOptions, Signal } from "./transport.js";
export * as webhooks from "./webhooks.js";
