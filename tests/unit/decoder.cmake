# SPDX-License-Identifier: GPL-2.0-only
unit_test(decoder_golden kmc_decoder)
unit_test(decoder_native kmc_decoder)
unit_test(decoder_random kmc_decoder)
unit_test(engine_bases kmc_decoder)
unit_test(engine_code kmc_decoder)
unit_test(engine_defined kmc_decoder)
unit_test(engine_idle kmc_decoder)
unit_test(engine_rules kmc_decoder)
unit_test(engine_saved kmc_decoder)

enable_language(ASM)
unit_test(engine_native kmc_decoder)
target_sources(engine_native PRIVATE engine_forms.S)
