# SPDX-License-Identifier: GPL-2.0-only
# Tests of vmm/report/. KMC_REBASE=1 in the environment rewrites the golden files of report_text.
function(report_test name)
  unit_test(${name} kmc_report)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/guest-agent)
  target_compile_definitions(${name} PRIVATE KMC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()

report_test(report_symbols)
report_test(report_orc)
report_test(report_rules)
report_test(report_groups)
report_test(report_text)
target_sources(report_text PRIVATE report_samples.c)
report_test(report_json)
target_sources(report_json PRIVATE report_samples.c)
report_test(report_sink)
target_sources(report_sink PRIVATE report_samples.c sink_client.c)
report_test(report_stream)
target_sources(report_stream PRIVATE report_samples.c sink_client.c)
report_test(report_lines)
report_test(report_commands)
target_sources(report_commands PRIVATE sink_client.c)
report_test(report_storm)
target_sources(report_storm PRIVATE report_samples.c sink_client.c)
report_test(report_suppress)
target_sources(report_suppress PRIVATE report_samples.c)

# What report_debuginfo looks into: a kernel and a module of few functions, with known lines, and the
# same files as distributions cut them.
set(sample ${CMAKE_CURRENT_SOURCE_DIR}/debuginfo)
set(made ${CMAKE_CURRENT_BINARY_DIR}/debuginfo)
set(sample_cc ${CMAKE_C_COMPILER} -O2 -g -ffreestanding -fno-pic -mcmodel=kernel -fcf-protection=none
    -fno-asynchronous-unwind-tables -ffile-prefix-map=${sample}=/src/linux)
file(MAKE_DIRECTORY ${made}/tree/deep ${made}/empty)
add_custom_command(
  OUTPUT ${made}/vmlinux ${made}/no-aranges ${made}/stripped ${made}/other.ko ${made}/in-tree.ko
         ${made}/tree/deep/sample-mod.ko.debug ${made}/tree/vmlinux-6.1
  COMMAND ${sample_cc} -c -o ${made}/main.o ${sample}/init/main.c
  COMMAND ${sample_cc} -c -o ${made}/inode.o ${sample}/fs/inode.c
  COMMAND ${CMAKE_LINKER} -static -Ttext=0xffffffff81000000 -e _stext
          --build-id=0x00112233445566778899aabbccddeeff00112233 -o ${made}/vmlinux ${made}/main.o ${made}/inode.o
  COMMAND ${CMAKE_OBJCOPY} --remove-section=.debug_aranges ${made}/vmlinux ${made}/no-aranges
  COMMAND ${CMAKE_OBJCOPY} --strip-debug ${made}/vmlinux ${made}/stripped
  COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${made}/vmlinux ${made}/tree/vmlinux-6.1
  COMMAND ${CMAKE_LINKER} -r -o ${made}/other.ko ${made}/inode.o
  COMMAND ${sample_cc} -include ${sample}/include/linux/types.h -c -o ${made}/in-tree.ko ${sample}/fs/inode.c
  COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${made}/other.ko ${made}/tree/deep/sample-mod.ko.debug
  DEPENDS ${sample}/init/main.c ${sample}/fs/inode.c ${sample}/fs/inline.h
          ${sample}/include/linux/types.h
  VERBATIM)
report_test(report_debuginfo)
target_sources(report_debuginfo PRIVATE ${made}/vmlinux)
set_source_files_properties(${made}/vmlinux PROPERTIES EXTERNAL_OBJECT OFF HEADER_FILE_ONLY ON)
target_compile_definitions(report_debuginfo PRIVATE KMC_SAMPLES="${made}")
target_link_libraries(report_debuginfo PRIVATE PkgConfig::LIBDW elf)
