-- Mails to payout users: whether a business sends any and what they look like, and what is collected
-- for one mail.

ALTER TABLE businesses ADD COLUMN notify boolean NOT NULL DEFAULT false, ADD COLUMN brand_name text,
  ADD COLUMN brand_color text, ADD COLUMN support_email text;
GRANT UPDATE (notify, brand_name, brand_color, support_email) ON businesses TO payviox_app;

-- Allocations that a payout user is to be told of: one row a person until it is due, when it becomes
-- one mail. `id` names that mail's event.
CREATE TABLE allocation_notices (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  id              uuid NOT NULL,
  amount          bigint NOT NULL CHECK (amount > 0),
  due_at          timestamptz NOT NULL DEFAULT now() + interval '2 minutes',
  PRIMARY KEY (business_id, payout_user_id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE INDEX allocation_notices_due ON allocation_notices (due_at);
GRANT SELECT, INSERT (business_id, payout_user_id, id, amount), UPDATE (amount), DELETE
  ON allocation_notices TO payviox_app;

GRANT INSERT (due_at) ON mails TO payviox_app;

-- Addresses that a business's mails do not reach: nothing more is sent there until somebody says so.
CREATE TABLE mail_addresses (
  business_id  uuid NOT NULL REFERENCES businesses,
  email        text NOT NULL,
  state        text NOT NULL CHECK (state IN ('bounced', 'complained')),
  reason       text NOT NULL,
  since        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, email)
);
GRANT SELECT, INSERT (business_id, email, state, reason), UPDATE (state, reason), DELETE
  ON mail_addresses TO payviox_app;
