-- Second factors, passkeys, identities at OpenID providers, and proof given again.

-- How somebody proved who they are when the session was opened, and when they last did.
ALTER TABLE sessions
  ADD COLUMN id         uuid NOT NULL UNIQUE,
  ADD COLUMN method     text NOT NULL CHECK (method IN (
    'password', 'password and code', 'password and passkey', 'passkey',
    'openid', 'openid and code', 'openid and passkey')),
  ADD COLUMN proved_at  timestamptz NOT NULL DEFAULT now();
GRANT INSERT (id, method), UPDATE (digest, method, proved_at) ON sessions TO payviox_app;

ALTER TABLE known_devices
  ADD COLUMN id       uuid NOT NULL UNIQUE,
  ADD COLUMN place    text,
  ADD COLUMN agent    text,
  ADD COLUMN seen_at  timestamptz NOT NULL DEFAULT now();
GRANT INSERT (id, place, agent), UPDATE (place, agent, seen_at) ON known_devices TO payviox_app;

-- Password or provider were right, and a second factor is still to come.
CREATE TABLE started_sign_ins (
  digest       bytea PRIMARY KEY,
  operator_id  uuid NOT NULL REFERENCES operators,
  method       text NOT NULL CHECK (method IN ('password', 'openid')),
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX started_sign_ins_of_operator ON started_sign_ins (operator_id);
CREATE INDEX started_sign_ins_by_age ON started_sign_ins (created_at);
GRANT SELECT, INSERT (digest, operator_id, method), DELETE ON started_sign_ins TO payviox_app;

-- An app that makes one-time codes. It counts once a code of it was typed; each time step works once.
CREATE TABLE authenticator_apps (
  operator_id   uuid PRIMARY KEY REFERENCES operators,
  secret        bytea NOT NULL,
  key_id        text NOT NULL,
  last_step     bigint NOT NULL DEFAULT 0,
  confirmed_at  timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT (operator_id, secret, key_id), UPDATE (secret, key_id, last_step, confirmed_at), DELETE
  ON authenticator_apps TO payviox_app;

-- A time step that was used is never used again.
CREATE TRIGGER authenticator_apps_step_goes_on BEFORE UPDATE OF last_step ON authenticator_apps
  FOR EACH ROW WHEN (NEW.last_step < OLD.last_step)
  EXECUTE FUNCTION refuse_change('a code that was used is not used again');

CREATE TABLE recovery_codes (
  operator_id  uuid NOT NULL REFERENCES operators,
  digest       bytea NOT NULL,
  used_at      timestamptz,
  PRIMARY KEY (operator_id, digest)
);
GRANT SELECT, INSERT (operator_id, digest), UPDATE (used_at), DELETE ON recovery_codes TO payviox_app;

CREATE TRIGGER recovery_codes_stay_used BEFORE UPDATE ON recovery_codes
  FOR EACH ROW WHEN (OLD.used_at IS NOT NULL)
  EXECUTE FUNCTION refuse_change('a recovery code works once');

CREATE TABLE passkeys (
  id             uuid PRIMARY KEY,
  operator_id    uuid NOT NULL REFERENCES operators,
  name           text NOT NULL,
  credential_id  bytea NOT NULL UNIQUE,
  public_key     bytea NOT NULL,
  sign_count     bigint NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  used_at        timestamptz
);
CREATE INDEX passkeys_of_operator ON passkeys (operator_id);
GRANT SELECT, INSERT (id, operator_id, name, credential_id, public_key, sign_count),
  UPDATE (sign_count, used_at), DELETE ON passkeys TO payviox_app;

-- What a passkey is asked to sign, once. Nobody is known yet where somebody signs in.
CREATE TABLE passkey_challenges (
  digest       bytea PRIMARY KEY,
  purpose      text NOT NULL CHECK (purpose IN ('sign in', 'add', 'prove')),
  operator_id  uuid REFERENCES operators,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX passkey_challenges_by_age ON passkey_challenges (created_at);
GRANT SELECT, INSERT (digest, purpose, operator_id), DELETE ON passkey_challenges TO payviox_app;

-- Who an operator is at an OpenID provider.
CREATE TABLE identities (
  issuer       text NOT NULL,
  subject      text NOT NULL,
  operator_id  uuid NOT NULL REFERENCES operators,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (issuer, subject),
  UNIQUE (operator_id, issuer)
);
GRANT SELECT, INSERT (issuer, subject, operator_id), DELETE ON identities TO payviox_app;

-- Who took an account elsewhere away: nobody but they links one there again.
CREATE TABLE unlinked_issuers (
  operator_id  uuid NOT NULL REFERENCES operators,
  issuer       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (operator_id, issuer)
);
GRANT SELECT, INSERT (operator_id, issuer), DELETE ON unlinked_issuers TO payviox_app;

-- A browser that was sent to the provider, until it comes back; with who links what it brings to
-- their account, nobody where somebody signs in.
CREATE TABLE openid_requests (
  digest         bytea PRIMARY KEY,
  nonce          text NOT NULL,
  code_verifier  text NOT NULL,
  onward         text NOT NULL,
  operator_id    uuid REFERENCES operators,
  created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX openid_requests_by_age ON openid_requests (created_at);
GRANT SELECT, INSERT (digest, nonce, code_verifier, onward, operator_id), DELETE ON openid_requests TO payviox_app;
