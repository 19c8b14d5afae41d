# SPDX-License-Identifier: GPL-2.0-only
unit_test(qemu_opts kmc_qemu)
unit_test(qemu_argv kmc_qemu)
unit_test(qemu_config kmc_qemu PkgConfig::JANSSON)
target_compile_definitions(qemu_config PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
