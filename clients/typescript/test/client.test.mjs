// The client against a running server, at PAYVIOX_URL, which deals out PAYVIOX_FAULTS first: each
// fault twice, to the first two attempts of a call.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { test } from "node:test";
import { inspect } from "node:util";
import * as client from "payviox-client";

const { PAYVIOX_URL: url, PAYVIOX_KEY: secretKey } = process.env;
const faults = JSON.parse(process.env.PAYVIOX_FAULTS);
const payviox = new client.Payviox({ url, secretKey, maxWaitMs: 1 });

async function all(list) {
  const entries = [];
  for await (const entry of list) entries.push(entry);
  return entries;
}

test("a call that failed on its way is made again", async () => {
  for (const fault of faults) {
    const body = { email: `${fault}@example.com`, amount: 2_500 };
    assert.match((await payviox.createPayout(body)).hash, /^[0-9a-f]{64}$/, fault);
  }
});

test("when retries run out the error has the key for the next time", async () => {
  // The server treats the first of these badly.
  const body = { email: "later@example.com", amount: 100 };
  const failed = await payviox.createPayout(body, { maxRetries: 0 }).catch((error) => error);
  assert.ok(failed instanceof client.ConnectionFailed, inspect(failed));
  await payviox.createPayout(body, { idempotencyKey: failed.idempotencyKey });
  await payviox.createPayout(body, { idempotencyKey: failed.idempotencyKey });
});

test("errors say what was wrong", async () => {
  const wrong = (call) => call.then(() => assert.fail("it succeeded"), (error) => error);
  const fields = await wrong(payviox.createPayout({ email: "nobody", amount: 0 }));
  assert.ok(fields instanceof client.InvalidFields);
  assert.ok(fields instanceof client.ApiError);
  assert.deepEqual(fields.fields, {
    email: ["The email must be a valid email address."],
    amount: ["The amount must be at least 1."],
  });
  assert.match(fields.requestId, /^req_/);
  const poor = await wrong(payviox.createPayout({ email: "ada@example.com", amount: 99_000_000 }));
  assert.ok(poor instanceof client.InsufficientBalance);
  assert.equal(poor.status, 400);
  assert.equal(poor.message, "Insufficient payout balance");
  const nobody = payviox.payoutUser("0".repeat(64));
  assert.ok((await wrong(nobody.getOperations())) instanceof client.Unauthorized);
  assert.ok((await wrong(payviox.getUser("../balance"))) instanceof client.NotFound);
  assert.throws(() => payviox.getUser(""), /empty/);
  await payviox.fund({ amount: 1 }, { idempotencyKey: "k" });
  const other = await wrong(payviox.fund({ amount: 2 }, { idempotencyKey: "k" }));
  assert.ok(other instanceof client.IdempotencyMismatch);
  assert.equal(other.idempotencyKey, "k");
});

test("what a business and a payout user do", async () => {
  const items = [1, 2, 3].map((n) => ({ email: `p${n}@example.com`, amount: 100 }));
  const paid = await payviox.payBatch({ items: [...items, { email: "nobody", amount: 1 }] });
  assert.deepEqual(paid.results.map((result) => Object.keys(result)[0]), [
    "hash",
    "hash",
    "hash",
    "errors",
  ]);
  const users = await all(payviox.listUsers({ limit: 2, status: "active" }));
  assert.deepEqual(users.slice(0, 3).map((user) => user.email), [
    "p3@example.com",
    "p2@example.com",
    "p1@example.com",
  ]);
  assert.equal((await payviox.listUsers({ limit: 2 }).page()).data.length, 2);
  assert.equal((await payviox.deactivateUser(users[0].id)).status, "inactive");
  assert.equal((await payviox.activateUser(users[0].id)).status, "active");
  assert.equal((await payviox.revokeBalance(users[0].id, { amount: 40 })).balance, 60);
  const yesterday = new Date(Date.now() - 86_400_000);
  assert.equal((await payviox.getBalance({ at: yesterday })).payout_balance, 0);
  assert.equal((await payviox.exportHistory({ kind: "revocation" })).split("\n").length, 3);
  const { hash } = await payviox.createPayout({ email: "ada@example.com", amount: 5_000 });
  const ada = payviox.payoutUser(hash);
  const order = await ada.withdraw({
    provider: "paypal",
    amount: 1_000,
    paypal: { email: "ada@example.com" },
  });
  assert.equal((await ada.cancelWithdrawal(order.id)).status, "canceled");
  assert.equal((await all(ada.listWithdrawals())).length, 1);
  assert.equal((await ada.getOperations()).balance, 5_000);
  const made = await payviox.setWebhook({ url: "http://127.0.0.1:9000/hook", enabled: false });
  assert.match(made.token, /^whsec_/);
  assert.equal((await payviox.setWebhook({ url: null })).url, null);
});

test("who has waited long enough is let go", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const deaf = new client.Payviox({ url: `http://127.0.0.1:${silent.address().port}`, secretKey });
  await assert.rejects(
    deaf.getBalance({}, { timeoutMs: 10, maxRetries: 1, maxWaitMs: 1 }),
    /no answer within 10 ms/,
  );
  const signal = AbortSignal.timeout(10);
  await assert.rejects(deaf.getBalance({}, { signal }), { name: "TimeoutError" });
  silent.close();
});

test("it can be required, and shows no secret", () => {
  const required = createRequire(import.meta.url)("payviox-client");
  assert.deepEqual(Object.keys(required).sort(), Object.keys(client).sort());
  assert.ok(!inspect(payviox, { depth: 5, showHidden: true }).includes(secretKey));
  assert.throws(() => new client.Payviox({ url, secretKey: "pk_test_1" }), /secret key/);
  assert.throws(() => new client.Payviox({ url, secretKey: undefined }), /secret key/);
  assert.throws(() => new client.Payviox({ url, secretKey: "sk_test_…" }), /visible ASCII/);
  assert.throws(() => payviox.payoutUser(undefined), /payout hash/);
  assert.throws(() => new client.Payviox({ url: "payviox.test", secretKey }), /http/);
  assert.throws(() => new client.Payviox({ url: undefined, secretKey }), /http/);
});
