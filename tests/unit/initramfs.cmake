# SPDX-License-Identifier: GPL-2.0-only
unit_test(initramfs_test kmc_init_blob)
target_sources(initramfs_test PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../vmm/initramfs.c)
target_include_directories(initramfs_test PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../../vmm)
