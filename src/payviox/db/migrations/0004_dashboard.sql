-- Who may sign in to the dashboard, to which organization, and how they are let in.

CREATE TABLE memberships (
  organization_id  uuid NOT NULL REFERENCES organizations,
  operator_id      uuid NOT NULL REFERENCES operators,
  role             text NOT NULL CHECK (role IN ('owner', 'finance', 'approver', 'developer', 'viewer')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  role_since       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organization_id, operator_id)
);
CREATE INDEX memberships_of_operator ON memberships (operator_id);
GRANT SELECT, INSERT (organization_id, operator_id, role), UPDATE (role, role_since)
  ON memberships TO payviox_app;

GRANT UPDATE (password_hash) ON operators TO payviox_app;

-- A session is known by the digest of the token in its cookie.
CREATE TABLE sessions (
  digest       bytea PRIMARY KEY,
  operator_id  uuid NOT NULL REFERENCES operators,
  place        text,
  agent        text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_of_operator ON sessions (operator_id);
CREATE INDEX sessions_by_age ON sessions (seen_at);
GRANT SELECT, INSERT (digest, operator_id, place, agent), UPDATE (seen_at), DELETE
  ON sessions TO payviox_app;

-- A browser that signed in before has guesses of its own, which no stranger can use up.
CREATE TABLE known_devices (
  digest       bytea PRIMARY KEY,
  operator_id  uuid NOT NULL REFERENCES operators,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX known_devices_of_operator ON known_devices (operator_id);
GRANT SELECT, INSERT (digest, operator_id), DELETE ON known_devices TO payviox_app;

-- Attempts to sign in, counted for each address, each email address and each known device.
CREATE TABLE sign_in_attempts (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject  bytea NOT NULL,
  tried_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_attempts_by_subject ON sign_in_attempts (subject, tried_at);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (tried_at);
GRANT SELECT, INSERT (subject), DELETE ON sign_in_attempts TO payviox_app;

-- Payout users whose address begins so, byte by byte whatever the database's collation; and what
-- goes by one reference, of any kind.
CREATE INDEX payout_users_by_prefix ON payout_users (business_id, email text_pattern_ops);
CREATE INDEX transfers_by_reference ON transfers (business_id, reference)
  WHERE reference IS NOT NULL;
