#!/bin/bash
# A microphone without a sound card: a private PulseAudio whose source `vmic` hears what is played into its sink `vmic_sink`.
#   eval "$(tests/system/virtual_mic.sh start [DIR])"    starts it (DIR is a new temporary one) and points this shell at it
#   paplay --device=vmic_sink SPEECH.wav                 16 kHz mono 16-bit arrives bit for bit
#   tests/system/virtual_mic.sh stop [DIR]               ends it; DIR is $VMIC_DIR where not named
# What `start` prints is one `export NAME=VALUE` a line, without quotes, for programs to read. The ALSA devices `pulse` and
# `default` lead to it (libasound2-plugins). Nothing but DIR is touched: a user's own audio server goes on beside it.
# An idle sink renders up to 2 s ahead, so that a recording's first block may be that late: wait for some before playing.
set -euo pipefail
umask 077

usage() { sed -n '2,5s/^# *//p' "$0" >&2; exit 2; }

fail() { echo "virtual_mic: $*" >&2; exit 1; }

exports() {
    echo "VMIC_DIR=$dir"
    echo "XDG_RUNTIME_DIR=$dir"
    echo "PULSE_RUNTIME_PATH=$dir/run"
    echo "PULSE_STATE_PATH=$dir/state"
    echo "PULSE_COOKIE=$dir/cookie"
    echo "PULSE_CLIENTCONFIG=$dir/client.conf"
    echo "PULSE_SERVER=unix:$dir/socket"
}

write_settings() {
    mkdir -p "$dir/run" "$dir/state"
    # A client must not start a server of its own once this one is gone.
    echo "autospawn = no" >"$dir/client.conf"
    cat >"$dir/server.pa" <<SETTINGS
load-module module-native-protocol-unix auth-anonymous=1 socket=$dir/socket
load-module module-null-sink sink_name=vmic_sink format=s16le rate=16000 channels=1 sink_properties=device.description=vmic_sink
load-module module-remap-source source_name=vmic master=vmic_sink.monitor rate=16000 channels=1 source_properties=device.description=vmic
set-default-sink vmic_sink
set-default-source vmic
SETTINGS
}

is_running() { # also false for a zombie, and for another program that was given the same number
    [ -e "$dir/pid" ] && [[ $(readlink "/proc/$(<"$dir/pid")/exe") == */pulseaudio ]]
}

start() {
    { command -v pulseaudio && command -v pactl; } >/dev/null || fail "pulseaudio is missing: tests/system/install_audio.sh brings it"
    dir=$(realpath -m "${dir:-$(mktemp -d -t vmic-XXXXXX)}")
    [[ $dir =~ ^[A-Za-z0-9_./+-]{1,80}$ ]] || fail "DIR must be short and plain, since it names a socket: $dir"
    is_running && fail "one runs in $dir already"
    write_settings
    # shellcheck disable=SC2046  # one word a line
    export $(exports)
    setsid pulseaudio --daemonize=no -n --file="$dir/server.pa" --exit-idle-time=-1 --use-pid-file=no \
        --realtime=no --high-priority=no --log-target=stderr </dev/null >/dev/null 2>"$dir/server.log" &
    echo $! >"$dir/pid"
    for _ in {1..100}; do
        if pactl info >/dev/null 2>&1; then
            exports | sed 's/^/export /'
            return
        fi
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$dir/server.log" >&2
    stop
    fail "no answer from the server in $dir"
}

stop() {
    [ -e "$dir/pid" ] || fail "nothing was started in ${dir:-\$VMIC_DIR (not set)}"
    if is_running; then
        kill "$(<"$dir/pid")"
        for _ in {1..30}; do is_running || break; sleep 0.1; done
        # A frozen server does not hear the first signal.
        ! is_running || kill -KILL "$(<"$dir/pid")"
    fi
    rm -rf "$dir/run" "$dir/state" "$dir"/{pid,socket,cookie,client.conf,server.pa,server.log}
    rmdir --ignore-fail-on-non-empty "$dir"
}

dir=${2:-}
case ${1:-} in
    start) start ;;
    stop) dir=${dir:-${VMIC_DIR:-}} && stop ;;
    *) usage ;;
esac
