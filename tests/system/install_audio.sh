#!/bin/bash
# Installs what the system tests need with apt (root). Refuses where that would replace an audio server that is in use.
#   install_audio.sh [MORE PACKAGES]
set -euo pipefail
packages=(pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 "$@")
other_servers=(pipewire-alsa pipewire-audio pipewire-pulse pipewire-jack jackd1 jackd2 oss4-base)

fail() { echo "install_audio: $*" >&2; exit 1; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

for package in "${other_servers[@]}"; do
    ! installed "$package" || fail "$package is this machine's audio server and pulseaudio would be in its way; nothing was changed"
done
missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || fail "only root can install: ${missing[*]}"

export DEBIAN_FRONTEND=noninteractive
get=(apt-get -qq -o DPkg::Lock::Timeout=120 --no-install-recommends)
"${get[@]}" update >&2
removed=$("${get[@]}" -s install "${missing[@]}" | sed -n 's/^Remv \([^ ]*\).*/\1/p' | xargs)
[ -z "$removed" ] || fail "installing ${missing[*]} would remove $removed; nothing was changed"
echo "installing ${missing[*]} with apt" >&2
"${get[@]}" -y install "${missing[@]}" >/dev/null
