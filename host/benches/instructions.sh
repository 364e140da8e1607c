#!/bin/sh
# Instructions per stage of the hot-remove workload, by callgrind: the same figures on
# every run of the same binary. Usage: host/benches/instructions.sh [PAGES]
set -eu
pages=${1:-10000}
cargo bench --quiet --no-run --bench hot_remove
bench=$(cargo bench --no-run --bench hot_remove --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*hot_remove[^"]*\)".*/\1/p' | tail -n 1)
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
echo "policy      instructions      stages  per stage"
for policy in vanilla iwamoto hugh hugh-mail; do
    valgrind --tool=callgrind --toggle-collect='*hot_remove::measured*' \
        --callgrind-out-file="$out/$policy" "$bench" --once "$policy" "$pages" \
        >"$out/report" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    stages=$(sed -n 's/^  stages  *//p' "$out/report")
    instructions=$(sed -n 's/^totals: //p' "$out/$policy")
    echo "$policy $instructions $stages" |
        awk '{ printf "%-10s %13d %11d %10.1f\n", $1, $2, $3, $2 / $3 }'
done
