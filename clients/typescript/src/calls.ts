/** Made by `make clients` from the OpenAPI document: do not edit. */

import type { Listing } from "./listing.js";
import type * as models from "./models.js";
import { Caller, part, type CallOptions, type KeyedOptions } from "./transport.js";

/**
 * Every call of a business, which is known by its secret key.
 *
 * Amounts are in US cents, times are RFC 3339 in UTC.
 */
export class BusinessCalls extends Caller {
  /**
   * Pay a person by email.
   *
   * Creates the payout user or adds to an existing one, and debits the payout balance: all or
   * nothing. Without an Idempotency-Key the same call twice adds twice. Restricted keys need
   * the scope `allocate`.
   *
   * `email`: An email address
   * `amount`: US cents
   * `notify`: Whether they get a mail; left out, as the business has set it
   */
  createPayout(
    body: models.CreateRequest,
    options?: KeyedOptions,
  ): Promise<models.Created> {
    return this.post("/payout/create", body, options);
  }

  /**
   * Main and payout balance, now or `at` a moment.
   *
   * At a moment a balance is what the last transfer recorded until then left. An answer about
   * the last seconds may still change, by what is being recorded right now. Restricted keys
   * need the scope `read`.
   */
  getBalance(
    query: {
      /**
       * What was held at this moment (RFC 3339 with its zone), which is past by the database's
       * clock; left out: what is held now
       */
      at?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Promise<models.Balances> {
    return this.get("/balance", query, options);
  }

  /**
   * Every account, now or `at` a moment: a trial balance, which comes to zero.
   *
   * `payout_users` is what the other accounts leave to zero; that it is the sum of theirs is
   * checked by the operator's `payviox ledger verify`, not here. Restricted keys need the
   * scope `reports`.
   */
  listAccounts(
    query: {
      /**
       * What was held at this moment (RFC 3339 with its zone), which is past by the database's
       * clock; left out: what is held now
       */
      at?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Promise<models.Accounts> {
    return this.get("/payout/accounts", query, options);
  }

  /**
   * Move money from the main to the payout balance.
   *
   * Restricted keys may not.
   *
   * `amount`: US cents
   */
  fund(
    body: models.MoveRequest,
    options?: KeyedOptions,
  ): Promise<models.Balances> {
    return this.post("/payout/fund", body, options);
  }

  /**
   * Move money back from the payout to the main balance.
   *
   * Restricted keys may not.
   *
   * `amount`: US cents
   */
  defund(
    body: models.MoveRequest,
    options?: KeyedOptions,
  ): Promise<models.Balances> {
    return this.post("/payout/defund", body, options);
  }

  /**
   * Pay up to 10,000 people in one call.
   *
   * Each item gets a result of its own, in order: a hash, field errors, or an error. In mode
   * `each` what can be paid is paid, in chunks of 1,000, one commit each: a call that was cut
   * off is completed by repeating it with its Idempotency-Key. In mode `all_or_nothing` one
   * refused item means that nothing is paid. The body may have up to 4 MB. Restricted keys
   * need the scope `allocate`.
   */
  payBatch(
    body: models.BatchRequest,
    options?: KeyedOptions,
  ): Promise<models.BatchResults> {
    return this.post("/payout/batch", body, options);
  }

  /**
   * List payout users, newest first, with what they have or had `at` a moment.
   *
   * Restricted keys need the scope `read`.
   */
  listUsers(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      /** An email address */
      email?: string | undefined;
      status?: "active" | "inactive" | undefined;
      /**
       * What was held at this moment (RFC 3339 with its zone), which is past by the database's
       * clock; left out: what is held now
       */
      at?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.PayoutUserView, models.ListedPayoutUserView> {
    return this.list("/payout/users", query, "data", options);
  }

  /**
   * One payout user, with what they have or had `at` a moment.
   *
   * Restricted keys need the scope `read`.
   */
  getUser(
    userId: string,
    query: {
      /**
       * What was held at this moment (RFC 3339 with its zone), which is past by the database's
       * clock; left out: what is held now
       */
      at?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Promise<models.PayoutUserView> {
    return this.get(`/payout/users/${part(userId)}`, query, options);
  }

  /**
   * Deactivate a payout user.
   *
   * Their hash opens nothing and nothing can be paid to them until they are activated again.
   * Orders that are open go on. Restricted keys need the scope `decide`.
   */
  deactivateUser(
    userId: string,
    options?: KeyedOptions,
  ): Promise<models.PayoutUserView> {
    return this.post(`/payout/users/${part(userId)}/deactivate`, {}, options);
  }

  /**
   * Activate a payout user.
   *
   * Restricted keys need the scope `decide`.
   */
  activateUser(
    userId: string,
    options?: KeyedOptions,
  ): Promise<models.PayoutUserView> {
    return this.post(`/payout/users/${part(userId)}/activate`, {}, options);
  }

  /**
   * Give a payout user a new hash.
   *
   * The old one stops at once. Every later payment to them answers the new one. Restricted
   * keys need the scope `hashes`.
   */
  rotateHash(
    userId: string,
    options?: KeyedOptions,
  ): Promise<models.NewHash> {
    return this.post(`/payout/users/${part(userId)}/rotate-hash`, {}, options);
  }

  /**
   * Make a link that opens a payout user's redemption page once.
   *
   * It opens within ten minutes, for somebody who is signed in at the business already: send
   * them there at once, and mail it to nobody. Restricted keys need the scope `hashes`.
   */
  makeRedeemLink(
    userId: string,
    options?: KeyedOptions,
  ): Promise<models.RedeemLink> {
    return this.post(`/payout/users/${part(userId)}/redeem-link`, {}, options);
  }

  /**
   * Take unspent money back from a payout user.
   *
   * It goes to the payout balance. What an open order has reserved is out of reach. Restricted
   * keys need the scope `decide`.
   *
   * `amount`: US cents
   */
  revokeBalance(
    userId: string,
    body: models.RevokeRequest,
    options?: KeyedOptions,
  ): Promise<models.Revoked> {
    return this.post(`/payout/users/${part(userId)}/revoke`, body, options);
  }

  /**
   * List payout orders, newest first.
   *
   * Restricted keys need the scope `read`.
   */
  listOrders(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      status?: "canceled" | "created" | "failed" | "queued" | "rejected" | "returned" | "review" | "sending" | "sent" | "succeeded" | "unknown" | undefined;
      provider?: "bank" | "crypto" | "gift_card" | "paypal" | undefined;
      /** A payout user's id */
      user?: string | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.BusinessOrderView, models.ListedBusinessOrderView> {
    return this.list("/payout/orders", query, "data", options);
  }

  /**
   * One payout order.
   *
   * Restricted keys need the scope `read`.
   */
  getOrder(
    orderId: string,
    options?: CallOptions,
  ): Promise<models.BusinessOrderView> {
    return this.get(`/payout/orders/${part(orderId)}`, {}, options);
  }

  /**
   * Approve an order that is in review.
   *
   * It is sent for exactly the amount and the destination that it has now. The amount counts
   * against a restricted key's limits. Restricted keys need the scope `decide`.
   */
  approveOrder(
    orderId: string,
    options?: KeyedOptions,
  ): Promise<models.BusinessOrderView> {
    return this.post(`/payout/orders/${part(orderId)}/approve`, {}, options);
  }

  /**
   * Reject an order that is in review or queued.
   *
   * The money goes back to the payout user, and the note into the webhook. Restricted keys
   * need the scope `decide`.
   */
  rejectOrder(
    orderId: string,
    body: models.RejectRequest = {},
    options?: KeyedOptions,
  ): Promise<models.BusinessOrderView> {
    return this.post(`/payout/orders/${part(orderId)}/reject`, body, options);
  }

  /**
   * Cancel an order that was not sent yet, or that nobody has claimed.
   *
   * What was not sent goes back to the payout user at once. What waits to be claimed
   * (`unclaimed`) is still `sent` in the answer, `taking_back`, until the provider has given
   * it back. Restricted keys need the scope `decide`.
   */
  cancelOrder(
    orderId: string,
    options?: KeyedOptions,
  ): Promise<models.BusinessOrderView> {
    return this.post(`/payout/orders/${part(orderId)}/cancel`, {}, options);
  }

  /**
   * Every movement of the business's money, newest first.
   *
   * With `Accept: text/csv` or `format=csv` everything that matches comes as one file (UTF-8),
   * and `limit` does not count. In it texts are quoted, and one that a spreadsheet would take
   * for a formula starts with an apostrophe. Restricted keys need the scope `read`.
   */
  listHistory(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      kind?: "adjustment" | "allocation" | "cost" | "defund" | "deposit" | "expiry" | "fee" | "fee_return" | "fund" | "funds_withdrawal" | "paid_after_all" | "release" | "reserve" | "return" | "revocation" | "settle" | "suspense" | undefined;
      /** A payout user's id */
      user?: string | undefined;
      /** An order's id */
      order?: string | undefined;
      /** From this time on (RFC 3339) */
      from?: Date | string | undefined;
      /** Before this time (RFC 3339) */
      to?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.Movement, models.ListedMovement> {
    return this.list("/payout/history", query, "data", options);
  }

  /**
   * Every movement of the business's money, newest first. All that matches, as one CSV file.
   *
   * With `Accept: text/csv` or `format=csv` everything that matches comes as one file (UTF-8),
   * and `limit` does not count. In it texts are quoted, and one that a spreadsheet would take
   * for a formula starts with an apostrophe. Restricted keys need the scope `read`.
   */
  exportHistory(
    query: {
      kind?: "adjustment" | "allocation" | "cost" | "defund" | "deposit" | "expiry" | "fee" | "fee_return" | "fund" | "funds_withdrawal" | "paid_after_all" | "release" | "reserve" | "return" | "revocation" | "settle" | "suspense" | undefined;
      /** A payout user's id */
      user?: string | undefined;
      /** An order's id */
      order?: string | undefined;
      /** From this time on (RFC 3339) */
      from?: Date | string | undefined;
      /** Before this time (RFC 3339) */
      to?: Date | string | undefined;
    } = {},
    options?: CallOptions,
  ): Promise<string> {
    return this.getText("/payout/history", query, options);
  }

  /**
   * An account's statement between two moments, oldest movement first.
   *
   * Opening and every movement come to the closing balance, whatever `limit` shows of them.
   * Restricted keys need the scope `reports`.
   */
  getStatement(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      account?: "main" | "payout" | undefined;
      /** A payout user's id: their account instead */
      user?: string | undefined;
      /** From this moment on (RFC 3339) */
      from: Date | string;
      /** Before this moment, which is past */
      to: Date | string;
    },
    options?: CallOptions,
  ): Promise<models.Statement> {
    return this.get("/payout/statement", query, options);
  }

  /**
   * An account's statement between two moments, oldest movement first. One entry after
   * another, over all pages.
   *
   * Opening and every movement come to the closing balance, whatever `limit` shows of them.
   * Restricted keys need the scope `reports`.
   */
  listStatement(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      account?: "main" | "payout" | undefined;
      /** A payout user's id: their account instead */
      user?: string | undefined;
      /** From this moment on (RFC 3339) */
      from: Date | string;
      /** Before this moment, which is past */
      to: Date | string;
    },
    options?: CallOptions,
  ): Listing<models.Line, models.Statement> {
    return this.list("/payout/statement", query, "data", options);
  }

  /**
   * What was paid to whom in a calendar year (UTC).
   *
   * An order counts in the year in which it succeeded; what was returned of it since is taken
   * off there. People come in the order of their ids. These are facts from the ledger, no tax
   * advice, and nothing is filed. Restricted keys need the scope `reports`.
   */
  listTaxFacts(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      /** A calendar year in UTC */
      year: number;
      /** US cents */
      at_least?: number | undefined;
    },
    options?: CallOptions,
  ): Listing<models.TaxFacts, models.ListedTaxFacts> {
    return this.list("/payout/taxes", query, "data", options);
  }

  /**
   * Note a payout user's tax state, in place of what was noted before.
   *
   * Restricted keys may not.
   */
  setTaxNote(
    userId: string,
    body: models.TaxNote,
    options?: CallOptions,
  ): Promise<models.TaxNote> {
    return this.put(`/payout/users/${part(userId)}/tax-note`, body, options);
  }

  /**
   * Events, newest first, with their delivery and its last four attempts.
   *
   * Restricted keys need the scope `read`.
   */
  listEvents(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      type?: "payout.canceled" | "payout.created" | "payout.failed" | "payout.processing" | "payout.rejected" | "payout.returned" | "payout.succeeded" | undefined;
      order?: string | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.Event, models.ListedEvent> {
    return this.list("/payout/events", query, "data", options);
  }

  /**
   * One event with its delivery and its last hundred attempts.
   *
   * Restricted keys need the scope `read`.
   */
  getEvent(
    eventId: string,
    options?: CallOptions,
  ): Promise<models.Event> {
    return this.get(`/payout/events/${part(eventId)}`, {}, options);
  }

  /**
   * Deliver an event again, or for the first time: up to four attempts from now on, under the
   * same `webhook-id`.
   *
   * Restricted keys need the scope `webhooks`.
   */
  redeliverEvent(
    eventId: string,
    options?: KeyedOptions,
  ): Promise<models.Queued> {
    return this.post(`/payout/events/${part(eventId)}/redeliver`, {}, options);
  }

  /**
   * Set the webhook's URL, switch and events. The first time its token is made and shown.
   *
   * Restricted keys need the scope `webhooks`.
   */
  setWebhook(
    body: models.WebhookChange = {},
    options?: CallOptions,
  ): Promise<models.Webhook> {
    return this.put("/payout/webhook", body, options);
  }

  /**
   * The webhook's settings, without its token.
   *
   * Restricted keys need the scope `webhooks`.
   */
  getWebhook(
    options?: CallOptions,
  ): Promise<models.Webhook> {
    return this.get("/payout/webhook", {}, options);
  }

  /**
   * Send a sample event, marked `test_mode`, to the webhook: subscribed or not, switched on or
   * not.
   *
   * Restricted keys need the scope `webhooks`.
   */
  sendTestWebhook(
    body: models.TestWebhook,
    options?: KeyedOptions,
  ): Promise<models.Queued> {
    return this.post("/payout/webhook/test", body, options);
  }

  /**
   * Change the token in two steps, so that no delivery fails for it: ask for a new one, teach
   * it to your receiver, then confirm it. Until then the old one signs, and `webhook-
   * signature` carries both signatures.
   *
   * Restricted keys need the scope `webhooks`.
   */
  rotateWebhookToken(
    body: models.RotateToken = {},
    options?: KeyedOptions,
  ): Promise<models.Rotation> {
    return this.post("/payout/webhook/rotate-token", body, options);
  }

  /**
   * Make a restricted key.
   *
   * It does what its scopes say, within its limits, and nothing else. It outlives the secret
   * key that made it. Restricted keys may not.
   *
   * `amount_limit`: US cents
   * `daily_limit`: US cents
   * `networks`: Addresses or networks (CIDR)
   * `expires_at`: RFC 3339
   */
  createKey(
    body: models.KeyRequest,
    options?: KeyedOptions,
  ): Promise<models.NewKeyView> {
    return this.post("/payout/keys", body, options);
  }

  /**
   * List the restricted keys, newest first.
   *
   * This and the other calls for keys need the secret key. Restricted keys may not.
   */
  listKeys(
    options?: CallOptions,
  ): Promise<models.Keys> {
    return this.get("/payout/keys", {}, options);
  }

  /**
   * Give a restricted key these bounds in place of those it has.
   *
   * They hold at once. What it has spent today still counts. Restricted keys may not.
   *
   * `amount_limit`: US cents
   * `daily_limit`: US cents
   * `networks`: Addresses or networks (CIDR)
   * `expires_at`: RFC 3339
   */
  changeKey(
    keyId: string,
    body: models.KeyRequest,
    options?: CallOptions,
  ): Promise<models.KeyView> {
    return this.put(`/payout/keys/${part(keyId)}`, body, options);
  }

  /**
   * Stop a restricted key at once, for good.
   *
   * Restricted keys may not.
   */
  revokeKey(
    keyId: string,
    options?: KeyedOptions,
  ): Promise<models.KeyView> {
    return this.post(`/payout/keys/${part(keyId)}/revoke`, {}, options);
  }

  /**
   * Everything that changed the business's money, rights, settings or secrets, and every
   * alert, newest first.
   *
   * Allocations and withdrawals stand in the history, not here. Restricted keys need the scope
   * `reports`.
   */
  listAudit(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      act?: string | undefined;
      kind?: "act" | "alert" | undefined;
      /** Those about this order */
      order?: string | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.AuditEntryView, models.ListedAuditEntryView> {
    return this.list("/payout/audit", query, "data", options);
  }
}

/**
 * Every call of a payout user, who is known by a payout hash.
 *
 * Amounts are in US cents, times are RFC 3339 in UTC.
 */
export class PayoutUserCalls extends Caller {
  /**
   * Balance, what can be done, and history, newest first.
   */
  getOperations(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
    } = {},
    options?: CallOptions,
  ): Promise<models.OperationsView> {
    return this.get("/payout/operations", query, options);
  }

  /**
   * Balance, what can be done, and history, newest first. One entry after another, over all
   * pages.
   */
  listOperations(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.OperationView, models.OperationsView> {
    return this.list("/payout/operations", query, "operations", options);
  }

  /**
   * Quote a withdrawal.
   *
   * Say what to spend (`amount`) or what is to arrive (`net_amount`).
   *
   * `amount`: US cents
   * `net_amount`: US cents
   */
  quote(
    body: models.QuoteRequest,
    options?: KeyedOptions,
  ): Promise<models.QuoteView> {
    return this.post("/payout/quote", body, options);
  }

  /**
   * Withdraw all or part of the balance.
   *
   * The money is set aside at once; the order is sent in the background, after review where
   * the business's rules ask for one.
   *
   * `amount`: US cents
   * `net_amount`: US cents
   */
  withdraw(
    body: models.WithdrawRequest,
    options?: KeyedOptions,
  ): Promise<models.OrderView> {
    return this.post("/payout/withdraw", body, options);
  }

  /**
   * List one's withdrawals, newest first.
   */
  listWithdrawals(
    query: {
      /** Continue after the entry with this id. */
      after?: string | undefined;
      /** The entries of one page, 1 to 100; more are asked for as they are read. */
      limit?: number | undefined;
      status?: "canceled" | "created" | "failed" | "queued" | "rejected" | "returned" | "review" | "sending" | "sent" | "succeeded" | "unknown" | undefined;
    } = {},
    options?: CallOptions,
  ): Listing<models.OrderView, models.ListedOrderView> {
    return this.list("/payout/withdrawals", query, "data", options);
  }

  /**
   * One of one's withdrawals.
   */
  getWithdrawal(
    withdrawalId: string,
    options?: CallOptions,
  ): Promise<models.OrderView> {
    return this.get(`/payout/withdrawals/${part(withdrawalId)}`, {}, options);
  }

  /**
   * Cancel a withdrawal that was not sent yet, or that nobody has claimed.
   *
   * What was not sent is back on the balance at once. What waits to be claimed (`unclaimed`)
   * is still `sent` in the answer, `taking_back`, until the provider has given it back.
   */
  cancelWithdrawal(
    withdrawalId: string,
    options?: KeyedOptions,
  ): Promise<models.OrderView> {
    return this.post(`/payout/withdrawals/${part(withdrawalId)}/cancel`, {}, options);
  }

  /**
   * The gift cards that can be bought.
   */
  listGiftCards(
    options?: CallOptions,
  ): Promise<models.Catalogue> {
    return this.get("/payout/gift-cards", {}, options);
  }

  /**
   * Show the code, or the link, of a gift card that one has bought.
   *
   * Every reveal is recorded.
   */
  revealGiftCard(
    withdrawalId: string,
    options?: KeyedOptions,
  ): Promise<models.RevealedView> {
    return this.post(`/payout/withdrawals/${part(withdrawalId)}/reveal`, {}, options);
  }
}
