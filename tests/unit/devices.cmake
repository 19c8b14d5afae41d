# SPDX-License-Identifier: GPL-2.0-only
foreach(name virtqueue ring_random disk pci console vsock)
  unit_test(devices_${name} kmc_devices)
  target_sources(devices_${name} PRIVATE device_world.c)
endforeach()
