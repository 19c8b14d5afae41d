# SPDX-License-Identifier: GPL-2.0-only
# Tests of vmm/client/. KMC_REBASE=1 in the environment rewrites the golden files of client_views.
unit_test(client_source kmc_client kmc_report)
unit_test(client_model kmc_client)
unit_test(client_options kmc_client)
unit_test(client_views kmc_client)
unit_test(client_random kmc_client)
foreach(name client_views client_random)
  target_compile_definitions(${name} PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
