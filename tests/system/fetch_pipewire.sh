#!/bin/bash
# Fetches PipeWire with its session manager and its layers for PulseAudio and ALSA, and unpacks them into FOLDER, for
# pipewire_mic.sh. Nothing is installed, since on a system PipeWire would take the place of PulseAudio; no root is needed.
#   fetch_pipewire.sh FOLDER
set -euo pipefail
[ $# = 1 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
wanted=(pipewire pipewire-pulse pipewire-alsa wireplumber libpipewire-0.3-common)
folder=$(realpath -m "$1")
[ ! -e "$folder/complete" ] || exit 0

fail() { echo "fetch_pipewire: $*" >&2; exit 1; }

needed() { # by name, so that it is all there also where some of it is installed, and what else is missing here
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        "${wanted[@]}" | grep -E '^(lib)?(pipewire|spa|wireplumber|lua)[a-z0-9.-]*$'
    apt-get -s --no-install-recommends install "${wanted[@]}" | sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

[ -n "$(apt-cache search --names-only '^pipewire-alsa$')" ] || fail "apt here knows no pipewire-alsa: apt-get update, as root"
mkdir -p "$folder/debs"
packages=$(needed | sort -u)
echo "unpacking ${packages//$'\n'/ } into $folder" >&2
# shellcheck disable=SC2086  # one word a line
(cd "$folder/debs" && apt-get -qq -o APT::Sandbox::User=root download $packages) || fail "apt can not fetch them"
for deb in "$folder"/debs/*.deb; do
    dpkg-deb -x "$deb" "$folder"
done
rm -r "$folder/debs"
touch "$folder/complete"
