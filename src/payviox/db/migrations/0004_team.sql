-- Invitations, password resets and the mails that carry them.

-- Members come and go. An operator who was disabled signs in nowhere; their acts stay theirs, and
-- what they signed before counts no more once they are enabled again.
GRANT DELETE ON memberships TO payviox_app;
ALTER TABLE operators ADD COLUMN disabled_at timestamptz, ADD COLUMN enabled_at timestamptz,
  ADD COLUMN seen_at timestamptz;
-- Whether somebody has shown that the address is theirs, or whoever runs the installation said so.
ALTER TABLE operators ADD COLUMN email_verified boolean NOT NULL DEFAULT true;
GRANT INSERT (email_verified), UPDATE (disabled_at, enabled_at, seen_at, email_verified)
  ON operators TO payviox_app;

-- Mails to send, written in the transaction of what they tell of; a business's, or the
-- installation's. What a link opens stands in none of them: it is made when the mail is sent.
-- `handed_at` says since when the mail server may have it, as long as it has not said; `number` counts
-- how often a person had it sent anew.
CREATE TABLE mails (
  id           uuid PRIMARY KEY,
  business_id  uuid REFERENCES businesses,
  event        text NOT NULL,
  recipient    text NOT NULL,
  message      text NOT NULL,
  facts        jsonb NOT NULL DEFAULT '{}',
  status       text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'failed', 'bounced', 'dropped')),
  attempts     integer NOT NULL DEFAULT 0,
  due_at       timestamptz DEFAULT now(),
  handed_at    timestamptz,
  number       integer NOT NULL DEFAULT 1,
  answer       text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  ended_at     timestamptz,
  CONSTRAINT mails_once UNIQUE NULLS NOT DISTINCT (business_id, event, recipient, message),
  CONSTRAINT mails_due CHECK ((status = 'queued') = (due_at IS NOT NULL)),
  CONSTRAINT mails_ended CHECK ((status = 'queued') = (ended_at IS NULL))
);
CREATE INDEX mails_by_due ON mails (due_at) WHERE status = 'queued';
CREATE INDEX mails_by_end ON mails (ended_at) WHERE status <> 'queued';
CREATE INDEX mails_failed ON mails (business_id, ended_at) WHERE status IN ('failed', 'bounced');
CREATE INDEX mails_of_business ON mails (business_id, id);
CREATE INDEX mails_by_state ON mails (business_id, status, id);
CREATE INDEX mails_of_recipient ON mails (business_id, recipient, id);
GRANT SELECT, INSERT (id, business_id, event, recipient, message, facts),
  UPDATE (status, attempts, due_at, handed_at, number, answer, ended_at), DELETE ON mails TO payviox_app;

-- Links to choose another password with: each opens once, and only for a while.
CREATE TABLE password_resets (
  digest       bytea PRIMARY KEY,
  operator_id  uuid NOT NULL REFERENCES operators,
  expires_at   timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX password_resets_of_operator ON password_resets (operator_id);
GRANT SELECT, INSERT (digest, operator_id, expires_at), UPDATE (expires_at), DELETE
  ON password_resets TO payviox_app;

-- Who is asked to join an organization; `number` counts the links that were made for it, of which
-- the last one opens, and went to the address alone or was shown to who invited.
CREATE TABLE invitations (
  organization_id  uuid NOT NULL REFERENCES organizations,
  id               uuid NOT NULL,
  email            text NOT NULL,
  role             text NOT NULL CHECK (role IN ('owner', 'finance', 'approver', 'developer', 'viewer')),
  invited_by       text NOT NULL,
  number           integer NOT NULL DEFAULT 1,
  digest           bytea UNIQUE,
  is_mailed        boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL DEFAULT now(),
  expires_at       timestamptz NOT NULL,
  ended            text CHECK (ended IN ('accepted', 'withdrawn')),
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, id),
  CONSTRAINT invitations_ended CHECK ((ended IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE ended IS NULL;
GRANT SELECT, INSERT (organization_id, id, email, role, invited_by, expires_at),
  UPDATE (role, invited_by, number, digest, is_mailed, expires_at, ended, ended_at) ON invitations TO payviox_app;
