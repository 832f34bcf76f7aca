-- Mails to operators about what needs somebody: what each wants to be told of, and what each was told.

-- `causes` are those of the catalogue of what needs somebody, told at once or once a day in `zone`,
-- last on the day `digest_on`.
CREATE TABLE attention_choices (
  operator_id  uuid PRIMARY KEY REFERENCES operators,
  causes       text[] NOT NULL CHECK (cardinality(causes) > 0),
  is_daily     boolean NOT NULL,
  with_test    boolean NOT NULL,
  zone         text NOT NULL,
  digest_on    date NOT NULL
);
GRANT SELECT, INSERT, UPDATE (causes, is_daily, with_test, zone, digest_on), DELETE
  ON attention_choices TO payviox_app;

-- An operator was told of a cause at a business: once while it lasts. Once it `has_ended` they are told
-- when it comes back; `id` names the mail's event.
CREATE TABLE attention_mails (
  business_id  uuid NOT NULL REFERENCES businesses,
  operator_id  uuid NOT NULL REFERENCES operators,
  cause        text NOT NULL,
  id           uuid NOT NULL UNIQUE,
  told_at      timestamptz NOT NULL DEFAULT now(),
  has_ended    boolean NOT NULL DEFAULT false,
  PRIMARY KEY (business_id, operator_id, cause)
);
GRANT SELECT, INSERT (business_id, operator_id, cause, id), UPDATE (id, told_at, has_ended)
  ON attention_mails TO payviox_app;
