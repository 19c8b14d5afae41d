# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# guest.sh: what the scripts that run guests under kmc-vmm have in common. They source it, with set -euo pipefail.
#
# top: the project; build: the build folder (KMC_BUILD_DIR, or build), whose agents kmc-vmm takes; failures: how
# often fail() was called; vmm: the process that runs, if one does.
top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "${KMC_BUILD_DIR:-$top/build}")
export KMC_AGENT_DIR=$build/agents
KMC_BUSYBOX=$("$top/tests/lab/fetch" busybox)
export KMC_BUSYBOX
failures=0
vmm=
work=
show_last=() # files: fail() shows the end of each

fail() {
	echo "FAIL: $*"
	[ ${#show_last[@]} -eq 0 ] || tail -n 25 "${show_last[@]}" 2>/dev/null | sed "s/^/      /" || true
	failures=$((failures + 1))
}

# What a script has to end besides: it defines this anew.
end_more() {
	:
}

end_work() {
	[ -z "$vmm" ] || kill "$vmm" 2>/dev/null || true
	end_more
	rm -rf "$work"
}

# work: a folder that is in memory and goes with the script, and so does $vmm. What fail() shows is in out and err.
begin_work() {
	work=$(mktemp -d -p /dev/shm)
	show_last=("$work/out" "$work/err")
	trap end_work EXIT
}

# wait_vmm CODE: the end of $vmm, with this exit code.
wait_vmm() {
	local status=0
	wait "$vmm" || status=$?
	vmm=
	[ "$status" -eq "$1" ] || fail "kmc-vmm ended with $status instead of $1"
}

# pack_initrd FOLDER FILE: what is in the folder; the folder goes.
pack_initrd() {
	(cd "$1" && find . | cpio -o -H newc --quiet) >"$2"
	rm -r "$1"
}

# module_options FOLDER [MODULE]: options=(--module...) for the modules of a folder that tests/lab/fetch prints, without
# that one. The guest has no module loader: each one after what it needs. Their type information costs more than it
# tells (tests/run-guest-workload).
module_options() {
	local module
	options=()
	while read -r module; do
		[ "$module" != "${2:-}" ] || continue
		objcopy --remove-section=.BTF "$1/$module" "$work/$module"
		options+=(--module "$work/$module")
	done <"$1/order"
}

# expect TEXT: the guest has printed this line.
expect() {
	tr -d '\r' <"$work/out" | grep -qFx "$1" || fail "the guest did not print: $1"
}

sum_of() {
	sha256sum <"$1" | sed 's/ .*/ -/'
}
