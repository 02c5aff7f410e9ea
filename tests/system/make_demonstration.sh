#!/bin/bash
# Makes streamer/demonstration.flac anew from synthetic voices (needs espeak-ng and sox); `make demonstration` runs it.
#   make_demonstration.sh [OUTPUT]
set -euo pipefail
cd "$(dirname "$0")/../.."
output=${1:-streamer/demonstration.flac}
rate=16000 pause_s=0.8
for program in espeak-ng sox; do
    command -v "$program" >/dev/null || { echo "$program is missing; on Debian: apt install espeak-ng sox" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

num_parts=0
say() { # VOICE PITCH(0-99) WORDS_PER_MINUTE PEAK_DB SENTENCE
    num_parts=$((num_parts + 1))
    espeak-ng -v "$1" -p "$2" -s "$3" -w "$work/spoken.wav" "$5"
    # The voice's own silence goes, so that the pauses are the ones added here.
    sox -R "$work/spoken.wav" "$work/part$num_parts.wav" \
        rate $rate silence 1 0.02 0.5% reverse silence 1 0.02 0.5% reverse gain -n "$4" pad 0 $pause_s
}

say en-gb+f2 45 150 -12 "The next bus leaves at a quarter past nine."
say en-us+f4 85 185 -6 "Come and look it really worked!"
say en-gb+m3 70 200 -2 "I have told you twice to leave the door shut!"
say en-gb-scotland+m7 15 105 -20 "Nobody came and it rained all day."

# A very quiet floor of noise, as any room has: no run of exact zeros.
sox -R "$work"/part[0-9].wav "$work/speech.wav" pad $pause_s 0
sox -R "$work/speech.wav" "$work/floor.wav" synth whitenoise gain -68
sox -R -m -v 1 "$work/speech.wav" -v 1 "$work/floor.wav" -r $rate -c 1 -b 16 -C 8 --comment "" "$output"
soxi "$output" >&2
