# SPDX-License-Identifier: GPL-2.0-only
# Tests of ept/. Those that let allocations fail put their own calloc between (ept_calloc.h).
foreach(test guest_ram step pool shadow objects objects_hostile depot copies leaks judge track watch)
  unit_test(ept_${test} kmc_ept)
  set_tests_properties(unit/ept_${test} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
foreach(test shadow objects_hostile)
  target_link_options(ept_${test} PRIVATE -Wl,--wrap=calloc,--wrap=pool_get)
endforeach()
