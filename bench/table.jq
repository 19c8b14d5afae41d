# SPDX-License-Identifier: GPL-2.0-only
# The table of bench/run. $on and $bare: statistics of kmc-vmm with checks, and with checks but without call
# traces; $bon, $bbare, $boff (no checks): seconds until the guest's init started; $won, ...: until the
# workload was done.
def ratio(a; b): if b == 0 then "-" else (a / b * 100 | round / 100 | tostring) end;
def row(name; value): "| \(name) | \(value) |";
$on[0] as $c
| ($c.violations + $c.stepped + $c.doorbells) as $exits
| "| | |", "|---|---|",
  row("violations"; $c.violations),
  row("stepped / emulated"; "\($c.stepped) / \($c.emulated)"),
  row("accesses to tracked bytes"; $c.accesses),
  row("exits (violations, steps, doorbells) per tracked access"; ratio($exits; $c.accesses)),
  row("host ns per violation"; ratio($c.fault_ns; $c.violations)),
  row("of that with the other vCPUs held"; ratio($c.hold_ns * 100; $c.fault_ns) + " %"),
  row("boot, checks on / off"; "\($bon) s / \($boff) s = " + ratio($bon; $boff)),
  row("workload, checks on / off";
      "\($won - $bon | . * 100 | round / 100) s / \($woff - $boff | . * 100 | round / 100) s = "
      + ratio($won - $bon; $woff - $boff)),
  row("of that without call traces (\($c.traces) of 19 frames at most): boot, workload";
      ratio($bbare; $bon) + ", " + ratio($wbare - $bbare; $won - $bon)),
  row("object table without them"; ratio($bare[0].objects_peak; $c.objects_peak)),
  row("search for leaks at the end"; "\($c.leak_objects) objects, \($c.leak_ns / 1e7 | round / 100) s"),
  row("shadow bytes per tracked byte, at most"; ratio($c.shadow_peak; $c.tracked_peak)),
  row("object table bytes per tracked byte, at most"; ratio($c.objects_peak; $c.tracked_peak)),
  row("reports (must be 0) / undecodable (must be 0)"; "\($c.reports) / \($c.undecodable)")
