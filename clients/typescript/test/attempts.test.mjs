// When a call is made again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TooManyRequests } from "payviox-client";

const built = new URL("./attempts.js", import.meta.resolve("payviox-client"));
const { waitAfter } = await import(built.href);
const busy = () => new TooManyRequests("", 429, undefined, new Headers());

test("it waits for as long as the server asks", () => {
  assert.equal(waitAfter(busy(), 1, "7", {}), 7_000);
  const soon = waitAfter(busy(), 1, new Date(Date.now() + 20_000).toUTCString(), {});
  assert.ok(soon > 15_000 && soon <= 20_000);
  for (const nothing of [null, "", "soon", new Date(0).toUTCString()]) {
    assert.ok(waitAfter(busy(), 1, nothing, {}) <= 500);
  }
});

test("it waits longer each time and never without end", () => {
  const broken = new TypeError("fetch failed");
  for (const [retry, most] of [[1, 500], [2, 1_000], [5, 8_000], [6, 8_000]]) {
    const waitMs = waitAfter(broken, retry, null, { maxRetries: 6 });
    assert.ok(waitMs >= most / 2 && waitMs <= most, `${retry}: ${waitMs}`);
  }
  assert.equal(waitAfter(broken, 5, null, {}), undefined);
});

test("who is asked to wait longer than wanted is told at once", () => {
  const error = busy();
  assert.equal(waitAfter(error, 1, "31", {}), undefined);
  assert.equal(error.retryAfterMs, 31_000);
});
