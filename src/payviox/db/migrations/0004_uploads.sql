-- Uploads of allocations: a file's rows, what was checked and what became of each.

CREATE TABLE uploads (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  file_name    text NOT NULL,
  file_digest  bytea NOT NULL,
  sheet        text,
  header       text[] NOT NULL DEFAULT '{}',
  columns      jsonb,
  status       text NOT NULL DEFAULT 'checking' CHECK (status IN (
                 'checking', 'unmapped', 'checked', 'scheduled', 'paying', 'stopped', 'done',
                 'canceled')),
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  checked_at   timestamptz,
  asked        jsonb,
  started_by   text,
  started_at   timestamptz,
  due_at       timestamptz,
  ended_at     timestamptz,
  stopped_why  text,
  payments     integer NOT NULL DEFAULT 0,
  amount       bigint NOT NULL DEFAULT 0,
  people       integer NOT NULL DEFAULT 0,
  paid         integer NOT NULL DEFAULT 0,
  paid_amount  bigint NOT NULL DEFAULT 0,
  refused      integer NOT NULL DEFAULT 0,
  turn         integer NOT NULL DEFAULT 0,
  lease_until  timestamptz,
  PRIMARY KEY (business_id, id),
  CONSTRAINT uploads_started
    CHECK ((status IN ('scheduled', 'paying', 'stopped', 'done')) <= (started_at IS NOT NULL)),
  CONSTRAINT uploads_counted
    CHECK (paid >= 0 AND refused >= 0 AND paid + refused <= payments AND paid_amount <= amount)
);
CREATE INDEX uploads_by_file ON uploads (business_id, file_digest);
-- The worker's sweep: what is to be paid now, or later.
CREATE INDEX uploads_due ON uploads (due_at) WHERE status IN ('scheduled', 'paying');
-- What waits for a person: to resume it, or to sign it as the second.
CREATE INDEX uploads_stopped ON uploads (business_id) WHERE status = 'stopped';
CREATE INDEX uploads_asked ON uploads (business_id, id)
  WHERE status = 'checked' AND asked IS NOT NULL;
CREATE INDEX uploads_unconfirmed ON uploads (created_at) WHERE started_at IS NULL;

-- A file whose columns a person has yet to name; read then, and deleted.
CREATE TABLE upload_files (
  business_id  uuid NOT NULL,
  upload_id    uuid NOT NULL,
  content      bytea NOT NULL,
  PRIMARY KEY (business_id, upload_id),
  FOREIGN KEY (business_id, upload_id) REFERENCES uploads ON DELETE CASCADE
);

-- The rows' own state is what was paid: it changes in the transaction that moves the money.
CREATE TABLE upload_rows (
  business_id  uuid NOT NULL,
  upload_id    uuid NOT NULL,
  number       integer NOT NULL,
  cells        text[] NOT NULL,
  email        text,
  amount       bigint CHECK (amount > 0),
  reference    text,
  note         text,
  fingerprint  bytea,
  occurrence   integer,
  status       text NOT NULL CHECK (status IN ('bad', 'ready', 'left_out', 'paid', 'refused')),
  problem      text,
  repeats      integer,
  earlier      uuid,
  recent       timestamptz,
  is_new       boolean NOT NULL,
  PRIMARY KEY (business_id, upload_id, number),
  FOREIGN KEY (business_id, upload_id) REFERENCES uploads ON DELETE CASCADE,
  CONSTRAINT upload_rows_whole CHECK (status = 'bad'
    OR (email IS NOT NULL AND amount IS NOT NULL AND fingerprint IS NOT NULL AND occurrence > 0)),
  CONSTRAINT upload_rows_explained CHECK ((status IN ('bad', 'left_out', 'refused')) = (problem IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX upload_rows_by_fingerprint ON upload_rows (business_id, fingerprint, occurrence);

-- Only the application's tidying deletes, and only what nobody confirmed.
CREATE TRIGGER uploads_stay_confirmed BEFORE DELETE ON uploads FOR EACH ROW
  WHEN (OLD.started_at IS NOT NULL)
  EXECUTE FUNCTION refuse_change('an upload that was confirmed is kept');
CREATE TRIGGER uploads_stay_ended BEFORE UPDATE ON uploads FOR EACH ROW
  WHEN (OLD.status IN ('done', 'canceled'))
  EXECUTE FUNCTION refuse_change('an upload that has ended stays as it ended');
CREATE TRIGGER upload_rows_stay BEFORE UPDATE ON upload_rows FOR EACH ROW
  WHEN (OLD.status <> 'ready')
  EXECUTE FUNCTION refuse_change('what became of a row stays');

GRANT SELECT, DELETE,
  INSERT (business_id, id, file_name, file_digest, created_by),
  UPDATE (sheet, header, columns, status, checked_at, asked, started_by, started_at, due_at, ended_at,
          stopped_why, payments, amount, people, paid, paid_amount, refused, turn, lease_until)
  ON uploads TO payviox_app;
GRANT SELECT, INSERT (business_id, upload_id, content), DELETE ON upload_files TO payviox_app;
GRANT SELECT,
  INSERT (business_id, upload_id, number, cells, email, amount, reference, note, fingerprint,
          occurrence, status, problem, repeats, earlier, recent, is_new),
  UPDATE (status, problem, earlier)
  ON upload_rows TO payviox_app;
