# SPDX-License-Identifier: GPL-2.0-only
# Tests of vmm/report/. KMC_REBASE=1 in the environment rewrites the golden files of report_text.
function(report_test name)
  unit_test(${name} kmc_report)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
  target_compile_definitions(${name} PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()

report_test(report_symbols)
report_test(report_orc)
report_test(report_rules)
report_test(report_text)
target_sources(report_text PRIVATE report_samples.c)
report_test(report_json)
target_sources(report_json PRIVATE report_samples.c)
report_test(report_sink)
target_sources(report_sink PRIVATE report_samples.c)
