// A strict program that imports the package: `tsc` has nothing to say against it.
import { ApiError, InvalidFields, Payviox, type models, webhooks } from "payviox-client";

const payviox = new Payviox({ url: "https://payviox.test", secretKey: "sk_test_1", maxRetries: 2 });

export async function pay(email: string, cents: number): Promise<string> {
  const created: models.Created = await payviox.createPayout(
    { email, amount: cents },
    { idempotencyKey: "invoice-1" },
  );
  const order = await payviox
    .payoutUser(created.hash)
    .withdraw({ provider: "paypal", amount: 1, paypal: { email } });
  for await (const user of payviox.listUsers({ status: "active", at: "2026-01-31T00:00:00Z" })) {
    const balance: number = user.balance;
    if (balance > 0) break;
  }
  const { opening } = await payviox.getStatement({ from: "2026-01-01T00:00:00Z", to: new Date() });
  return `${order.status} ${opening}`;
}

export function explain(error: unknown): string {
  if (error instanceof InvalidFields) return Object.keys(error.fields).join();
  return error instanceof ApiError ? `${error.status} ${error.requestId ?? ""}` : "";
}

export async function receive(body: string, headers: Record<string, string>): Promise<number> {
  const event = await webhooks.verify(body, headers, ["whsec_AAAA"], { toleranceMs: 1_000 });
  return event.type === "payout.succeeded" ? event.amount : 0;
}

// @ts-expect-error  the amount is missing
await payviox.createPayout({ email: "ada@example.com" });
// @ts-expect-error  there is no such status
payviox.listUsers({ status: "gone" });
// @ts-expect-error  a statement needs its period
await payviox.getStatement({});
