/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qmp_split.h: finds the end of a JSON object in a stream, in which QMP's clients need no line
 * feeds. Used by vmm/qmp/ only. Whether it is valid JSON is not looked at.
 */
#ifndef KMC_QMP_SPLIT_H
#define KMC_QMP_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#define QMP_BYTES 65536u /* of one object */

struct qmp_split { /* zeroed to begin with */
	char buf[QMP_BYTES];
	size_t len;
	size_t depth; /* of brackets */
	bool string, escaped;
};

enum split_result {
	SPLIT_MORE,
	SPLIT_OBJECT, /* buf[0, len) is one; it is gone with the next byte */
	SPLIT_BAD, /* no object begins like this, or it is too long: what follows means nothing */
};

enum split_result qmp_split_byte(struct qmp_split *s, char byte);

#endif
