# SPDX-License-Identifier: GPL-2.0-only
# Tests of vmm/libvirt/. KMC_REBASE=1 in the environment rewrites the golden files of libvirt_domains.
# What a build without libvirt does is tested in every build.
add_executable(libvirt_none libvirt_none.c ${PROJECT_SOURCE_DIR}/vmm/libvirt/libvirt_none.c
               ${PROJECT_SOURCE_DIR}/vmm/libvirt/domain_args.c)
target_include_directories(libvirt_none PRIVATE ${PROJECT_SOURCE_DIR}/vmm/libvirt)
target_link_libraries(libvirt_none PRIVATE PkgConfig::CMOCKA)
add_test(NAME unit/libvirt_none COMMAND libvirt_none)
set_tests_properties(unit/libvirt_none PROPERTIES TIMEOUT 120 LABELS unit)

if(KMC_HAS_LIBVIRT)
  unit_test(libvirt_domains kmc_libvirt)
  unit_test(libvirt_refusals kmc_libvirt)
  unit_test(libvirt_hostile kmc_libvirt)
  unit_test(libvirt_connection kmc_libvirt PkgConfig::LIBVIRT)
  foreach(name libvirt_domains libvirt_hostile)
    target_compile_definitions(${name} PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endforeach()
endif()
