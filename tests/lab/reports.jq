# SPDX-License-Identifier: GPL-2.0-only
# From kmc-vmm's report log to the columns of tests/guest/expectations.tsv. Use with jq -r.
# A line that is no report (hello, exit) gives nothing.
select(.type == "report")
| (.verdict | test("free$")) as $free
| (.object // {}) as $o
| [ (.stacks.access[0].symbol // "unknown" | sub("[.+].*"; "")),
    .verdict,
    (if $free then "-" elif .access.rw == "write" then "W" else "R" end),
    (if $free then "-" else .access.size end),
    (if ($o.cache // "") == "" or $o.large then "-" else $o.cache end),
    (if .verdict == "unallocated" then "-" else ($o.size // "-") end),
    ($o.offset // "-") ]
| @tsv
