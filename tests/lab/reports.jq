# SPDX-License-Identifier: GPL-2.0-only
# From kmc-vmm's report log to the columns of tests/guest/expectations.tsv. Use with jq -r.
# A line that is no report (hello, exit) gives nothing.

# The innermost function that has a frame of its own; behind a kernel's function that acts for kmc_bugs.ko
# the one it acts for.
def function_of(frames):
    def name: sub("[.+].*"; "");
    def is_test: endswith("[kmc_bugs]");
    (frames | map(select(.inline | not).symbol)) as $symbols
    | ($symbols[0] // "unknown") as $first
    | if ($first | is_test) or ($symbols | any(is_test) | not) then $first | name
      else "callee of " + (first($symbols[] | select(is_test)) | name) end;

# Of a leak: the test that allocated it.
def allocator_of(frames):
    first(frames[].symbol | select(endswith("[kmc_bugs]")) | sub("[+].*"; "")) // "unknown";

# An interrupt may come between two iterations; then those that are left are the access.
def is_rep: function_of(.stacks.access // []) | test("_rep$");

select(.type == "report")
| (.verdict | test("free$") or . == "leak") as $no_access
| (.object // {}) as $o
| [ (if .leak then allocator_of(.stacks.allocated.frames) else function_of(.stacks.access // []) end),
    .verdict,
    (if $no_access then "-" elif .access.rw == "write" then "W" else "R" end),
    (if $no_access or is_rep then "-" else .access.size end),
    (if ($o.cache // "") == "" or $o.large then "-" else $o.cache end),
    (if .verdict == "unallocated" then "-" else ($o.size // "-") end),
    ($o.offset // "-") ]
| @tsv
