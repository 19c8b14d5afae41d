# SPDX-License-Identifier: GPL-2.0-only
kvm_test(checker_agent kmc_checker)
