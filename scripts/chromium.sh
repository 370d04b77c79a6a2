#!/bin/sh
# Is there a Chromium to test the window in? Installs Debian's if we may.
set -eu
for name in "${GOSSIP_CHROMIUM:-chromium}" chromium-browser google-chrome; do
	if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get update -q && apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core
	exit 0
fi
echo "There is no Chromium: install the package chromium, or say where one is with GOSSIP_CHROMIUM=/path." >&2
exit 1
