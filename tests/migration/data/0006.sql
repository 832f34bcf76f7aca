-- Businesses with money, payout users and orders, as schema 0006 keeps them.
INSERT INTO organizations (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'ACME');
INSERT INTO businesses (id, organization_id, mode, name, hash_code, payouts_enabled) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-000000000001', 'live', 'ACME', '0123abcd', true);
INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1', 'a@x.test', '00000000', '\x01');
INSERT INTO accounts (business_id, id, kind, rail, balance, version) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'world', '', -1000, 1),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a2', 'main', '', 400, 2),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a3', 'payout', '', 350, 2),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a4', 'fee_income', '', 0, 0),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1', 'user', '', 50, 2),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a5', 'in_transit', 'stock', 200, 1);
INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees, net_amount,
                    destination, destination_digest) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000d1',
   '00000000-0000-7000-8000-0000000000c1', 'gift_card', 'stock', 'queued', 200, 0, 200, '{}', '\x02');
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance, order_id) VALUES
  ('00000000-0000-7000-8000-0000000000b1', 'deposit', 1000, '00000000-0000-7000-8000-0000000000a1', 1, -1000,
   '00000000-0000-7000-8000-0000000000a2', 1, 1000, NULL),
  ('00000000-0000-7000-8000-0000000000b1', 'fund', 600, '00000000-0000-7000-8000-0000000000a2', 2, 400,
   '00000000-0000-7000-8000-0000000000a3', 1, 600, NULL),
  ('00000000-0000-7000-8000-0000000000b1', 'allocation', 250, '00000000-0000-7000-8000-0000000000a3', 2, 350,
   '00000000-0000-7000-8000-0000000000c1', 1, 250, NULL),
  ('00000000-0000-7000-8000-0000000000b1', 'reserve', 200, '00000000-0000-7000-8000-0000000000c1', 2, 50,
   '00000000-0000-7000-8000-0000000000a5', 1, 200, '00000000-0000-7000-8000-0000000000d1');

-- A test business whose order failed, after which the rail paid it all the same.
INSERT INTO businesses (id, organization_id, mode, name, hash_code) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-000000000001', 'test', 'ACME', '89abcdef');
INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000c2', 'b@x.test', '00000000', '\x03');
INSERT INTO accounts (business_id, id, kind, rail, balance, version) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e1', 'world', '', -1000, 1),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e2', 'main', '', 400, 2),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e3', 'payout', '', 350, 2),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e4', 'fee_income', '', 0, 0),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000c2', 'user', '', 250, 3),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e5', 'in_transit', 'sandbox', 0, 2),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e6', 'suspense', 'sandbox', -200, 1),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e7', 'settled', 'sandbox', 200, 1);
INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees, net_amount,
                    destination, destination_digest, attempt, rail_order_id) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2',
   '00000000-0000-7000-8000-0000000000c2', 'paypal', 'sandbox', 'failed', 200, 0, 200, '{"email":"b@x.test"}', '\x04', 1, 'PP-1');
INSERT INTO order_attempts (business_id, order_id, number, reference, request, outcome, answer) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2', 1,
   'ord_00000000-0000-7000-8000-0000000000d2.1',
   '{"rail":"sandbox","provider":"paypal","amount":200,"net_amount":200,"destination":{"email":"b@x.test"}}',
   'succeeded', '{}');
INSERT INTO order_states (business_id, order_id, number, status, actor) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000d1', 1, 'created', 'test'),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000d1', 2, 'queued', 'test'),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2', 1, 'created', 'test'),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2', 2, 'queued', 'test'),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2', 3, 'sending', 'test'),
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2', 4, 'failed', 'test');
INSERT INTO events (business_id, id, type, order_id, body) VALUES
  ('00000000-0000-7000-8000-0000000000b1', gen_random_uuid(), 'payout.created', '00000000-0000-7000-8000-0000000000d1', '{}'),
  ('00000000-0000-7000-8000-0000000000b2', gen_random_uuid(), 'payout.created', '00000000-0000-7000-8000-0000000000d2', '{}'),
  ('00000000-0000-7000-8000-0000000000b2', gen_random_uuid(), 'payout.processing', '00000000-0000-7000-8000-0000000000d2', '{}'),
  ('00000000-0000-7000-8000-0000000000b2', gen_random_uuid(), 'payout.failed', '00000000-0000-7000-8000-0000000000d2', '{}');
INSERT INTO sandbox_payments (business_id, reference, request) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 'ord_00000000-0000-7000-8000-0000000000d2.1',
   '{"ending":"failed-paid","amount":200}');
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance, order_id) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 'deposit', 1000, '00000000-0000-7000-8000-0000000000e1', 1, -1000,
   '00000000-0000-7000-8000-0000000000e2', 1, 1000, NULL),
  ('00000000-0000-7000-8000-0000000000b2', 'fund', 600, '00000000-0000-7000-8000-0000000000e2', 2, 400,
   '00000000-0000-7000-8000-0000000000e3', 1, 600, NULL),
  ('00000000-0000-7000-8000-0000000000b2', 'allocation', 250, '00000000-0000-7000-8000-0000000000e3', 2, 350,
   '00000000-0000-7000-8000-0000000000c2', 1, 250, NULL),
  ('00000000-0000-7000-8000-0000000000b2', 'reserve', 200, '00000000-0000-7000-8000-0000000000c2', 2, 50,
   '00000000-0000-7000-8000-0000000000e5', 1, 200, '00000000-0000-7000-8000-0000000000d2'),
  ('00000000-0000-7000-8000-0000000000b2', 'release', 200, '00000000-0000-7000-8000-0000000000e5', 2, 0,
   '00000000-0000-7000-8000-0000000000c2', 3, 250, '00000000-0000-7000-8000-0000000000d2'),
  ('00000000-0000-7000-8000-0000000000b2', 'paid_after_all', 200, '00000000-0000-7000-8000-0000000000e6', 1, -200,
   '00000000-0000-7000-8000-0000000000e7', 1, 200, '00000000-0000-7000-8000-0000000000d2');

-- Their accounts at rails, what came of them, and what nobody has explained yet.
UPDATE order_attempts SET rail_order_id = 'PP-1';
INSERT INTO rail_accounts (business_id, rail, environment, max_amount, settings, credentials, key_id) VALUES
  ('00000000-0000-7000-8000-0000000000b1', 'paypal', 'live', 5000, '{"client_id":"AY"}', '\x05', '00000000'),
  ('00000000-0000-7000-8000-0000000000b2', 'evm', 'sandbox', NULL, '{"address":"0x01","chains":{}}', '\x06', '00000000');
INSERT INTO rail_products (business_id, rail, id, product) VALUES
  ('00000000-0000-7000-8000-0000000000b1', 'tremendous', 'ABCD', '{"id":"ABCD"}');
INSERT INTO rail_callbacks (business_id, rail, event_id, headers, body, orders) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 'paypal', 'WH-1', '{}', '\x7b7d', ARRAY['00000000-0000-7000-8000-0000000000d2'::uuid]);
INSERT INTO evm_wallet_owners (business_id, chain_id, address) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 31337, '0x01');
INSERT INTO evm_wallets (business_id, chain_id, address, next_nonce) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 31337, '0x01', 1);
INSERT INTO evm_payments (business_id, chain_id, wallet, nonce, reference, request) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 31337, '0x01', 0, 'ord_x.1', '{}');
INSERT INTO evm_transactions (business_id, chain_id, wallet, nonce, number, hash, raw, fees) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 31337, '0x01', 0, 1, '0x02', '\x02', '{}');
INSERT INTO reconciliations (business_id, id, rail, since, report, started_at) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000f1', 'sandbox', now(), '{}', now());
INSERT INTO suspense_items (business_id, id, rail, cause, subject, order_id, amount, evidence) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000f2', 'sandbox', 'paid_after_all',
   'ord_00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000d2', 200, '{}');
INSERT INTO reconciliation_look_ups (business_id, order_id) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000d2');

-- Who did what.
INSERT INTO audit_entries (business_id, actor, act, kind, place, detail, before, after) VALUES
  ('00000000-0000-7000-8000-0000000000b1', 'command:payviox', 'business.set', 'act', 'host', '{}', '{"low_stock":1}', '{"low_stock":2}'),
  ('00000000-0000-7000-8000-0000000000b2', 'worker', 'float.low', 'alert', NULL, '{"rail":"paypal"}', NULL, NULL);
INSERT INTO installation_audit_entries (act, actor, place, detail) VALUES
  ('operator.create', 'command:payviox', 'host', '{"email":"o@x.test"}');

-- Who may sign in.
INSERT INTO operators (id, email, password_hash, is_admin) VALUES
  ('00000000-0000-7000-8000-0000000000e1', 'o@x.test', 'x', true),
  ('00000000-0000-7000-8000-0000000000e2', 'f@x.test', 'x', false);
INSERT INTO memberships (organization_id, operator_id, role) VALUES
  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000e2', 'finance');
INSERT INTO sessions (digest, id, method, operator_id, place, agent) VALUES
  ('\x01', '00000000-0000-7000-8000-0000000000f3', 'password', '00000000-0000-7000-8000-0000000000e2', '127.0.0.1', 'a browser');
INSERT INTO known_devices (digest, id, operator_id) VALUES
  ('\x02', '00000000-0000-7000-8000-0000000000f4', '00000000-0000-7000-8000-0000000000e2');
INSERT INTO sign_in_attempts (subject) VALUES ('\x03');

-- Who is asked in, and what was written to whom.
INSERT INTO mails (id, business_id, event, recipient, message, facts) VALUES
  ('00000000-0000-7000-8000-0000000000e3', NULL, 'inv_1.1', 'g@x.test', 'invitation', '{}');
INSERT INTO password_resets (digest, operator_id, expires_at) VALUES
  ('\x04', '00000000-0000-7000-8000-0000000000e2', now());
INSERT INTO invitations (organization_id, id, email, role, invited_by, expires_at) VALUES
  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000e4', 'g@x.test',
   'viewer', 'operator:op_00000000-0000-7000-8000-0000000000e1', now());

-- What two people sign.
INSERT INTO signatures (business_id, act, subject, digest, operator_id) VALUES
  ('00000000-0000-7000-8000-0000000000b2', 'order.approve', '00000000-0000-7000-8000-0000000000d2', '\x01',
   '00000000-0000-7000-8000-0000000000e1');
INSERT INTO waiting_acts (business_id, id, act, parameters, amount, started_by) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000f3', 'balance.defund',
   '{"amount":5}', 5, '00000000-0000-7000-8000-0000000000e2');
INSERT INTO saved_views (business_id, id, operator_id, name, query, shared) VALUES
  ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000f4',
   '00000000-0000-7000-8000-0000000000e1', 'large', 'status=all&least=100', true);

-- What was asked of the API.
INSERT INTO api_requests (business_id, id, method, path, status, duration_ms, key_hint, place,
                          idempotency_key, error, called_at) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'POST', '/payout/create',
   400, 1.5, 'abcd', '192.0.2.7', 'k-1', 'Insufficient payout balance', now());

-- What moved on a day.
INSERT INTO daily_flows (business_id, day, account_id, kind, came, went) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '2026-01-31', '00000000-0000-7000-8000-0000000000a3', 'allocation', 0, 250);
INSERT INTO daily_flows_until (business_id, account_id, version, balance) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a3', 2, 350);

-- What they prove besides their passwords.
INSERT INTO started_sign_ins (digest, operator_id, method) VALUES
  ('\x04', '00000000-0000-7000-8000-0000000000e2', 'password');
INSERT INTO authenticator_apps (operator_id, secret, key_id) VALUES
  ('00000000-0000-7000-8000-0000000000e2', '\x05', '00000000');
INSERT INTO recovery_codes (operator_id, digest) VALUES
  ('00000000-0000-7000-8000-0000000000e2', '\x06');
INSERT INTO passkeys (id, operator_id, name, credential_id, public_key, sign_count) VALUES
  ('00000000-0000-7000-8000-0000000000f5', '00000000-0000-7000-8000-0000000000e2', 'laptop', '\x07', '\x08', 0);
INSERT INTO passkey_challenges (digest, purpose) VALUES ('\x09', 'sign in');
INSERT INTO identities (issuer, subject, operator_id) VALUES
  ('https://id.x.test', 'f', '00000000-0000-7000-8000-0000000000e2');
INSERT INTO openid_requests (digest, nonce, code_verifier, onward) VALUES ('\x0a', 'n', 'v', '/dashboard');

-- Uploads of allocations.
INSERT INTO uploads (business_id, id, file_name, file_digest, header, status, created_by, payments, amount, started_at) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a9', 'may.csv', '\x01', '{Email,Amount}', 'paying', 'operator:op_x', 1, 500, now()),
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000aa', 'june.csv', '\x02', '{A,B}', 'unmapped', 'operator:op_x', 0, 0, NULL);
INSERT INTO upload_files (business_id, upload_id, content) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000aa', '\x61');
INSERT INTO upload_rows (business_id, upload_id, number, cells, email, amount, fingerprint, occurrence, status, is_new) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a9', 2, '{a@x.test,5.00}', 'a@x.test', 500, '\x01', 1, 'ready', false);

-- What a payout user is to be told of.
INSERT INTO allocation_notices (business_id, payout_user_id, id, amount)
  SELECT business_id, id, '00000000-0000-7000-8000-0000000000ab', 500 FROM payout_users LIMIT 1;

-- A file of gift cards.
INSERT INTO gift_card_imports (business_id, id, file_name, kind, status, lines, bad, created_by) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000ab', 'cards.csv', 'csv', 'done', 1, 1, 'operator:op_x');
INSERT INTO gift_card_import_problems (business_id, import_id, line, reason) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000ab', 2, 'the code is missing');

-- Who has the redemption page open, and links to it that were made for one opening.
INSERT INTO payout_user_sessions (business_id, digest, payout_user_id, hash_digest) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '\x0b', '00000000-0000-7000-8000-0000000000c1', '\x0c');
INSERT INTO redeem_tickets (business_id, digest, payout_user_id, hash_digest, expires_at) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '\x0d', '00000000-0000-7000-8000-0000000000c1', '\x0e', now());

-- What somebody unlinked.
INSERT INTO unlinked_issuers (operator_id, issuer) VALUES
  ('00000000-0000-7000-8000-0000000000e2', 'https://other.x.test');

-- In which language a payout user is spoken to.
INSERT INTO payout_user_languages (business_id, payout_user_id, language, is_chosen)
  SELECT business_id, id, 'es', true FROM payout_users LIMIT 1;

-- What somebody has not taken, and was told of.
INSERT INTO unclaimed (business_id, payout_user_id, version, since, days, amounts) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1', 1, now(), '{2026-01-31}', '{250}');
INSERT INTO unclaimed_days (business_id, day, amount) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '2026-01-31', 250);
INSERT INTO expiry_notices (business_id, payout_user_id, id, lifetime_days, before, expires_at) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1',
   '00000000-0000-7000-8000-0000000000ac', 30, now(), now() + interval '14 days');

-- Where a redemption page lives.
INSERT INTO sites (business_id, origins, host, host_token) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '{https://shop.x.test}', 'redeem.x.test', 't');

-- An address that mails do not reach.
INSERT INTO mail_addresses (business_id, email, state, reason) VALUES
  ('00000000-0000-7000-8000-0000000000b1', 'gone@x.test', 'bounced', '550 5.1.1 No such user');

-- Where somebody wants their money again, and by itself.
INSERT INTO saved_destinations (business_id, id, payout_user_id, provider, destination) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000ad', '00000000-0000-7000-8000-0000000000c1',
   'paypal', '{"email": "a@x.test"}');
INSERT INTO automatic_withdrawals (business_id, payout_user_id, destination_id, above) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000ad', 2000);

-- A code that was mailed, and a browser that somebody is known by.
INSERT INTO withdrawal_codes (business_id, quote_id, payout_user_id, id, key_id)
  SELECT business_id, id, payout_user_id, '00000000-0000-7000-8000-0000000000ad', '00000000'
  FROM quotes LIMIT 1;
INSERT INTO payout_user_devices (business_id, payout_user_id, digest) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1', '\x0f');
INSERT INTO redeem_codes (business_id, digest, payout_user_id, hash_digest, expires_at) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '\x10', '00000000-0000-7000-8000-0000000000c1', '\x0e', now());
INSERT INTO bank_accounts (business_id, id, payout_user_id, payee, scheme, country, name, masked, sealed,
                           key_id, number_digest, fingerprint, usable_from) VALUES
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000f1',
   '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000f2', 'sepa', 'DE', 'Ada Lovelace',
   'DE89 •••• 3000', '\x01', '00000000', '\x01', '\x02', now());
