# SPDX-License-Identifier: GPL-2.0-only
unit_test(qmp_split kmc_qmp)
