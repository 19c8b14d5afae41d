# SPDX-License-Identifier: GPL-2.0-only
# Tests of vmm/libvirt/. KMC_REBASE=1 in the environment rewrites the golden files of libvirt_domains.
unit_test(libvirt_args kmc_domain_args)

if(KMC_HAS_LIBVIRT)
  unit_test(libvirt_domains kmc_libvirt)
  unit_test(libvirt_refusals kmc_libvirt)
  unit_test(libvirt_hostile kmc_libvirt)
  unit_test(libvirt_connection kmc_libvirt PkgConfig::LIBVIRT)
  foreach(name libvirt_domains libvirt_hostile)
    target_compile_definitions(${name} PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endforeach()
endif()
