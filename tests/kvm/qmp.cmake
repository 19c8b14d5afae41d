# SPDX-License-Identifier: GPL-2.0-only
kvm_test(qmp_machine kmc_qmp)
