-- Payouts to bank accounts: whose account is paid, each payment, the files in which payments go to the
-- bank, and what the bank said of them.

ALTER TABLE orders DROP CONSTRAINT orders_provider_check;
ALTER TABLE orders ADD CONSTRAINT orders_provider_check
  CHECK (provider IN ('paypal', 'crypto', 'gift_card', 'bank'));
ALTER TABLE saved_destinations DROP CONSTRAINT saved_destinations_provider_check;
ALTER TABLE saved_destinations ADD CONSTRAINT saved_destinations_provider_check
  CHECK (provider IN ('paypal', 'crypto', 'bank'));
ALTER TABLE rail_accounts DROP CONSTRAINT rail_accounts_rail_check;
ALTER TABLE rail_accounts ADD CONSTRAINT rail_accounts_rail_check
  CHECK (rail IN ('paypal', 'tremendous', 'evm', 'bank'));

ALTER TABLE businesses
  ADD COLUMN review_new_bank_account boolean NOT NULL DEFAULT true,
  ADD COLUMN bank_cooling_hours integer NOT NULL DEFAULT 24
    CHECK (bank_cooling_hours BETWEEN 0 AND 720);
UPDATE businesses SET review_new_bank_account = false, bank_cooling_hours = 0 WHERE mode = 'test';
GRANT INSERT (review_new_bank_account, bank_cooling_hours),
  UPDATE (review_new_bank_account, bank_cooling_hours) ON businesses TO payviox_app;

-- The one place where a number stands, encrypted with a key outside the database. Whatever else is
-- named of an account makes it another one, with a cooling time of its own. `payee` is the same for all
-- of a business's accounts with one number, whoever named it.
CREATE TABLE bank_accounts (
  business_id     uuid NOT NULL,
  id              uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  payee           uuid NOT NULL,
  scheme          text NOT NULL CHECK (scheme IN ('sepa', 'ach')),
  country         text NOT NULL,
  name            text NOT NULL,
  masked          text NOT NULL,
  sealed          bytea NOT NULL,
  key_id          text NOT NULL,
  number_digest   bytea NOT NULL,
  fingerprint     bytea NOT NULL,
  usable_from     timestamptz NOT NULL,
  changed_at      timestamptz,
  changed_why     text,
  seen_at         timestamptz NOT NULL DEFAULT now(),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users,
  CONSTRAINT bank_accounts_once UNIQUE (business_id, payout_user_id, fingerprint)
);
CREATE INDEX bank_accounts_by_number ON bank_accounts (business_id, number_digest);
CREATE INDEX bank_accounts_by_age ON bank_accounts (business_id, seen_at);
CREATE INDEX orders_bank_account ON orders (business_id, (destination ->> 'account'))
  WHERE provider = 'bank';
GRANT SELECT, DELETE, INSERT (business_id, id, payout_user_id, payee, scheme, country, name, masked,
    sealed, key_id, number_digest, fingerprint, usable_from),
  UPDATE (sealed, key_id, number_digest, fingerprint, changed_at, changed_why, seen_at)
  ON bank_accounts TO payviox_app;

-- Files as the bank gets them. What was written once stays: its bytes (encrypted), digest and sums.
-- `step` and `lease_until` say how far somebody is who hands it over.
CREATE TABLE bank_files (
  business_id     uuid NOT NULL REFERENCES businesses,
  id              uuid NOT NULL,
  scheme          text NOT NULL CHECK (scheme IN ('sepa', 'ach')),
  format          text NOT NULL,
  message_id      text NOT NULL,
  name            text NOT NULL,
  execution_date  date NOT NULL,
  currency        text NOT NULL,
  payments        integer NOT NULL CHECK (payments > 0),
  total           bigint NOT NULL CHECK (total > 0),
  cents           bigint NOT NULL CHECK (cents > 0),
  digest          text NOT NULL,
  sealed          bytea NOT NULL,
  key_id          text NOT NULL,
  status          text NOT NULL DEFAULT 'draft' CHECK (status IN (
                    'draft', 'approved', 'released', 'accepted', 'rejected', 'settled',
                    'partly_returned', 'canceled')),
  created_by      text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  approved_at     timestamptz,
  way             text CHECK (way IN ('download', 'folder', 'sftp')),
  step            text CHECK (step IN ('writing', 'renaming', 'person')),
  lease_until     timestamptz,
  problem         text,
  released_by     text,
  released_at     timestamptz,
  ended_at        timestamptz,
  PRIMARY KEY (business_id, id),
  CONSTRAINT bank_files_message UNIQUE (business_id, message_id)
);
CREATE INDEX bank_files_by_status ON bank_files (business_id, status, id);
GRANT SELECT, INSERT (business_id, id, scheme, format, message_id, name, execution_date, currency,
    payments, total, cents, digest, sealed, key_id, created_by),
  UPDATE (sealed, key_id, status, approved_at, way, step, lease_until, problem, released_by,
    released_at, ended_at)
  ON bank_files TO payviox_app;

-- One row an attempt of an order. It is in one file at the most: once that has left, for good.
CREATE TABLE bank_payments (
  business_id    uuid NOT NULL,
  reference      text NOT NULL,
  order_id       uuid NOT NULL,
  account_id     uuid NOT NULL,
  end_to_end_id  text NOT NULL,
  scheme         text NOT NULL CHECK (scheme IN ('sepa', 'ach')),
  name           text NOT NULL,
  currency       text NOT NULL,
  amount         bigint NOT NULL CHECK (amount > 0),
  cents          bigint NOT NULL CHECK (cents > 0),
  status         text NOT NULL DEFAULT 'waiting' CHECK (status IN (
                   'waiting', 'in_file', 'released', 'accepted', 'booked', 'rejected', 'returned',
                   'taken_back')),
  file_id        uuid,
  not_before     timestamptz NOT NULL,
  code           text,
  settles_on     date,
  booked_on      date,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, reference),
  CONSTRAINT bank_payments_end_to_end UNIQUE (business_id, end_to_end_id),
  CONSTRAINT bank_payments_in_a_file CHECK (CASE WHEN status IN ('waiting', 'taken_back')
    THEN file_id IS NULL ELSE file_id IS NOT NULL OR status <> 'in_file' END),
  FOREIGN KEY (business_id, order_id) REFERENCES orders,
  FOREIGN KEY (business_id, account_id) REFERENCES bank_accounts,
  FOREIGN KEY (business_id, file_id) REFERENCES bank_files
);
CREATE INDEX bank_payments_waiting ON bank_payments (business_id, scheme, not_before)
  WHERE status = 'waiting';
CREATE INDEX bank_payments_of_file ON bank_payments (business_id, file_id, end_to_end_id)
  WHERE file_id IS NOT NULL;
CREATE INDEX bank_payments_of_account ON bank_payments (business_id, account_id);
CREATE INDEX bank_payments_of_order ON bank_payments (business_id, order_id);
GRANT SELECT, INSERT (business_id, reference, order_id, account_id, end_to_end_id, scheme, name,
    currency, amount, cents, not_before),
  UPDATE (status, file_id, code, settles_on, booked_on, updated_at)
  ON bank_payments TO payviox_app;

CREATE TRIGGER bank_payments_stay_released BEFORE UPDATE ON bank_payments FOR EACH ROW
  WHEN (OLD.status NOT IN ('waiting', 'in_file') AND (
    NEW.status IN ('waiting', 'in_file') OR NEW.file_id IS DISTINCT FROM OLD.file_id))
  EXECUTE FUNCTION refuse_change('a payment whose file has left is in no other file');
CREATE TRIGGER bank_files_stay_released BEFORE UPDATE ON bank_files FOR EACH ROW
  WHEN (OLD.status NOT IN ('draft', 'approved') AND NEW.status IN ('draft', 'approved', 'canceled')
    OR OLD.status = 'canceled' AND NEW.status <> 'canceled')
  EXECUTE FUNCTION refuse_change('a file that has left is not taken back');

-- Since when a business's files are held: the database was restored, and which have left since the
-- backup is not known.
CREATE TABLE bank_holds (
  business_id  uuid PRIMARY KEY REFERENCES businesses,
  created_at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, DELETE, INSERT (business_id) ON bank_holds TO payviox_app;

-- What the bank gave us: reports, each once by its file's digest and its place there, and their entries, each once however many
-- reports hold it.
CREATE TABLE bank_imports (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  kind         text NOT NULL,
  digest       text NOT NULL,
  number       integer NOT NULL,
  message_id   text NOT NULL,
  file_name    text NOT NULL,
  source       text NOT NULL CHECK (source IN ('upload', 'folder', 'sftp')),
  account      text,
  currency     text,
  period_from  date,
  period_to    date,
  opening      bigint,
  closing      bigint,
  entries      integer NOT NULL,
  repeated     integer NOT NULL,
  unmatched    integer NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT bank_imports_once UNIQUE (business_id, digest, number)
);
CREATE INDEX bank_imports_statements ON bank_imports (business_id, period_to) WHERE closing IS NOT NULL;
GRANT SELECT, INSERT (business_id, id, kind, digest, number, message_id, file_name, source, account, currency,
    period_from, period_to, opening, closing, entries, repeated, unmatched, created_by)
  ON bank_imports TO payviox_app;

CREATE TABLE bank_entries (
  business_id    uuid NOT NULL,
  id             uuid NOT NULL,
  import_id      uuid NOT NULL,
  fingerprint    bytea NOT NULL,
  status         text NOT NULL,
  end_to_end_id  text,
  message_id     text,
  direction      text,
  amount         bigint,
  currency       text,
  code           text,
  booked_on      date,
  entry_ref      text NOT NULL,
  evidence       jsonb NOT NULL,
  reference      text,
  file_id        uuid,
  unmatched      text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT bank_entries_once UNIQUE (business_id, fingerprint),
  FOREIGN KEY (business_id, import_id) REFERENCES bank_imports,
  FOREIGN KEY (business_id, reference) REFERENCES bank_payments,
  FOREIGN KEY (business_id, file_id) REFERENCES bank_files
);
CREATE INDEX bank_entries_of_import ON bank_entries (business_id, import_id, id);
CREATE INDEX bank_entries_of_payment ON bank_entries (business_id, reference)
  WHERE reference IS NOT NULL;
CREATE INDEX bank_entries_by_day ON bank_entries (business_id, booked_on)
  WHERE booked_on IS NOT NULL;
GRANT SELECT, INSERT (business_id, id, import_id, fingerprint, status, end_to_end_id, message_id,
    direction, amount, currency, code, booked_on, entry_ref, evidence, reference, file_id, unmatched)
  ON bank_entries TO payviox_app;

ALTER TABLE suspense_items DROP CONSTRAINT suspense_items_cause_check;
ALTER TABLE suspense_items ADD CONSTRAINT suspense_items_cause_check CHECK (cause IN (
  'paid_after_all', 'paid_not_booked', 'not_paid', 'amount_differs', 'cost_differs', 'paid_twice',
  'unknown_payment', 'returned_not_booked', 'stuck', 'unclear')) NOT VALID;
