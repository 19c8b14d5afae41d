/* SPDX-License-Identifier: GPL-2.0-only */
/* control_internal.h: what the files of vmm/control/ share: commands by topic, see struct command.
 */
#ifndef KMC_CONTROL_INTERNAL_H
#define KMC_CONTROL_INTERNAL_H

#include "control.h"

/* control_checks.c */
json_t *control_checks(void *ctx, const json_t *args, char *err, size_t errlen);
json_t *control_one_shot(void *ctx, const json_t *args, char *err, size_t errlen);
json_t *control_suppress(void *ctx, const json_t *args, char *err, size_t errlen);

/* control_track.c */
json_t *control_track(void *ctx, const json_t *args, char *err, size_t errlen);

/* control_memory.c */
json_t *control_objects(void *ctx, const json_t *args, char *err, size_t errlen);
json_t *control_read(void *ctx, const json_t *args, char *err, size_t errlen);

/* A string of the guest's; "0x..." with 16 digits, as in reports. */
json_t *control_text(const char *text);
json_t *control_address(uint64_t v);

#endif
