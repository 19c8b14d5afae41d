# SPDX-License-Identifier: GPL-2.0-only
foreach(name checker_agent checker_control)
  kvm_test(${name} kmc_checker)
  target_sources(${name} PRIVATE agent_guest.c)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
  set_tests_properties(kvm/${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
target_compile_options(checker_agent PRIVATE -g) # it reads its own debug information
