# SPDX-License-Identifier: GPL-2.0-only
unit_test(decoder_emulate kmc_decoder)
unit_test(decoder_golden kmc_decoder)
unit_test(decoder_lookahead kmc_decoder)
unit_test(decoder_native kmc_decoder)
unit_test(decoder_random kmc_decoder)
unit_test(decoder_string kmc_decoder)
