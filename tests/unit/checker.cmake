# SPDX-License-Identifier: GPL-2.0-only
unit_test(checker_walk kmc_checker)
unit_test(checker_free_slots kmc_checker)
unit_test(checker_operand kmc_checker)
unit_test(checker_sites kmc_checker)
target_include_directories(checker_sites PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
