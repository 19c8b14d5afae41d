// SPDX-License-Identifier: GPL-2.0-only
/* control_memory.c: commands that look at the guest's objects and memory. */
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "control_internal.h"
#include "inspect.h"

#define OBJECTS_MAX	1000u
#define OBJECTS_USUALLY 100u
#define TOP_FRAMES	6u
#define READ_USUALLY	64u

/* ---- objects ---- */

static json_t *frames(const struct control *c, const struct obj_event *e)
{
	json_t *list = json_array();
	char symbol[REPORT_SYMBOL];

	for (unsigned n = 0; n < e->nstack && n < TOP_FRAMES; n++) {
		checker_symbol(c->checker, e->stack[n], symbol, sizeof(symbol));
		json_array_append_new(list, json_pack("{s:o, s:o}", "symbol", control_text(symbol),
						      "addr", control_address(e->stack[n])));
	}
	return list;
}

static json_t *event(const struct control *c, const struct checker_object *o)
{
	const struct obj_event *e = &o->allocated;

	if (!o->has_event)
		return json_null();
	return json_pack("{s:I, s:o, s:I, s:I, s:o}", "pid", (json_int_t)e->pid, "comm",
			 control_text(e->comm), "cpu", (json_int_t)e->cpu, "time",
			 (json_int_t)e->time, "frames", frames(c, e));
}

static json_t *object(const struct control *c, const struct checker_object *o)
{
	return json_pack("{s:o, s:I, s:I, s:o, s:b, s:o}", "addr", control_address(o->addr), "size",
			 (json_int_t)o->size, "slot", (json_int_t)o->slot, "cache",
			 control_text(o->cache), "large", o->large, "allocated", event(c, o));
}

json_t *control_objects(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	uint64_t limit = OBJECTS_USUALLY, total;
	struct checker_object *found;
	const char *cache;
	json_t *list;

	if (arg_text(args, "cache", &cache, err, errlen) ||
	    arg_number(args, "limit", OBJECTS_MAX, &limit, err, errlen))
		return NULL;
	if (!cache) {
		snprintf(err, errlen, "give \"cache\", the name of a slab cache or a wildcard");
		return NULL;
	}
	found = calloc(limit, sizeof(*found));
	if (!found)
		return NULL;
	total = checker_objects(c->checker, cache, found, limit);
	list = json_array();
	for (uint64_t i = 0; i < total && i < limit; i++)
		json_array_append_new(list, object(c, &found[i]));
	free(found);
	return json_pack("{s:I, s:o}", "total", (json_int_t)total, "objects", list);
}

/* ---- read ---- */

static json_t *hex(const uint8_t *bytes, uint32_t n)
{
	static const char digit[] = "0123456789abcdef";
	char text[2 * CHECKER_READ_MAX];

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digit[bytes[i] >> 4];
		text[2 * i + 1] = digit[bytes[i] & 15];
	}
	return json_stringn(text, 2 * (size_t)n);
}

static json_t *states(const struct checker_bytes *b)
{
	char text[CHECKER_READ_MAX];

	for (uint32_t i = 0; i < b->len; i++)
		text[i] = report_letter(b->a[i], b->v[i]);
	return json_stringn(text, b->len);
}

json_t *control_read(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	struct checker_bytes bytes;
	uint64_t addr, len = READ_USUALLY;
	bool physical = false;

	if (arg_address(args, "addr", &addr, err, errlen) ||
	    arg_number(args, "len", CHECKER_READ_MAX, &len, err, errlen) ||
	    (arg_given(args, "physical") && arg_bool(args, "physical", &physical, err, errlen)) ||
	    checker_read(c->checker, addr, physical, (uint32_t)len, &bytes, err, errlen))
		return NULL;
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "addr", control_address(addr), "gpa",
			 control_address(bytes.gpa), "len", (json_int_t)bytes.len, "bytes",
			 hex(bytes.value, bytes.len), "states", states(&bytes), "vbits",
			 hex(bytes.v, bytes.len));
}
