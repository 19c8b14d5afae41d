# SPDX-License-Identifier: GPL-2.0-only
foreach(name virtqueue ring_random disk pci console vsock fs)
  unit_test(devices_${name} kmc_devices)
  target_sources(devices_${name} PRIVATE device_world.c)
endforeach()

add_executable(fake_virtiofsd fake_virtiofsd.c)
foreach(name ring_random fs)
  target_compile_definitions(devices_${name} PRIVATE FAKE_VIRTIOFSD="$<TARGET_FILE:fake_virtiofsd>")
  add_dependencies(devices_${name} fake_virtiofsd)
endforeach()
