/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * view.h: the forms in which kmc-report shows what it read.
 *
 * Strings of records are printable ASCII by then (record.h); HTML escapes them on top of that.
 */
#ifndef KMC_CLIENT_VIEW_H
#define KMC_CLIENT_VIEW_H

#include <stdio.h>

#include "model.h"

struct view {
	FILE *out;
	bool color;
	unsigned width; /* columns of the summary */
};

/* One record as it comes; those that say nothing to people are left out. */
void view_text(const struct view *v, const struct record *r, const char *vm);
void view_json(const struct view *v, const struct record *r);
/* All of it. */
void view_summary(const struct view *v, const struct model *m);
/* One self-contained page. nonce: what its style and script are allowed by; letters and digits. */
void view_html(const struct view *v, const struct model *m, const char *nonce);

enum color {
	COLOR_OFF,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_YELLOW,
	COLOR_MAGENTA,
	COLOR_CYAN,
	COLOR_GREEN,
	COLORS
};
/* What switches a colour on (COLOR_OFF: all off); "" where there are none. */
const char *view_color(const struct view *v, enum color color);
enum color view_level_color(enum record_level level);

#endif
