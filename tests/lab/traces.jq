# SPDX-License-Identifier: GPL-2.0-only
# From kmc-vmm's report log (jq -s) to the call traces that are not as tests/guest/traces.tsv says
# (--rawfile traces): one line each. A frame that was inlined is no frame of the stack.

def names: map(select(.inline | not) | (if .guess then "?" else "" end)
	+ (.symbol | if . == "" then "unknown" else sub("[.+].*"; "") end)) | join(" ");

($traces | split("\n") | map(select(test("^[^#]")) | split("\t") | { (.[0]): .[1] }) | add) as $t
| .[] | select(.type == "report" and .leak == null)
| (.stacks.access | names) as $names
| ($names | split(" ")[0]) as $function
| ($t[$function] // $t["*"]) as $pattern
| ($pattern | sub("SYSCALL"; $t.SYSCALL)) as $whole
| select($names | test("^" + $whole + "$") | not)
| $function + ": " + $names
