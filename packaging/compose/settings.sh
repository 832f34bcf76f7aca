#!/bin/sh
# Write .env beside compose.yaml, with secrets of its own. One that is there stays as it is.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo ".env is there already; nothing was changed." >&2
  exit 1
fi
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
cat > .env <<EOF
# Keep a copy of this key away from the database: what is encrypted with it is lost without it.
PAYVIOX_SECRET_KEY=$(secret)
ADMIN_PASSWORD=$(secret)
OWNER_PASSWORD=$(secret)
WEB_PASSWORD=$(secret)

# The address by which others reach it, through your TLS proxy.
# PAYVIOX_PUBLIC_URL=https://payouts.example.com
# Your mail server in place of the catcher.
# PAYVIOX_SMTP_URL=smtp://user:password@mail.example.com:587
# PAYVIOX_MAIL_FROM=Acme Payouts <payouts@example.com>
EOF
echo "Wrote .env."
