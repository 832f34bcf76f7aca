#!/bin/bash
# Run once by the image of PostgreSQL, when it makes the database: its owner, who migrates, and the
# application, which may not change the tables.
set -euo pipefail
psql --quiet --set=ON_ERROR_STOP=1 --set=owner="$OWNER_PASSWORD" --set=web="$WEB_PASSWORD" \
  --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
CREATE ROLE payviox_app;
CREATE ROLE payviox_owner LOGIN PASSWORD :'owner';
CREATE ROLE payviox_web LOGIN PASSWORD :'web' IN ROLE payviox_app;
CREATE DATABASE payviox OWNER payviox_owner;
REVOKE ALL ON DATABASE payviox FROM PUBLIC;
GRANT CONNECT ON DATABASE payviox TO payviox_app;
SQL
