/* SPDX-License-Identifier: GPL-2.0-only */
/* html.h: what the files that write the page share. */
#ifndef KMC_CLIENT_HTML_H
#define KMC_CLIENT_HTML_H

#include <stdio.h>

#include "model.h"

/* Text or an attribute's value in double quotes: nothing in it is markup. */
void html_text(FILE *f, const char *s);
/* The same formatted; at most some kilobytes, cut off there. */
void html_format(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* <time>, with the date in UTC. */
void html_time(FILE *f, uint64_t ns);
void html_utc(uint64_t ns, char out[RECORD_TIME]);

/* chart.c: sightings over time. */
void html_chart(FILE *f, const struct model *m);
/* html_report.c: one report, without a heading. */
void html_report(FILE *f, const json_t *report);

/* Made by CMake of page.css and page.js. */
extern const unsigned char page_css[], page_js[];
extern const size_t page_css_len, page_js_len;

#endif
