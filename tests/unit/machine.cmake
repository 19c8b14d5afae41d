# SPDX-License-Identifier: GPL-2.0-only
unit_test(machine_bzimage kmc_machine)
unit_test(machine_acpi kmc_machine)
unit_test(machine_serial kmc_machine)
unit_test(machine_console kmc_machine)
