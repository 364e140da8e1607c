#!/usr/bin/env bash
# cowpath's search beside SPIN and Stateright. Prints Markdown; README.md says what is what.
#
#   run.sh                     all parts
#   run.sh same question       these parts: same, large, instructions, question
#
# Environment, with what is taken otherwise:
#   ROUNDS=3           runs of every contestant, alternately
#   TIMEOUT=900        seconds after which one run is ended
#   UNIVERSE=B         explored by all with one step function
#   LARGE=fifty-million  ten times as large, for our search alone
#   THREADS=2          for the run of our search with several threads
#   QUESTIONS="B C"    configurations of the hand-written models
#   INSTRUCTIONS=20000 states whose expansion callgrind counts
#   DEPTH=             of SPIN's stack; empty: a million, and a quarter of the states
set -euo pipefail
ROUNDS=${ROUNDS:-3}
TIMEOUT=${TIMEOUT:-900}
UNIVERSE=${UNIVERSE:-five-million}
LARGE=${LARGE:-fifty-million}
THREADS=${THREADS:-2}
QUESTIONS=${QUESTIONS:-B C}
INSTRUCTIONS=${INSTRUCTIONS:-20000}
DEPTH=${DEPTH:-}
export LC_ALL=C UNIVERSE

target=$(realpath -m "${CARGO_TARGET_DIR:-$(dirname "$0")/target}")
export CARGO_TARGET_DIR=$target
cd "$(dirname "$0")"
here=$PWD
bin=$target/release
pan=$target/pan

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null ||
            fail "there is no $tool: apt-get install -y --no-install-recommends spin gcc valgrind"
    done
}

# The value of a word KEY=VALUE on standard input.
value() {
    tr ' ' '\n' | sed -n "s/^$1=//p"
}

# A verifier: compile NAME ARGUMENT...
compile() {
    local name=$1
    shift
    gcc -O2 -w -DSAFETY -DNOREDUCE -DMEMLIM=60000 -o "$name" "$@"
}

# What a verifier is told for so many states: its hash table is as large as it will need to
# be, and its stack deep enough; the run fails if it is not.
verifier_options() {
    local bits=18
    while ((1 << bits < $1)); do bits=$((bits + 1)); done
    echo "-w$bits -m${DEPTH:-$((1000000 + $1 / 4))}"
}

# The verifiers of our step function, with as many options as a state has successors at most.
machine_verifiers() {
    local options=$1 i
    mkdir -p "$pan/machine"
    (
        cd "$pan/machine"
        cp "$here/machine/machine.pml" .
        for ((i = 0; i < options; i++)); do echo "OPTION($i)"; done >options.pml
        spin -a machine.pml
        local link=(-DOPTIONS="$options" "-DC_INIT=machine_start()" -I "$here/machine" pan.c
            "$bin/libpeers_machine.a" -lpthread -ldl -lm)
        compile depth_first -DNOCOMP "${link[@]}"
        compile breadth_first -DBFS "${link[@]}"
    )
}

# The verifiers of the Promela written by hand: hand_verifiers CONFIGURATION
hand_verifiers() {
    mkdir -p "$pan/$1"
    (
        cd "$pan/$1"
        "$bin/hand-promela" "$1" >depth_first.pml
        spin -a depth_first.pml
        compile depth_first -DNOCOMP pan.c
        compile depth_first_as_it_comes pan.c
        "$bin/hand-promela" "$1" bfs >breadth_first.pml
        spin -a breadth_first.pml
        compile breadth_first -DBFS pan.c
    )
}

measure() {
    "$bin/peers-measure" --timeout "$TIMEOUT" --rounds "$ROUNDS" "$@"
}

# (a) One step function, no reductions.
part_same() {
    local found states options spin others
    found=$("$bin/machine" generate "$UNIVERSE")
    states=$(value states <<<"$found")
    options=$(value most <<<"$found")
    machine_verifiers "$options"
    spin=$(verifier_options "$states")
    others="for i in \$(seq 2 $THREADS); do $bin/machine search $UNIVERSE >/dev/null & done"
    printf '\n## One step function: %s\n\n' "$UNIVERSE"
    measure --equal --limit "generation alone" \
        "cowpath=exec $bin/machine search $UNIVERSE" \
        "cowpath, $THREADS threads=exec $bin/machine search $UNIVERSE $THREADS" \
        "cowpath, $THREADS at once=$others; $bin/machine search $UNIVERSE; wait" \
        "generation alone=exec $bin/machine generate $UNIVERSE" \
        "SPIN=exec $pan/machine/depth_first $spin" \
        "SPIN, breadth first=exec $pan/machine/breadth_first $spin" \
        "Stateright=exec $bin/machine stateright $UNIVERSE"
}

part_large() {
    printf '\n## Cost against size: %s, %s\n\n' "$UNIVERSE" "$LARGE"
    measure "$UNIVERSE=exec $bin/machine search $UNIVERSE" "$LARGE=exec $bin/machine search $LARGE"
}

part_instructions() {
    printf '\n## Instructions\n\n'
    if ! command -v valgrind >/dev/null; then
        echo "SKIPPED: instructions, there is no valgrind"
        return
    fi
    local found instructions transitions
    found=$(valgrind --tool=callgrind --toggle-collect='*machine::generate::generate*' \
        --callgrind-out-file="$target/callgrind" "$bin/machine" generate "$UNIVERSE" \
        "$INSTRUCTIONS" 2>"$target/callgrind.log") || fail "$(<"$target/callgrind.log")"
    instructions=$(sed -n 's/^totals: //p' "$target/callgrind")
    transitions=$(value transitions <<<"$found")
    echo "$((instructions / transitions)) a transition, over $transitions transitions"
}

# (b) One question: the hand-written models, and ours with its reductions.
part_question() {
    local question spin
    for question in $QUESTIONS; do
        hand_verifiers "$question"
        spin=$(verifier_options "$("$bin/hand-promela" "$question" states)")
        printf '\n## One question: %s\n\n' "$question"
        measure \
            "cowpath=exec $bin/machine verdict $question" \
            "SPIN=exec $pan/$question/depth_first $spin" \
            "SPIN, as it comes=exec $pan/$question/depth_first_as_it_comes $spin" \
            "SPIN, breadth first=exec $pan/$question/breadth_first $spin" \
            "Stateright=exec $bin/hand-stateright $question"
    done
}

about() {
    local processor
    processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
    echo "$(nproc) x $processor; load $(cut -d' ' -f1-3 /proc/loadavg)"
    echo "cowpath $(git describe --always --dirty), $(rustc --version), $(gcc --version | head -n 1)," \
        "$(spin -V), Stateright $(sed -n '/^name = "stateright"/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)"
}

need cargo gcc spin timeout
((ROUNDS > 0)) || fail "ROUNDS is $ROUNDS"
cargo build --release --quiet
if (($# == 0)); then
    set -- same large instructions question
fi
about
for part in "$@"; do
    declare -F "part_$part" >/dev/null || fail "no part is called $part"
    "part_$part"
done
printf '\nload afterwards %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
