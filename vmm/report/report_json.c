// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json.c: a finding as one JSON object on one line, for programs. docs/report.md describes
 * the fields; they are append-only within "v":1.
 *
 * Addresses are strings ("0x..."): JSON numbers lose bits above 2^53 in many readers.
 */
#include "report_format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_JSON_VERSION 1

/* Valid UTF-8 whatever the guest named things: jansson refuses anything else. */
static json_t *clean(const char *s)
{
	char out[REPORT_TITLE];

	report_clean(s, out, sizeof(out));
	return json_string(out);
}

static json_t *address(uint64_t v)
{
	return json_sprintf("0x%016" PRIx64, v);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)(v > INT64_MAX ? INT64_MAX : v));
}

static json_t *access_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "addr", address(r->addr), "gpa",
			 address(r->gpa), "size", number(r->size), "rw",
			 r->write ? "write" : "read", "bad_first", number(r->bad_first), "bad_last",
			 number(r->bad_last));
}

static json_t *object_json(const struct report *r)
{
	static const char *const state[] = {
		[OBJ_LIVE] = "live",
		[OBJ_FREED] = "freed",
		[OBJ_UNKNOWN] = "unknown",
		[OBJ_UNALLOCATED] = "unallocated",
	};
	const char *name = (unsigned)r->object_state < sizeof(state) / sizeof(state[0]) ?
				   state[r->object_state] : "unknown";

	if (!r->has_object)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:s, s:I}", "addr", address(r->object_addr),
			 "size", number(r->object_size), "slot", number(r->object_slot), "cache",
			 clean(r->cache), "large", r->large, "state", name, "offset",
			 (json_int_t)(r->addr + r->bad_first - r->object_addr));
}

static json_t *hex(const uint8_t *bytes, unsigned n)
{
	char out[2 * REPORT_MAP + 1] = "";

	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return json_string(out);
}

static json_t *map_json(const struct report *r)
{
	unsigned n = r->map_len < REPORT_MAP ? r->map_len : REPORT_MAP;
	char states[REPORT_MAP + 1] = "";

	if (!n)
		return json_null();
	for (unsigned i = 0; i < n; i++)
		states[i] = report_state_letter(r, i);
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "addr", address(r->map_addr), "bytes",
			 hex(r->map_value, n), "states", states, "vbits", hex(r->map_v, n), "caret",
			 number(r->map_caret));
}

static json_t *frames_json(const struct report_stack *s)
{
	unsigned n = s->n < REPORT_FRAMES ? s->n : REPORT_FRAMES;
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		const struct report_frame *f = &s->frame[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:b, s:o, s:o, s:b}", "symbol",
						      clean(f->symbol), "addr", address(f->addr),
						      "guess", f->guess, "file", clean(f->file),
						      "line", number(f->line), "inline",
						      f->inlined));
	}
	return list;
}

static json_t *event_json(const struct report_stack *s)
{
	if (!s->known)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "pid", number(s->pid), "comm", clean(s->comm),
			 "cpu", number(s->cpu), "time", number(s->time), "frames", frames_json(s));
}

static json_t *stacks_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:o}", "access",
			 r->access.known ? frames_json(&r->access) : json_array(), "allocated",
			 event_json(&r->allocated), "freed", event_json(&r->freed));
}

static const char *verdict_name(enum verdict v)
{
	static const char *const name[VERDICTS] = {
		[VERDICT_NONE] = "none",
		[VERDICT_UNINIT] = "uninit",
		[VERDICT_INFOLEAK] = "infoleak",
		[VERDICT_UAF_READ] = "uaf-read",
		[VERDICT_UAF_WRITE] = "uaf-write",
		[VERDICT_OOB_READ] = "oob-read",
		[VERDICT_OOB_WRITE] = "oob-write",
		[VERDICT_UNALLOCATED] = "unallocated",
		[VERDICT_DOUBLE_FREE] = "double-free",
		[VERDICT_INVALID_FREE] = "invalid-free",
	};

	return name[(unsigned)v < VERDICTS ? v : VERDICT_NONE];
}

static json_t *report_object(const struct report *r, const char *vm, const char *text)
{
	char title[REPORT_TITLE];

	report_title(r, title, sizeof(title));
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o,"
			 " s:o, s:o, s:o, s:o, s:o, s:s}",
			 "v", REPORT_JSON_VERSION, "type", "report", "vm", clean(vm ? vm : ""),
			 "seq", number(r->seq), "host_time", number(r->host_time), "guest_time",
			 number(r->guest_time), "class", verdict_class(r->verdict), "verdict",
			 verdict_name(r->verdict), "severity", (int)verdict_severity(r->verdict),
			 "title", title, "access", access_json(r), "instruction", clean(r->insn),
			 "object", object_json(r), "map", map_json(r), "cpu", number(r->cpu), "pid",
			 number(r->pid), "comm", clean(r->comm), "release", clean(r->release),
			 "stacks", stacks_json(r), "text", text);
}

size_t report_json(const struct report *r, const char *vm, char **out)
{
	char *text = NULL, *line = NULL;
	json_t *root = NULL;
	size_t len;

	*out = NULL;
	if (!report_text(r, &text))
		return 0;
	root = report_object(r, vm, text);
	line = root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	free(text);
	json_decref(root);
	if (!line)
		return 0;
	len = strlen(line);
	*out = realloc(line, len + 2);
	if (!*out) {
		free(line);
		return 0;
	}
	memcpy(*out + len, "\n", 2);
	return len + 1;
}
