# SPDX-License-Identifier: GPL-2.0-only
# embed_file(FILE NAME HEADER): makes NAME.c in the build folder, which has the bytes of FILE as NAME[] and
# NAME_len. HEADER declares them.
function(embed_file file name header)
  set(path ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  file(CONFIGURE OUTPUT ${name}.c CONTENT [[
/* SPDX-License-Identifier: GPL-2.0-only */
/* Made by CMake from @file@: edit that. */
#include "@header@"

const unsigned char @name@[] = {
@bytes@
};
const size_t @name@_len = sizeof(@name@);
]] @ONLY)
endfunction()
