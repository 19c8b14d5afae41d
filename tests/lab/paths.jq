# SPDX-License-Identifier: GPL-2.0-only
# From kmc-vmm's report log (jq -s) to the ways of undefined bytes that are not as tests/guest/traces.tsv
# says (--rawfile traces): one line each.

def names: map(select(.inline | not) | (if .guess then "?" else "" end)
	+ (.symbol | if . == "" then "unknown" else sub("[.+].*"; "") end)) | join(" ");

($traces | split("\n") | map(select(test("^[^#]")) | split("\t") | { (.[0]): .[1] }) | add) as $t
| (map(select(.undefined)
	| (.stacks.access | map(select(.inline | not)) | .[0].symbol | sub("[.+].*"; "")) as $function
	| (.undefined.copied | to_entries[] | { ($function + " copied \(.key)"): (.value | names) }),
	  { ($function + " created"): (.undefined.created.frames // [] | names) }) | add) as $found
| $t | to_entries[] | select(.key | test(" (copied|created)"))
| (.value | sub("SYSCALL"; $t.SYSCALL)) as $whole
| select($found[.key] // "missing" | test("^" + $whole + "$") | not)
| .key + ": " + ($found[.key] // "missing")
