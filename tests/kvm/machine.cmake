# SPDX-License-Identifier: GPL-2.0-only
kvm_test(machine_guests kmc_machine)
kvm_test(machine_hold kmc_machine)
kvm_test(machine_pause kmc_machine)
kvm_test(machine_registers kmc_machine)
kvm_test(machine_devices kmc_machine)
