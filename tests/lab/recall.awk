# SPDX-License-Identifier: GPL-2.0-only
# From reports (number of the run, verdict, address, title) and the module's runs (number, kind, address, bytes,
# "after", accesses, ...) to a table, and the exit status, of tests/run-guest-recall. The lines of missed runs go to
# OUT/missed, the table again, with tabs, to OUT/table.
#
# Variables: out, a folder; mode, as --track has it.

BEGIN {
	near = 64 # as docs/tracking.md promises
	enough = 90 # percent
	split("branch uninit address uninit infoleak infoleak uaf-read uaf-read uaf-write uaf-write oob-read oob-read " \
		"oob-write oob-write below-read oob-read|uaf-read|unallocated " \
		"below-write oob-write|uaf-write|unallocated unallocated-read unallocated unallocated-write " \
		"unallocated double-free double-free invalid-free invalid-free", pairs, " ")
	for (i = 1; i in pairs; i += 2) {
		kind[++kinds] = pairs[i]
		verdict[pairs[i]] = "^(" pairs[i + 1] ")$"
	}
	printf "" >(out "/missed")
}

FNR == NR {
	reports++
	report_verdict[$1] = $2
	report_addr[$1] = $3
	next
}

{
	band = $2 ~ /free$/ ? "free" : $6 < near ? "near" : "far"
	made[$2, band]++
	all[band]++
	if ($1 in report_verdict && report_verdict[$1] ~ verdict[$2] && report_addr[$1] == $3) {
		found[$2, band]++
		hit[band]++
	} else {
		print >(out "/missed")
	}
}

function cell(what, band) {
	return made[what, band] ? (found[what, band] + 0) "/" made[what, band] : "-"
}

function percent(band) {
	return all[band] ? 100 * hit[band] / all[band] : 0
}

function row(what, first, second) {
	printf "%-18s %12s %12s\n", what, first, second
	print what "\t" first "\t" second >(out "/table")
}

function fail(why) {
	print "FAIL: " why
	failed = 1
}

END {
	row("found / made", "within " near, "later")
	for (i = 1; i <= kinds; i++)
		if (kind[i] ~ /free$/)
			row(kind[i], cell(kind[i], "free"), "")
		else
			row(kind[i], cell(kind[i], "near"), cell(kind[i], "far"))
	row("all but frees", (hit["near"] + 0) "/" all["near"], (hit["far"] + 0) "/" all["far"])
	row("percent", sprintf("%.1f", percent("near")), sprintf("%.1f", percent("far")))
	total = hit["near"] + hit["far"] + hit["free"]
	if (reports != total)
		fail(reports - total " reports are of no run, or not as they should be: see " out "/found")
	if (all["near"] < 2 * all["free"] || all["far"] < all["free"])
		fail("too few runs for a figure")
	if (mode == "full" && total != FNR)
		fail(FNR - total " bugs were missed: see " out "/missed")
	if (mode == "budget" && percent("near") < enough)
		fail("less than " enough " percent: see " out "/missed")
	exit failed
}
