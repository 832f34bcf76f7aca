-- Acts over a business's threshold that wait for a second person, and saved views.

ALTER TABLE businesses ADD COLUMN second_person_amount bigint CHECK (second_person_amount > 0);
GRANT UPDATE (second_person_amount) ON businesses TO payviox_app;

-- Who signed which act on what, exactly as it was shown, and what they typed about it. The one whose
-- signature lets an act go on names the signature that it completes, so that each is used once; whoever
-- takes their own back completes it themselves.
CREATE TABLE signatures (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  act          text NOT NULL,
  subject      uuid NOT NULL,
  digest       bytea NOT NULL,
  typed        jsonb NOT NULL DEFAULT '{}',
  operator_id  uuid NOT NULL REFERENCES operators,
  completes    bigint,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT signatures_used_once UNIQUE (business_id, completes),
  FOREIGN KEY (business_id, completes) REFERENCES signatures
);
CREATE INDEX signatures_of_subject ON signatures (business_id, subject, act);
GRANT SELECT, INSERT (business_id, act, subject, digest, typed, operator_id, completes)
  ON signatures TO payviox_app;

-- Acts that have no row of their own until they are done, with all that they need.
CREATE TABLE waiting_acts (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  act          text NOT NULL,
  parameters   jsonb NOT NULL,
  amount       bigint CHECK (amount > 0),
  started_by   uuid NOT NULL REFERENCES operators,
  status       text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'canceled')),
  ended_by     uuid REFERENCES operators,
  created_at   timestamptz NOT NULL DEFAULT now(),
  ended_at     timestamptz,
  PRIMARY KEY (business_id, id),
  CONSTRAINT waiting_acts_end CHECK ((status = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX waiting_acts_open ON waiting_acts (business_id, id) WHERE status = 'waiting';
GRANT SELECT, INSERT (business_id, id, act, parameters, amount, started_by),
  UPDATE (status, ended_by, ended_at) ON waiting_acts TO payviox_app;

CREATE TRIGGER waiting_acts_stay_ended BEFORE UPDATE ON waiting_acts FOR EACH ROW
  WHEN (OLD.status <> 'waiting')
  EXECUTE FUNCTION refuse_change('an act that was done or canceled stays so');

-- Lists of orders that somebody named, for themselves or for everybody in the organization.
CREATE TABLE saved_views (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  operator_id  uuid NOT NULL REFERENCES operators,
  name         text NOT NULL,
  query        text NOT NULL,
  shared       boolean NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);
GRANT SELECT, INSERT (business_id, id, operator_id, name, query, shared), DELETE
  ON saved_views TO payviox_app;
