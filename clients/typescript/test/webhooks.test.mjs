// Deliveries that the product signed, as PAYVIOX_DELIVERIES has them, and what is to be said of each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { webhooks } from "payviox-client";

const deliveries = JSON.parse(process.env.PAYVIOX_DELIVERIES);

for (const { name, body, headers, tokens, refused } of deliveries) {
  test(name, async () => {
    const forms = [
      [body, headers],
      [new TextEncoder().encode(body), new Headers(headers)],
    ];
    for (const [content, given] of forms) {
      const verified = webhooks.verify(content, given, tokens);
      if (refused === null) assert.equal((await verified).amount, 5_000);
      else await assert.rejects(verified, { name: "InvalidSignature", message: RegExp(refused) });
    }
  });
}

test("a delivery with the old signature alone can be verified", async () => {
  const { body, headers, tokens } = deliveries[0];
  assert.equal((await webhooks.verifySignature(body, headers.Signature, tokens)).amount, 5_000);
  await assert.rejects(webhooks.verifySignature(`${body} `, headers.Signature, tokens));
});

test("the tolerance is yours, and a malformed token an error of its own", async () => {
  const { body, headers, tokens } = deliveries.find(({ refused }) => refused === "clock");
  const event = await webhooks.verify(body, headers, tokens, { toleranceMs: 1e9 });
  assert.equal(event.amount, 5_000);
  const whole = deliveries[0];
  for (const token of ["", [], "whsec_***", "secret"]) {
    await assert.rejects(webhooks.verify(whole.body, whole.headers, token), TypeError);
  }
});
