# SPDX-License-Identifier: GPL-2.0-only
kvm_test(checker_agent kmc_checker)
target_compile_options(checker_agent PRIVATE -g) # it reads its own debug information
target_include_directories(checker_agent PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
set_tests_properties(kvm/checker_agent PROPERTIES SKIP_RETURN_CODE 77)
