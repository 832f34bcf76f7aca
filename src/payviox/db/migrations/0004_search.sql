-- Payout users by the last word before the @ of their address, its +tag left out, and by its domain,
-- byte by byte whatever the database's collation.
CREATE INDEX payout_users_by_last_word ON payout_users (
  business_id,
  (substring(email from '[._-]([^._+@-]+)(?:\+[^@]*)?@')) COLLATE "C",
  email COLLATE "C"
) WHERE substring(email from '[._-]([^._+@-]+)(?:\+[^@]*)?@') IS NOT NULL;
CREATE INDEX payout_users_by_domain ON payout_users (
  business_id, (split_part(email, '@', 2)) COLLATE "C", email COLLATE "C"
);
