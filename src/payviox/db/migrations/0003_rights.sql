-- What the application's role may do, and what the database refuses to everybody.

-- Columns of new rows ---------------------------------------------------------------------------

-- The database says when a row was made and which number it has; a row begins as all begin. So only
-- those columns are granted that the application gives.

REVOKE INSERT ON
  audit_entries, installation_audit_entries, organizations, businesses, api_keys, operators,
  secret_keys, accounts, allocation_groups,
  payout_users, idempotency_keys, quotes, orders, order_attempts, order_states, sandbox_payments,
  gift_card_products, gift_cards, gift_card_reveals, webhook_settings, events, deliveries,
  delivery_attempts, rail_accounts, rail_products, rail_callbacks, evm_wallets, evm_payments,
  evm_transactions, reconciliations, suspense_items, reconciliation_look_ups FROM payviox_app;

GRANT INSERT (business_id, kind, act, actor, place, detail, before, after)
  ON audit_entries TO payviox_app;
GRANT INSERT (act, actor, place, detail) ON installation_audit_entries TO payviox_app;
GRANT INSERT (id, name) ON organizations TO payviox_app;
GRANT INSERT (id, organization_id, mode, name, hash_code, review_amount, review_velocity_orders)
  ON businesses TO payviox_app;
GRANT INSERT (id, business_id, kind, digest, hint) ON api_keys TO payviox_app;
GRANT INSERT (id, email, password_hash, is_admin) ON operators TO payviox_app;
GRANT INSERT (key_id) ON secret_keys TO payviox_app;
GRANT INSERT (business_id, id, kind, rail, balance, version) ON accounts TO payviox_app;
GRANT INSERT (business_id, id) ON allocation_groups TO payviox_app;
GRANT INSERT (business_id, id, email, hash_key_id, hash_digest) ON payout_users TO payviox_app;
GRANT INSERT (business_id, caller, path, key, part, digest, call_id)
  ON idempotency_keys TO payviox_app;
GRANT INSERT (business_id, id, payout_user_id, provider, rail, amount, fees, net_amount, destination,
              expires_at) ON quotes TO payviox_app;
GRANT INSERT (business_id, id, payout_user_id, provider, rail, status, amount, fees, net_amount,
              destination, destination_digest, payee_digest, review_reasons, reviewed_digest,
              quote_id, due_at) ON orders TO payviox_app;
GRANT INSERT (business_id, order_id, number, reference, request) ON order_attempts TO payviox_app;
GRANT INSERT (business_id, order_id, number, status, actor, note) ON order_states TO payviox_app;
GRANT INSERT (business_id, reference, request) ON sandbox_payments TO payviox_app;
GRANT INSERT (business_id, id, name, brand, country, currency, face_value, price)
  ON gift_card_products TO payviox_app;
GRANT INSERT (business_id, id, product_id, code, pin, key_id, fingerprint, expires_on)
  ON gift_cards TO payviox_app;
GRANT INSERT (business_id, gift_card_id, order_id) ON gift_card_reveals TO payviox_app;
GRANT INSERT (business_id, token, key_id) ON webhook_settings TO payviox_app;
GRANT INSERT (business_id, id, type, order_id, body) ON events TO payviox_app;
GRANT INSERT (business_id, id, event_id, by_hand) ON deliveries TO payviox_app;
GRANT INSERT (business_id, delivery_id, number, url, request_headers, status, answer, error,
              duration_ms) ON delivery_attempts TO payviox_app;
GRANT INSERT (business_id, rail, environment, settings, credentials, key_id)
  ON rail_accounts TO payviox_app;
GRANT INSERT (business_id, rail, id, product) ON rail_products TO payviox_app;
GRANT INSERT (business_id, rail, event_id, headers, body, orders) ON rail_callbacks TO payviox_app;
GRANT INSERT (business_id, chain_id, address, next_nonce) ON evm_wallets TO payviox_app;
GRANT INSERT (business_id, chain_id, wallet, nonce, reference, request)
  ON evm_payments TO payviox_app;
GRANT INSERT (business_id, chain_id, wallet, nonce, number, hash, raw, fees)
  ON evm_transactions TO payviox_app;
GRANT INSERT (business_id, id, rail, since, report, started_at) ON reconciliations TO payviox_app;
GRANT INSERT (business_id, id, rail, cause, subject, order_id, amount, evidence)
  ON suspense_items TO payviox_app;
GRANT INSERT (business_id, order_id) ON reconciliation_look_ups TO payviox_app;

-- What has ended stays as it ended --------------------------------------------------------------

-- Whoever asks, the owner too. Each condition is part of its trigger, so that rows which go on cost
-- no function call; none is on transfers, or on what an allocation changes. Rows are compared column
-- by column: a comparison of whole rows reads differently after a dump and a restore, and the
-- catalogue is compared by its text.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% refuses: %', TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER orders_stay_ended BEFORE UPDATE ON orders FOR EACH ROW
  WHEN (OLD.status IN ('succeeded', 'failed', 'rejected', 'canceled', 'returned')
    AND CASE WHEN NEW.status = OLD.status
      THEN NEW.note IS DISTINCT FROM OLD.note OR NEW.failure IS DISTINCT FROM OLD.failure
        OR NEW.review_reasons IS DISTINCT FROM OLD.review_reasons
        OR NEW.reviewed_digest IS DISTINCT FROM OLD.reviewed_digest
      ELSE (OLD.status, NEW.status) <> ('succeeded', 'returned') END)
  EXECUTE FUNCTION refuse_change('an order that has ended stays as it ended');

-- A failed attempt may prove to have been paid after all; a paid one only comes back.
CREATE TRIGGER order_attempts_stay_paid BEFORE UPDATE ON order_attempts FOR EACH ROW
  WHEN (OLD.outcome IN ('succeeded', 'returned') AND NEW.outcome IS DISTINCT FROM OLD.outcome
    AND (OLD.outcome, coalesce(NEW.outcome, '')) <> ('succeeded', 'returned'))
  EXECUTE FUNCTION refuse_change('an attempt that paid stays one that paid');

CREATE TRIGGER suspense_items_stay_resolved BEFORE UPDATE ON suspense_items FOR EACH ROW
  WHEN (OLD.resolved_at IS NOT NULL)
  EXECUTE FUNCTION refuse_change('an item that is resolved stays as it was resolved');

-- A card that is bound to an order never goes to another, and one that is out of stock stays out. A
-- delivered card stays the card that it was: its code is only written anew under another secret key.
CREATE TRIGGER gift_cards_stay_bound BEFORE UPDATE ON gift_cards FOR EACH ROW
  WHEN ((OLD.status <> 'available' AND (NEW.reference IS DISTINCT FROM OLD.reference
          OR NEW.order_id IS DISTINCT FROM OLD.order_id
          OR NEW.product_id IS DISTINCT FROM OLD.product_id))
    OR (OLD.status IN ('reserved', 'void') AND NEW.status = 'available')
    OR (OLD.status = 'void' AND NEW.status <> 'void')
    OR (OLD.status = 'delivered' AND (NEW.status IS DISTINCT FROM OLD.status
          OR NEW.delivered_at IS DISTINCT FROM OLD.delivered_at
          OR NEW.expires_on IS DISTINCT FROM OLD.expires_on))
    OR (OLD.status = 'delivered' AND NEW.key_id = OLD.key_id
          AND (NEW.code IS DISTINCT FROM OLD.code OR NEW.pin IS DISTINCT FROM OLD.pin
            OR NEW.fingerprint IS DISTINCT FROM OLD.fingerprint)))
  EXECUTE FUNCTION refuse_change('a card that left the stock stays as it left');

CREATE TRIGGER idempotency_keys_stay_used BEFORE UPDATE ON idempotency_keys FOR EACH ROW
  WHEN (OLD.reference IS NOT NULL AND NEW.reference IS DISTINCT FROM OLD.reference)
  EXECUTE FUNCTION refuse_change('what a key was used for never changes');

CREATE TRIGGER payout_users_hash_goes_on BEFORE UPDATE OF hash_generation ON payout_users
  FOR EACH ROW WHEN (NEW.hash_generation < OLD.hash_generation)
  EXECUTE FUNCTION refuse_change('a hash that was rotated never comes back');

CREATE TRIGGER evm_wallets_nonce_goes_on BEFORE UPDATE OF next_nonce ON evm_wallets
  FOR EACH ROW WHEN (NEW.next_nonce < OLD.next_nonce)
  EXECUTE FUNCTION refuse_change('a nonce that was given out is not given out again');
