/* SPDX-License-Identifier: GPL-2.0-only */
/* types.h: by this file's place it is known where the tree of a module's headers was. */
static const int sample_type __attribute__((used)) = 1;
