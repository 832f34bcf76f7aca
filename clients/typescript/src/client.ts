/** The two clients: of a business and of a payout user. */

import { BusinessCalls, PayoutUserCalls } from "./calls.js";
import type { ClientOptions } from "./transport.js";

/** What a payout user may do, who is known by their payout hash. */
export class PayoutUser extends PayoutUserCalls {
  constructor(options: ClientOptions & { payoutHash: string }) {
    super(options, { "X-Payout-Hash": visible(options.payoutHash, "the payout hash") });
  }
}

/** What a business may do, which is known by its secret key (`sk_live_…` or `sk_test_…`) or a restricted one (`rk_…`). */
export class Payviox extends BusinessCalls {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions & { secretKey: string }) {
    if (!/^[rs]k_/.test(options.secretKey)) {
      throw new TypeError("a business calls with its secret key or a restricted one, which start with sk_ or rk_");
    }
    super(options, { Authorization: `Bearer ${visible(options.secretKey, "the secret key")}` });
    this.#options = options;
  }

  /** A payout user's client, as patient as this one. */
  payoutUser(payoutHash: string): PayoutUser {
    return new PayoutUser({ ...this.#options, payoutHash });
  }
}

function visible(text: unknown, what: string): string {
  if (typeof text === "string" && /^[\x21-\x7e]+$/.test(text)) return text;
  throw new TypeError(`${what} must be visible ASCII characters`);
}
