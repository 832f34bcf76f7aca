-- Files of gift cards that were sent to a page: how far each is, and which lines were no cards. No
-- code of a file is here.

CREATE TABLE gift_card_imports (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  file_name    text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('csv', 'xlsx')),
  status       text NOT NULL DEFAULT 'reading'
                 CHECK (status IN ('reading', 'importing', 'done', 'refused')),
  refused_why  text,
  lines        integer NOT NULL DEFAULT 0,
  imported     integer NOT NULL DEFAULT 0,
  duplicates   integer NOT NULL DEFAULT 0,
  bad          integer NOT NULL DEFAULT 0,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);
CREATE INDEX gift_card_imports_by_age ON gift_card_imports (created_at);
GRANT SELECT, DELETE, INSERT (business_id, id, file_name, kind, created_by),
  UPDATE (status, refused_why, lines, imported, duplicates, bad, seen_at)
  ON gift_card_imports TO payviox_app;

CREATE TABLE gift_card_import_problems (
  business_id  uuid NOT NULL,
  import_id    uuid NOT NULL,
  line         integer NOT NULL,
  reason       text NOT NULL,
  PRIMARY KEY (business_id, import_id, line),
  FOREIGN KEY (business_id, import_id) REFERENCES gift_card_imports ON DELETE CASCADE
);
GRANT SELECT, INSERT (business_id, import_id, line, reason)
  ON gift_card_import_problems TO payviox_app;
