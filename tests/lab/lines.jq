# SPDX-License-Identifier: GPL-2.0-only
# From kmc-vmm's report log to the source lines of kmc_bugs.ko in its stacks: function, file, line. Only
# for that module there is debug information, so what was inlined was inlined there. Use with jq -r.

select(.type == "report")
| .stacks
| (.access, .allocated.frames?, .freed.frames?)
| .[]?
| select(.inline or (.symbol | endswith("[kmc_bugs]")))
| [ (.symbol | sub("[.+].*"; "")), .file, .line ]
| @tsv
