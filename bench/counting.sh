# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# counting.sh: one boot in the lab that counts instructions, for bench/run and bench/debian. They set out, the folder for
# what is counted, and limit, the seconds of a boot.
top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")
build=$(readlink -f "${KMC_BUILD_DIR:-$top/build}")
# Of programs that are not loaded at random addresses (Documentation/admin-guide, norandmaps).
program_base=0x555555554000

# parameters OTHERS: of the guest's kernel. What kmc-vmm would have it do where it checks, it does without as well. An
# instruction takes it a third of a nanosecond, by a counter that is said to tick at 3 GHz (docs/decisions/0022).
parameters() {
	echo "quiet no-kvmclock tsc_early_khz=3000000 init_on_alloc=0 init_on_free=0 slab_nomerge kfence.sample_interval=0 $1"
}

# engine_range: where the emulator lies in kmc-vmm: from the first to behind the last function of its library.
engine_range() {
	local from to
	read -r from to < <(nm -n "$build/kmc-vmm" | awk '
		FNR == NR { if ($2 == "T") ours[$3]; next }
		$2 == "T" && !($3 in ours) && from != "" && to == "" { to = $1 }
		$2 == "T" && ($3 in ours) { if (from == "") from = $1; to = "" }
		END { print from, to }' <(nm "$build/decoder/libkmc_decoder.a") -)
	printf '%x-%x\n' $((program_base + 0x$from)) $((program_base + 0x$to))
}

# count_once NAME OPTION...: of kmc-vmm, in the lab: NAME.count, NAME.json (its statistics), .console, .stderr.
count_once() {
	echo "bench: running $1" >&2
	rm -f "${out:?}/$1".*
	KMC_AGENT_DIR=$build/agents KMC_LAB_FORCE=1 KMC_LAB_TIMEOUT=${limit:?} \
		KMC_LAB_COUNT="$build/bench/libcount.so,json=$out/$1.count,engine=$(engine_range)" \
		"$top/tests/lab/run" "$build/kmc-vmm" "${@:2}" --stats "$out/$1.json" \
		</dev/null >"$out/$1.console" 2>"$out/$1.stderr"
}

# count_boot NAME OPTION...: the same; what QEMU hangs ("The lab that counts" in tests/lab/README.md) is counted anew.
count_boot() {
	local status tries
	for tries in 1 2 3; do
		status=0
		count_once "$@" || status=$?
		[ "$status" -eq 124 ] || break
		echo "bench: no end after $limit s (try $tries)" >&2
	done
	[ "$status" -eq 0 ] || {
		tail -n 5 "$out/$1.stderr" >&2
		echo "bench: the guest did not run to its end; see $out" >&2
		exit 1
	}
}

# A mode with its parameters.
file_name() {
	echo "${1//[:=,]/-}"
}
