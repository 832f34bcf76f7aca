-- Who did what: audit entries with their actor, place and change. Besides, a mistyped deposit goes
-- back to the world, a business's withdrawals have a switch, and a webhook's waiting token says
-- since when it waits.

ALTER TABLE audit_entries RENAME COLUMN action TO act;
ALTER TABLE audit_entries
  ADD COLUMN kind    text NOT NULL DEFAULT 'act' CHECK (kind IN ('act', 'alert')),
  ADD COLUMN place   text,
  ADD COLUMN before  jsonb,
  ADD COLUMN after   jsonb;

-- One name for one act; before there were two for some, by the door that they came through.
UPDATE audit_entries SET act = CASE act
  WHEN 'payout_user.status' THEN
    CASE detail->>'status' WHEN 'active' THEN 'payout_user.activate' ELSE 'payout_user.deactivate' END
  WHEN 'payout_user.hash_rotated' THEN 'payout_user.rotate_hash'
  WHEN 'key.regenerated' THEN 'key.regenerate'
  WHEN 'webhook.set' THEN 'webhook.change'
  WHEN 'webhook.token.rotate' THEN 'webhook.rotate_token'
  WHEN 'webhook.token_made' THEN 'webhook.rotate_token'
  WHEN 'webhook.token.confirm' THEN 'webhook.confirm_token'
  WHEN 'webhook.token_confirmed' THEN 'webhook.confirm_token'
  WHEN 'giftcards.void' THEN 'gift_cards.void'
  WHEN 'giftcards.low' THEN 'gift_cards.low'
  WHEN 'giftcards.sold_out' THEN 'gift_cards.sold_out'
  WHEN 'rail.set' THEN 'rail.change'
  WHEN 'rail.nonces_accepted' THEN 'rail.accept_nonces'
  WHEN 'orders.resume' THEN 'order.resume'
  WHEN 'order.settled' THEN 'order.settle'
  WHEN 'suspense.resolved' THEN 'suspense.resolve'
  ELSE act END;

UPDATE audit_entries SET kind = 'alert' WHERE act IN (
  'float.low', 'gift_cards.low', 'gift_cards.sold_out', 'ledger.broken',
  'order.changed_after_review', 'order.contradicted_after_failure',
  'order.contradicted_after_success', 'order.earlier_attempt_named', 'order.needs_a_person',
  'order.paid_after_all', 'order.waiting', 'suspense.unexplained');

-- Acts that are no single business's: who runs the installation, its secret keys, its backups.
CREATE TABLE installation_audit_entries (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  act         text NOT NULL,
  actor       text NOT NULL,
  place       text,
  detail      jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON installation_audit_entries TO payviox_app;
ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check CHECK (kind IN (
  'deposit', 'funds_withdrawal', 'fund', 'defund', 'allocation', 'revocation', 'expiry', 'reserve',
  'settle', 'fee', 'cost', 'release', 'return', 'fee_return', 'paid_after_all', 'suspense',
  'adjustment'));
CREATE UNIQUE INDEX transfers_funds_withdrawal_reference ON transfers (business_id, reference)
  WHERE kind = 'funds_withdrawal';

ALTER TABLE businesses ADD COLUMN withdrawals_enabled boolean NOT NULL DEFAULT true;
GRANT UPDATE (withdrawals_enabled) ON businesses TO payviox_app;

ALTER TABLE webhook_settings ADD COLUMN next_token_since timestamptz;
UPDATE webhook_settings SET next_token_since = updated_at WHERE next_token IS NOT NULL;
ALTER TABLE webhook_settings ADD CONSTRAINT webhook_settings_next_token_since
  CHECK ((next_token IS NULL) = (next_token_since IS NULL));
GRANT UPDATE (next_token_since) ON webhook_settings TO payviox_app;
