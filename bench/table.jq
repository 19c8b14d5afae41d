# SPDX-License-Identifier: GPL-2.0-only
# The table of bench/run, from one object for each mode, the first without checks: name, and for boot, mix and work (boot
# included in both) what kmc-vmm (stats) and the lab (count) counted, and the agent's bytes. $costs is costs.json.
# And the table of bench/debian, from objects with name, stats and count; the first also has what was run.
# What a row means is in README.md. Use with jq -rs --argjson costs.
def round2: . * 100 | round / 100;
def ratio(a; b): if b == 0 then "-" else (a / b | round2 | tostring) end;
def thousands: tostring | explode | reverse
  | [foreach .[] as $c (-1; . + 1; if . > 0 and . % 3 == 0 then 44, $c else $c end)] | reverse | implode;
def millions: . / 1e6 | if . < 10 then . * 10 | round / 10 else round end | tostring;
def numbers_of: with_entries(select(.value | type == "number"));
def minus($b): numbers_of | with_entries(.value -= ($b[.key] // 0));
# The kernel measures its clock before init, for longer or shorter each time: it has no part in the difference.
def since_init: minus(.before_init);
def without_boot(run): .boot as $b | run
  | {stats: (.stats | minus($b.stats)), count: (.count | since_init | minus($b.count | since_init))};

# Nanoseconds.
def guest_ns: (.count.guest_kernel + .count.guest_user) * $costs.guest_instruction.ns;
def entry_ns: .count.entries * $costs.entry.ns;
def kernel_ns:
  .count.host_kernel * $costs.guest_instruction.ns + .count.host_string * $costs.host_instruction.ns;
def vmm_ns: .count.host_vmm * $costs.host_instruction.ns;
def engine_ns: .count.host_engine * $costs.host_instruction.ns;
def time_ns: guest_ns + entry_ns + kernel_ns + vmm_ns + engine_ns;
def exits: .stats.violations + .stats.stepped + .stats.doorbells;

def row($runs; name; value): "| \(name) | \($runs | map(value | tostring) | join(" | ")) |";
def part($title; $none; $runs): ($none | time_ns) as $native
  | "| **\($title)**: \($none.count.guest_kernel + $none.count.guest_user | millions) million instructions, \(
    $native / 1e6 | round) ms |\($runs | map(" |") | add)",
    row($runs; "violations"; .stats.violations | thousands),
    row($runs; "of them stepped"; .stats.stepped | thousands),
    row($runs; "rings of the agent"; .stats.doorbells | thousands),
    row($runs; "accesses to tracked bytes per exit (violation, step, ring)"; if .stats.violations == 0 then "-" else ratio(.stats.accesses; exits) end),
    row($runs; "guest instructions emulated, millions"; .stats.window_insns | millions),
    row($runs; "of the guest's kernel instructions, percent";
        ratio(100 * .stats.window_insns; .stats.window_insns + .count.guest_kernel)),
    row($runs; "host instructions for each of them"; ratio(.count.host_engine; .stats.window_insns)),
    row($runs; "one of them costs, ns"; ratio(engine_ns; .stats.window_insns)),
    row($runs; "host instructions per exit: kmc-vmm, kernel"; if .stats.violations == 0 then "-" else
        "\((.count.host_vmm - $none.count.host_vmm) / exits | round | thousands), \(
        (.count.host_kernel - $none.count.host_kernel) / exits | round | thousands)" end),
    row($runs; "an exit costs, ns"; if .stats.violations == 0 then "-" else
        (entry_ns + kernel_ns + vmm_ns - ($none | entry_ns + kernel_ns + vmm_ns)) / exits | round | thousands end),
    row($runs; "time in the lab, against no checks"; ratio(.stats.run_ns; $none.stats.run_ns)),
    row($runs; "model: what the guest executes itself"; ratio(guest_ns; $native)),
    row($runs; "+ going in and out"; ratio(entry_ns; $native)),
    row($runs; "+ the host's kernel"; ratio(kernel_ns; $native)),
    row($runs; "+ kmc-vmm"; ratio(vmm_ns; $native)),
    row($runs; "+ emulated instructions"; ratio(engine_ns; $native)),
    row($runs; "= **modelled slowdown**"; "**" + ratio(time_ns; $native) + "**");

def head($runs): "| | \($runs | map(.name) | join(" | ")) |", "|---|\($runs | map("---|") | add)";
def objects($runs; stats): row($runs; "objects: watched / cut / unwatched"; stats | "\(.watched) / \(.cut) / \(.unwatched)");
def reports($runs; stats): row($runs; "reports / undecodable (must be 0)"; stats | "\(.reports) / \(.undecodable)");

def of_one: .[0] as $none | .[1:] as $runs
| head($runs),
  part($none.what; $none; $runs),
  objects($runs; .stats),
  reports($runs; .stats);

def of_three: .[0] as $none | .[1:] as $runs
| head($runs),
  part("boot"; $none.boot; $runs | map(.boot)),
  part("mix"; $none | without_boot(.mix); $runs | map(without_boot(.mix))),
  objects($runs; without_boot(.mix).stats),
  part("workload"; $none | without_boot(.work); $runs | map(without_boot(.work))),
  "| **boot and workload** |\($runs | map(" |") | add)",
  objects($runs; .work.stats),
  row($runs; "call traces kept"; .work.stats.traces | thousands),
  row($runs; "tracked KiB, at most"; .work.stats.tracked_peak / 1024 | round | thousands),
  row($runs; "shadow bytes per tracked byte"; .work.stats | ratio(.shadow_peak; .tracked_peak)),
  row($runs; "KiB of slabs whose objects are known, at most"; .work.stats.known_peak / 1024 | round | thousands),
  row($runs; "shadow, objects and traces, bytes per byte of them";
      .work.stats | ratio(.known_shadow + .objects_peak; .known_peak)),
  row($runs; "guest memory of the agent, KiB"; .work.agent / 1024 | round | thousands),
  row($runs; "search for leaks: objects, ms"; .work.stats | "\(.leak_objects), \(.leak_ns / 1e6 | round)"),
  row($runs; "reports / undecodable in both runs (must be 0)";
      "\(.mix.stats.reports + .work.stats.reports) / \(.mix.stats.undecodable + .work.stats.undecodable)");

(if .[0].what then of_one else of_three end),
  "",
  "| cost | ns | from |",
  "|---|---|---|",
  ($costs | to_entries[] | "| \(.value.what) | \(.value.ns) | \(.value.from) |")
