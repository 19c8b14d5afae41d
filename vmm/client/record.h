/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.h: one record of a stream of reports, as far as kmc-report looks at it.
 *
 * Whoever writes a socket or a log is not trusted: a record is parsed within limits, every string
 * in it is printable ASCII afterwards (line feeds stay in the field "text"), and a field that is
 * missing or of another type reads as "" or 0.
 */
#ifndef KMC_CLIENT_RECORD_H
#define KMC_CLIENT_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_type {
	RECORD_OTHER, /* a type that this program does not know: ignored */
	RECORD_REPORT,
	RECORD_DUPLICATE,
	RECORD_HELLO,
	RECORD_HEARTBEAT,
	RECORD_PANIC,
	RECORD_LOST,
	RECORD_REPLY,
	RECORD_EXIT,
};

struct record {
	enum record_type type;
	json_t *root; /* an object; owned */
	size_t len;   /* of the line */
};

/* False, and nothing in r, where the line is no record. line need not end in NUL. */
bool record_parse(const char *line, size_t len, struct record *r);
void record_free(struct record *r);

/* The value of a field of an object; o may be NULL or anything. */
const char *record_text(const json_t *o, const char *key);
uint64_t record_number(const json_t *o, const char *key);      /* below 0: 0 */
const json_t *record_object(const json_t *o, const char *key); /* NULL where it is none */

/*
 * Higher is worse. By the verdict, where it is a known one: the number in the record is of its
 * kmc-vmm, and others may count otherwise.
 */
#define RECORD_SEVERITY_MAX 9
unsigned record_severity(const json_t *report);
/* "critical", "high", "medium", "low": for people. */
enum record_level { LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL, LEVELS };
enum record_level record_level(unsigned severity);
const char *record_level_name(enum record_level level);

/* Is name its class or verdict? name "any": always. */
bool record_is_class(const json_t *report, const char *name);
/* Does kmc-vmm have a class or verdict of this name? */
bool record_class_exists(const char *name);

#define RECORD_TIME 40
/* ns since the epoch as "2026-11-21 20:30:47", in the time zone of the environment; "-" for 0. */
void record_time(uint64_t ns, char out[RECORD_TIME]);

#endif
