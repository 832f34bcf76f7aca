// Receives Payviox webhooks, with nothing but Node.js (18 or later).
//
//   PAYVIOX_WEBHOOK_TOKEN=whsec_… PORT=9000 node webhook_receiver.mjs
//
// While a token is being changed give it both, the old and the new, separated by a comma.
// It prints every verified event as one line of JSON. In production put a TLS proxy before it.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOKENS = (process.env.PAYVIOX_WEBHOOK_TOKEN ?? "")
  .split(",")
  .map((token) => token.trim())
  .filter(Boolean);
if (!TOKENS.length) throw new Error("set PAYVIOX_WEBHOOK_TOKEN");
const TOLERANCE_S = 300;
const MAX_BODY_BYTES = 1_000_000;

// Compare without telling by the time it takes how much of a guess was right.
function same(given, expected) {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Whether one of the tokens signed this, in both ways.
function isVerified(body, headers) {
  return TOKENS.some(
    (token) =>
      signatureMatches(token, body, headers) && standardSignatureMatches(token, body, headers),
  );
}

// `Signature`: hex HMAC-SHA256 of the exact bytes, keyed with the token as it is shown.
function signatureMatches(token, body, headers) {
  const expected = createHmac("sha256", token).update(body).digest("hex");
  return same(headers.signature ?? "", expected);
}

// The three `webhook-` headers sign the time too, so an old delivery cannot be replayed.
function standardSignatureMatches(token, body, headers) {
  const sentAt = headers["webhook-timestamp"] ?? "";
  if (!/^[0-9]{1,12}$/.test(sentAt)) return false;
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > TOLERANCE_S) return false;
  const key = Buffer.from(token.replace(/^whsec_/, ""), "base64");
  const digest = createHmac("sha256", key)
    .update(`${headers["webhook-id"] ?? ""}.${sentAt}.`)
    .update(body)
    .digest("base64");
  // While a token is being rotated there may be several, separated by spaces.
  const given = (headers["webhook-signature"] ?? "").split(" ");
  return given.some((signature) => same(signature, `v1,${digest}`));
}

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

// Verify the bytes as they came, and only then parse them.
async function receive(request, response) {
  const body = request.method === "POST" ? await read(request) : Buffer.alloc(0);
  if (body === null) return response.writeHead(413, { Connection: "close" }).end();
  const verified = isVerified(body, request.headers);
  if (verified) {
    // The same event may come more than once: act on each order_id and type only once.
    // Note it down and answer; do slow work later, since 30 seconds without a 200 mean that it
    // is sent again.
    console.log(JSON.stringify(JSON.parse(body.toString("utf8"))));
  }
  return response.writeHead(verified ? 200 : 401).end();
}

const server = createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.error(`listening on http://127.0.0.1:${server.address().port}`);
});
