-- A mistyped deposit goes back to the world; a business's withdrawals have a switch; a webhook's
-- waiting token says since when it waits.

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
