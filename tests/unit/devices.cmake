# SPDX-License-Identifier: GPL-2.0-only
unit_test(devices_virtqueue kmc_devices)
unit_test(devices_ring_random kmc_devices)
unit_test(devices_disk kmc_devices)
unit_test(devices_pci kmc_devices)
foreach(name virtqueue ring_random pci)
  target_sources(devices_${name} PRIVATE device_world.c)
endforeach()
