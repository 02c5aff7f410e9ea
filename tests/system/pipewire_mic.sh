#!/bin/bash
# As virtual_mic.sh, in a private PipeWire: its source `vmic` hears what is played into its sink `vmic_sink`.
#   eval "$(tests/system/pipewire_mic.sh start [DIR [UNPACKED]])"    starts it (DIR is a new temporary one) and points this
#                                                                    shell at it
#   paplay --device=vmic_sink SPEECH.wav                             16 kHz mono 16-bit arrives bit for bit
#   tests/system/pipewire_mic.sh stop [DIR]                          ends it; DIR is $VMIC_DIR where not named
# UNPACKED is where fetch_pipewire.sh put PipeWire, .pipewire in this checkout where not named. What `start` prints is one
# `export NAME=VALUE` a line, without quotes, for programs to read. The ALSA devices `pulse` and `default` lead to PipeWire's
# layer for PulseAudio, `pipewire` to that for ALSA, which drops what nobody takes for some 45 ms.
# DIR/pid is the server's; pulse.pid, wireplumber.pid and dbus.pid stand beside it. What of them has died, `start` starts
# again; where it was the server or its session manager, all of them. Nothing but DIR is touched: a user's own audio server
# goes on beside it.
set -euo pipefail
umask 077

usage() { sed -n '2,12s/^# *//p' "$0" >&2; exit 2; }

fail() { echo "pipewire_mic: $*" >&2; exit 1; }

exports() {
    echo "VMIC_DIR=$dir"
    echo "XDG_RUNTIME_DIR=$dir"
    echo "XDG_CONFIG_HOME=$dir/config"
    echo "XDG_STATE_HOME=$dir/state"
    echo "DBUS_SESSION_BUS_ADDRESS=unix:path=$dir/bus"
    echo "PULSE_RUNTIME_PATH=$dir/pulse"
    echo "PULSE_COOKIE=$dir/state/cookie"
    echo "PULSE_CLIENTCONFIG=$dir/config/client.conf"
    echo "PULSE_SERVER=unix:$dir/pulse/native"
    echo "PIPEWIRE_RUNTIME_DIR=$dir"
    echo "PIPEWIRE_CONFIG_DIR=$dir/config/pipewire"
    echo "PIPEWIRE_MODULE_DIR=$libraries/pipewire-0.3"
    echo "SPA_PLUGIN_DIR=$libraries/spa-0.2"
    echo "SPA_DATA_DIR=$unpacked/usr/share/spa-0.2"
    echo "WIREPLUMBER_MODULE_DIR=$(echo "$libraries"/wireplumber-0.*)"
    echo "WIREPLUMBER_CONFIG_DIR=$unpacked/usr/share/wireplumber"
    echo "WIREPLUMBER_DATA_DIR=$unpacked/usr/share/wireplumber"
    echo "LD_LIBRARY_PATH=$libraries"
}

write_settings() {
    mkdir -p "$dir"/{pulse,state} "$dir"/config/{alsa,pipewire/pipewire.conf.d}
    # A client must not start a server of its own once this one is gone.
    echo "autospawn = no" >"$dir/config/client.conf"
    ln -sf "$unpacked"/usr/share/pipewire/*.conf "$dir/config/pipewire"
    cat >"$dir/config/pipewire/pipewire.conf.d/vmic.conf" <<SETTINGS
context.properties = { default.clock.rate = 16000 }
context.objects = [
    { factory = adapter
      args = { factory.name = support.null-audio-sink node.name = vmic_sink node.description = vmic_sink
               media.class = Audio/Sink audio.position = MONO priority.session = 1000 object.linger = true } }
]
context.modules = [
    { name = libpipewire-module-loopback
      args = { node.description = vmic audio.position = MONO
               capture.props = { node.name = vmic_monitor target.object = vmic_sink stream.capture.sink = true }
               playback.props = { node.name = vmic media.class = Audio/Source priority.session = 2000 } } }
]
SETTINGS
    # The files that a system has in /etc/alsa/conf.d, and where their plugins are.
    {
        echo "pcm_type.pipewire { lib $libraries/alsa-lib/libasound_module_pcm_pipewire.so }"
        echo "ctl_type.pipewire { lib $libraries/alsa-lib/libasound_module_ctl_pipewire.so }"
        cat "$unpacked"/usr/share/alsa/alsa.conf.d/*.conf
    } >"$dir/config/alsa/asoundrc"
}

pid_file() { # WHICH: pid, pulse, wireplumber or dbus
    if [ "$1" = pid ]; then echo "$dir/pid"; else echo "$dir/$1.pid"; fi
}

is_running() { # WHICH; also false for a zombie, and for another program that was given the same number
    local file
    file=$(pid_file "$1")
    [ -e "$file" ] && [[ $(readlink "/proc/$(<"$file")/exe") == */@(pipewire|wireplumber|dbus-daemon) ]]
}

launch() { # WHICH COMMAND...; unless it runs
    ! is_running "$1" || return 0
    setsid "${@:2}" </dev/null >/dev/null 2>"$dir/$1.log" &
    echo $! >"$(pid_file "$1")"
}

answers() { # within 10 s: COMMAND...
    for _ in {1..100}; do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    return 1
}

has_source() { pactl list short sources | grep -qw vmic; }

start() {
    unpacked=$(realpath -m "${unpacked:-"$(dirname "$0")/../../.pipewire"}")
    [ -e "$unpacked/complete" ] || fail "PipeWire is not in $unpacked: tests/system/fetch_pipewire.sh $unpacked brings it"
    { command -v dbus-daemon && command -v pactl; } >/dev/null || fail "dbus-daemon or pulseaudio-utils is missing"
    libraries=$(dirname "$(echo "$unpacked"/usr/lib/*/pipewire-0.3)")
    dir=$(realpath -m "${dir:-$(mktemp -d -t vmic-XXXXXX)}")
    [[ $dir =~ ^[A-Za-z0-9_./+-]{1,80}$ ]] || fail "DIR must be short and plain, since it names a socket: $dir"
    ! { is_running pid && is_running wireplumber && is_running pulse; } || fail "one runs in $dir already"
    # A session manager that comes later links nothing (0.3.65).
    { is_running pid && is_running wireplumber; } || end_processes
    write_settings
    # shellcheck disable=SC2046  # one word a line
    export $(exports)
    # The session manager ends where there is no bus.
    launch dbus dbus-daemon --session --nofork --nopidfile --address="unix:path=$dir/bus"
    answers test -S "$dir/bus" || fail_to_start "the bus"
    launch pid "$unpacked/usr/bin/pipewire"
    answers test -S "$dir/pipewire-0" || fail_to_start "pipewire"
    launch wireplumber "$unpacked/usr/bin/wireplumber"
    launch pulse "$unpacked/usr/bin/pipewire-pulse"
    answers has_source || fail_to_start "pipewire-pulse, or it has no source"
    exports | sed 's/^/export /'
}

fail_to_start() {
    tail -n 5 "$dir"/*.log >&2
    stop
    fail "no answer from $1"
}

end_processes() {
    local which
    for which in pulse wireplumber pid dbus; do
        is_running $which || continue
        kill "$(<"$(pid_file $which)")"
        for _ in {1..30}; do is_running $which || break; sleep 0.1; done
        # What is frozen does not hear the first signal.
        ! is_running $which || kill -KILL "$(<"$(pid_file $which)")"
    done
    rm -rf "$dir"/{pid,*.pid,bus,pipewire-0*,pulse}
}

stop() {
    [ -e "$dir/pid" ] || fail "nothing was started in ${dir:-\$VMIC_DIR (not set)}"
    end_processes
    rm -rf "$dir"/{config,state,dbus-1,*.log}
    rmdir --ignore-fail-on-non-empty "$dir"
}

dir=${2:-} unpacked=${3:-}
case ${1:-} in
    start) start ;;
    stop) dir=${dir:-${VMIC_DIR:-}} && stop ;;
    *) usage ;;
esac
