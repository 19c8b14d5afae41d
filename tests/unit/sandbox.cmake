# SPDX-License-Identifier: GPL-2.0-only
unit_test(sandbox_traps kmc_sandbox PkgConfig::JANSSON)
