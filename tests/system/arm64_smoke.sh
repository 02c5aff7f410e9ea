#!/bin/bash
# Installs the wheel in an arm64 Debian userland, under emulation with a Raspberry Pi's CPU model, and holds what it says
# about the demonstration clip against what this machine says. It tells nothing about speed or audio hardware.
#   arm64_smoke.sh [bookworm|trixie]
# Root, x86-64, Linux 6.7 or newer (a binfmt_misc of its own in a user namespace). Nothing is installed on this machine and
# all is made anew under a temporary directory.
set -euo pipefail
cd "$(dirname "$0")/../.."
release=${1:-bookworm}
case $release in
    bookworm) cpu=cortex-a72 python_version=3.11 ;; # Raspberry Pi 4
    trixie) cpu=cortex-a76 python_version=3.13 ;;   # Raspberry Pi 5
    *) echo "arm64_smoke: expected bookworm or trixie, got $release" >&2; exit 2 ;;
esac
python=$PWD/.venv/bin/python
work=$(mktemp -d -t arm64-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
userland=$work/userland

fail() { echo "arm64_smoke: $*" >&2; exit 1; }

tell() { echo "arm64_smoke: $* (${SECONDS} s)" >&2; }

[ "$(dpkg --print-architecture)" = amd64 ] || fail "this emulates arm64 on amd64"
[ "$(id -u)" = 0 ] || fail "root is needed to make the userland"
[ -x "$python" ] || fail ".venv is missing: use \`make arm64-smoke\`"

# --- Debian packages of another architecture or release, by an apt whose state is in $work ---

debian_mirror() { # the one that apt uses here
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016  # apt's own placeholder
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' "Release: $codename" | head -n 1
}

with_apt_for() { # ARCHITECTURE RELEASE APT-GET ARGUMENTS...
    local state=$work/apt-$1-$2
    mkdir -p "$state"/{lists,archives}/partial
    cat >"$state/apt.conf" <<SETTINGS
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Status "/dev/null";
Dir::State::Lists "$state/lists";
Dir::Cache "$state";
SETTINGS
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" >"$state/sources.list"
    APT_CONFIG=$state/apt.conf apt-get -qq "${@:3}" >>"$work/apt.log" 2>&1 || { tail "$work/apt.log" >&2; fail "apt failed"; }
}

unpack() { # FOLDER DEB...; no script of a package runs
    local deb
    for deb in "${@:2}"; do
        dpkg-deb --fsys-tarfile "$deb" | tar -C "$1" -xf - --keep-directory-symlink
    done
}

mirror=$(debian_mirror)
[ -n "$mirror" ] || fail "apt here knows no Debian mirror"

# Older emulators crash inside onnxruntime.
with_apt_for amd64 trixie update
with_apt_for amd64 trixie -y --download-only --no-install-recommends install qemu-user
mkdir "$work/emulator"
unpack "$work/emulator" "$work"/apt-amd64-trixie/archives/qemu-user_*.deb
emulator=$work/emulator/usr/bin/qemu-aarch64
tell "emulator: $("$emulator" --version | head -n 1)"

with_apt_for arm64 "$release" update
with_apt_for arm64 "$release" -y --download-only --no-install-recommends install \
    bash coreutils libc-bin libportaudio2 python3 python3-venv
mkdir -p "$userland"/{dev,proc,root,sys,tmp,usr/{bin,sbin,lib}}
[ "$release" = bookworm ] || ln -s usr/bin usr/sbin usr/lib "$userland"
unpack "$userland" "$work/apt-arm64-$release"/archives/*.deb
install -D -m 644 /etc/ssl/certs/ca-certificates.crt -t "$userland/etc/ssl/certs" # pip looks for it, even offline
tell "userland: Debian $release"

# --- the wheel, and the wheels that it asks for, as pip would choose them there ---

mkdir "$work/source" "$userland/wheels"
cp -r streamer setup.cfg pyproject.toml LICENSE "$work/source"
[ ! -e README.md ] || cp README.md "$work/source"
"$python" -m pip wheel -qq --no-deps -w "$userland/wheels" "$work/source"
wheel=("$userland"/wheels/*.whl)
platforms=()
for glibc in $(seq 17 36); do
    platforms+=(--platform "manylinux_2_${glibc}_aarch64")
done
"$python" -m pip download -qq -d "$userland/wheels" --only-binary=:all: --implementation cp \
    --python-version $python_version --platform manylinux2014_aarch64 "${platforms[@]}" "${wheel[0]}"
tell "wheels: $(find "$userland/wheels" -name '*.whl' | wc -l)"

# --- run it there and here ---

in_userland() { # COMMAND...
    # shellcheck disable=SC2016  # the inner shell expands
    timeout --kill-after=5 300 unshare --user --map-root-user --mount --pid --fork --kill-child \
        bash -euc '
            userland=$1 emulator=$2 cpu=$3
            shift 3
            mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
            # An ELF header: 64 bits, little-endian, any ABI, an executable or a shared object, for machine 0xb7.
            magic="\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00"
            mask="\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"
            echo ":aarch64:M::$magic:$mask:$emulator:OCF" >/proc/sys/fs/binfmt_misc/register
            mount --rbind /dev "$userland/dev"
            mount --rbind /sys "$userland/sys"
            mount -t proc proc "$userland/proc"
            exec env -i PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 QEMU_CPU="$cpu" \
                PIP_DISABLE_PIP_VERSION_CHECK=1 chroot "$userland" "$@"
        ' in_userland "$userland" "$emulator" "$cpu" "$@"
}

in_userland ldconfig # what finds PortAudio reads its cache
in_userland python3 -m venv /opt/venv
tell "environment"
in_userland pip install -qq --no-index --no-compile --find-links /wheels emotion-streamer
tell "installed: $(in_userland emotion-streamer --version)"

clip=demonstration.flac
cp streamer/$clip "$userland/root"
in_userland bash -ec "cd /root && emotion-streamer run -i $clip -o jsonl" >"$work/there.jsonl"
(cd streamer && ../.venv/bin/emotion-streamer run -i $clip -o jsonl) >"$work/here.jsonl"

in_userland python3 -c 'import platform; print(platform.machine(), "Python", platform.python_version())'
in_userland /opt/venv/bin/python -c 'import sounddevice; print(sounddevice.get_portaudio_version()[1])'
"$python" tests/system/same_events.py "$work/here.jsonl" "$work/there.jsonl"
tell "Debian $release on $cpu: passed"
