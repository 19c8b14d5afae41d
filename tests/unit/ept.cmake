# SPDX-License-Identifier: GPL-2.0-only
# Tests of ept/. Those that let allocations fail put their own calloc between (ept_calloc.h).
unit_test(ept_guest_ram kmc_ept)
unit_test(ept_step kmc_ept)
unit_test(ept_shadow kmc_ept)
foreach(test ept_shadow)
  target_link_options(${test} PRIVATE -Wl,--wrap=calloc)
endforeach()
