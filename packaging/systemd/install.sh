#!/bin/sh
# Put the units, the user and the settings in their places; settings that are there stay as they
# are. Run as root from this folder. DESTDIR names another root, for packagers.
set -eu
cd "$(dirname "$0")"
to="${DESTDIR:-}"

for unit in web.service worker.service migrate.service compact.service compact.timer; do
  install -D -m 644 "payviox-$unit" "$to/etc/systemd/system/payviox-$unit"
done
install -D -m 644 payviox-.service.d/hardened.conf \
  "$to/etc/systemd/system/payviox-.service.d/hardened.conf"
install -D -m 644 payviox.sysusers "$to/usr/lib/sysusers.d/payviox.conf"
install -D -m 644 payviox.tmpfiles "$to/usr/lib/tmpfiles.d/payviox.conf"
install -D -m 755 payviox "$to/usr/local/bin/payviox"
[ -e "$to/etc/payviox/.env" ] || install -D -m 600 settings.env "$to/etc/payviox/.env"
[ -e "$to/etc/payviox/migrate.env" ] || install -D -m 600 migrate.env "$to/etc/payviox/migrate.env"

if [ -z "$to" ]; then
  systemd-sysusers payviox.conf
  systemd-tmpfiles --create payviox.conf
  systemctl daemon-reload
fi
