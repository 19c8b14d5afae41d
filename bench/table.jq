# SPDX-License-Identifier: GPL-2.0-only
# The table of bench/run, from one object a boot: what it is, statistics of kmc-vmm, and seconds until the
# guest's init started (boot) and until the work was done. The first boot is without checks. Use with jq -rs.
def round2: . * 100 | round / 100;
def ratio(a; b): if b == 0 then "-" else (a / b | round2 | tostring) end;

.[0] as $none
| .[1:] as $runs
| def row(name; value): "| \(name) | \($runs | map(value | tostring) | join(" | ")) |";
  "| | \($runs | map(.name) | join(" | ")) |",
  "|---|\($runs | map("---|") | add)",
  row("violations"; .stats.violations),
  row("of them stepped"; .stats.stepped),
  row("rings of the agent"; .stats.doorbells),
  row("accesses to tracked bytes that were seen"; .stats.accesses),
  row("of them per violation"; ratio(.stats.accesses; .stats.violations)),
  row("exits (violations, steps, rings) per such access";
      ratio(.stats.violations + .stats.stepped + .stats.doorbells; .stats.accesses)),
  row("guest instructions emulated, in thousands"; .stats.window_insns / 1000 | round),
  row("host ns per violation"; ratio(.stats.fault_ns; .stats.violations)),
  row("boot, against \(ratio($none.boot; 1)) s without checks"; ratio(.boot; $none.boot)),
  row("work, against \(ratio($none.work - $none.boot; 1)) s"; ratio(.work - .boot; $none.work - $none.boot)),
  row("objects: watched / cut / unwatched";
      "\(.stats.watched) / \(.stats.cut) / \(.stats.unwatched)"),
  row("call traces kept"; .stats.traces),
  row("shadow bytes per tracked byte, at most"; ratio(.stats.shadow_peak; .stats.tracked_peak)),
  row("object table bytes per tracked byte, at most"; ratio(.stats.objects_peak; .stats.tracked_peak)),
  row("search for leaks: objects, s"; "\(.stats.leak_objects), \(.stats.leak_ns / 1e9 | round2)"),
  row("reports / undecodable (must be 0)"; "\(.stats.reports) / \(.stats.undecodable)")
