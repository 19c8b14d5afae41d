# SPDX-License-Identifier: GPL-2.0-only
foreach(name checker_agent checker_control checker_device checker_track checker_xstate)
  kvm_test(${name} kmc_checker)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
  set_tests_properties(kvm/${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
target_sources(checker_agent PRIVATE agent_guest.c)
target_sources(checker_control PRIVATE agent_guest.c)
target_sources(checker_device PRIVATE agent_guest.c)
target_sources(checker_track PRIVATE agent_guest.c)
target_compile_options(checker_agent PRIVATE -g) # it reads its own debug information
