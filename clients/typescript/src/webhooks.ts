/** Verifies that a webhook came from the server that knows your token, before you read it. */

import type { PayoutEvent } from "./models.js";
import { webCrypto } from "./web_crypto.js";

const NAMES = ["signature", "webhook-id", "webhook-timestamp", "webhook-signature"] as const;
const encoder = new TextEncoder();

/** A request's headers: those of `fetch`, or a plain object as Node has it, in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Record<string, string | string[] | undefined>;

/** Answer 401, and do not read the body. The message says what was wrong, for your log. */
export class InvalidSignature extends Error {
  override name = "InvalidSignature";
}

/**
 * The event in a delivery that is surely ours and recent.
 *
 * `body` is the exact bytes as they came, or their text. `tokens` is the webhook's token (`whsec_…`),
 * or several while it is being changed. Both signatures have to be one token's, and the delivery no
 * more than `toleranceMs` old, or ahead, by this machine's clock (5 minutes unless you say
 * otherwise). Throws InvalidSignature, and TypeError for a malformed token.
 *
 * The same event may come more than once: act once for each `order_id` and `type`.
 */
export async function verify(
  body: Uint8Array | string,
  headers: WebhookHeaders,
  tokens: string | readonly string[],
  { toleranceMs = 300_000 }: { toleranceMs?: number } = {},
): Promise<PayoutEvent> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const read = reader(headers);
  for (const name of NAMES) {
    if (!read(name)) throw new InvalidSignature(`without the header ${name}`);
  }
  const sentAt = read("webhook-timestamp");
  if (!/^[0-9]{1,12}$/.test(sentAt)) throw new InvalidSignature("webhook-timestamp is no time");
  if (Math.abs(Date.now() - Number(sentAt) * 1_000) > toleranceMs) {
    throw new InvalidSignature("webhook-timestamp is too far from this machine's clock");
  }
  const head = encoder.encode(`${read("webhook-id")}.${sentAt}.`);
  const content = new Uint8Array([...head, ...bytes]);
  const given = read("webhook-signature")
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .map((one) => fromBase64(one.slice(3)));
  for (const token of listed(tokens)) {
    const key = fromBase64(token.slice("whsec_".length));
    if (!token.startsWith("whsec_") || key === undefined || key.length === 0) {
      throw new TypeError("the webhook token is malformed: it starts with whsec_");
    }
    if (!(await signed(bytes, read("signature"), token))) continue;
    for (const one of given) {
      if (one !== undefined && (await isMac(key, one, content))) return event(bytes);
    }
  }
  throw new InvalidSignature("no signature is that of a token");
}

/**
 * The event in a delivery whose header `Signature` alone is known, as Payviox's hosted service sends
 * it. It holds no time: an old delivery that somebody caught can be sent to you again. Prefer
 * `verify`. Throws InvalidSignature.
 */
export async function verifySignature(
  body: Uint8Array | string,
  signature: string,
  tokens: string | readonly string[],
): Promise<PayoutEvent> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  for (const token of listed(tokens)) {
    if (await signed(bytes, signature, token)) return event(bytes);
  }
  throw new InvalidSignature("the signature is that of no token");
}

function listed(tokens: string | readonly string[]): readonly string[] {
  const all = typeof tokens === "string" ? [tokens] : tokens;
  if (all.length === 0 || all.includes("")) throw new TypeError("there is no webhook token");
  return all;
}

function reader(headers: WebhookHeaders): (name: string) => string {
  if (typeof headers["get"] === "function") {
    const found = headers as { get(name: string): string | null };
    return (name) => found.get(name) ?? "";
  }
  const entries = Object.entries(headers as Record<string, string | string[] | undefined>);
  const found = new Map(entries.map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => [found.get(name) ?? ""].flat().join(" ");
}

function signed(body: Uint8Array, signature: string, token: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(signature)) return Promise.resolve(false);
  const pairs = signature.match(/../g) ?? [];
  const given = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
  return isMac(encoder.encode(token), given, body);
}

/** Compares without telling by the time it takes how much of a guess was right. */
async function isMac(key: Uint8Array, given: Uint8Array, content: Uint8Array): Promise<boolean> {
  const { subtle } = webCrypto();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await subtle.importKey("raw", key as BufferSource, algorithm, false, ["verify"]);
  return subtle.verify("HMAC", imported, given as BufferSource, content as BufferSource);
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function event(body: Uint8Array): PayoutEvent {
  return JSON.parse(new TextDecoder().decode(body)) as PayoutEvent;
}
