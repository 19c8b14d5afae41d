# SPDX-License-Identifier: GPL-2.0-only
unit_test(control_args kmc_control)
