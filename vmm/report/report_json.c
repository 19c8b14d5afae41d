// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json.c: a finding as one JSON object on one line, for programs. docs/report.schema.json
 * has the fields, docs/report.md describes them; they are append-only within "v":1.
 *
 * Addresses are strings ("0x..."): JSON numbers lose bits above 2^53 in many readers.
 */
#include "report_format.h"

#include <assert.h>
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

static json_t *hash_json(uint64_t v)
{
	return json_sprintf("%016" PRIx64, v);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)(v > INT64_MAX ? INT64_MAX : v));
}

static json_t *hex(const uint8_t *bytes, unsigned n)
{
	char out[2 * REPORT_MAP + 1] = "";

	static_assert(REPORT_VALUE <= REPORT_MAP, "the buffer holds both");
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return json_string(out);
}

static json_t *access_json(const struct report *r)
{
	unsigned n = r->value_len <= REPORT_VALUE ? r->value_len : 0;

	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "addr", address(r->addr),
			 "gpa", address(r->gpa), "size", number(r->size), "rw",
			 r->write ? "write" : "read", "bad_first", number(r->bad_first), "bad_last",
			 number(r->bad_last), "operand", clean(r->operand), "value",
			 hex(r->value, n), "vbits", hex(r->vbits, n));
}

static json_t *registers_json(const struct report *r)
{
	const struct report_registers *g = &r->registers;
	json_t *all, *undefined;

	if (!g->known)
		return json_null();
	all = json_object();
	undefined = json_object();
	json_object_set_new(all, "rip", address(g->rip));
	json_object_set_new(all, "rflags", address(g->rflags));
	if (g->undefined_rflags)
		json_object_set_new(undefined, "rflags", address(g->undefined_rflags));
	for (unsigned n = 0; n < REPORT_GPRS; n++) {
		json_object_set_new(all, report_gpr_name[n], address(g->gpr[n]));
		if (g->undefined_gpr[n])
			json_object_set_new(undefined, report_gpr_name[n],
					    address(g->undefined_gpr[n]));
	}
	json_object_set_new(all, "undefined", undefined);
	return all;
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
			 (json_int_t)(r->verdict == VERDICT_LEAK ?
					      0 : r->addr + r->bad_first - r->object_addr));
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

/* The source only where it is known: most streams have none. */
static json_t *frame_json(const struct report_frame *f)
{
	json_t *frame = json_pack("{s:o, s:o, s:b}", "symbol", clean(f->symbol), "addr",
				  address(f->addr), "guess", f->guess);

	if (f->file[0] || f->inlined) {
		json_object_set_new(frame, "file", clean(f->file));
		json_object_set_new(frame, "line", number(f->line));
		json_object_set_new(frame, "inline", json_boolean(f->inlined));
	}
	return frame;
}

static json_t *frames_json(const struct report_stack *s)
{
	unsigned n = s->n < REPORT_FRAMES ? s->n : REPORT_FRAMES;
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, frame_json(&s->frame[i]));
	return list;
}

static json_t *event_json(const struct report_stack *s)
{
	if (!s->known)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "pid", number(s->pid), "comm", clean(s->comm),
			 "cpu", number(s->cpu), "time", number(s->time), "frames", frames_json(s));
}

static json_t *known_frames_json(const struct report_stack *s)
{
	return s->known ? frames_json(s) : json_array();
}

static json_t *stacks_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "access", known_frames_json(&r->access),
			 "allocated", event_json(&r->allocated), "freed", event_json(&r->freed),
			 "origin", known_frames_json(&r->origin));
}

static json_t *sink_json(enum report_sink sink)
{
	static const char *const name[] = {
		[REPORT_SINK_BRANCH] = "branch",
		[REPORT_SINK_ADDRESS] = "address",
		[REPORT_SINK_USER] = "user",
		[REPORT_SINK_PORT] = "port",
		[REPORT_SINK_DEVICE] = "device",
	};

	return (unsigned)sink < sizeof(name) / sizeof(name[0]) && name[sink] ?
		       json_string(name[sink]) : json_null();
}

static json_t *copied_json(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < r->ncopied && n < REPORT_COPIES; n++)
		json_array_append_new(list, known_frames_json(&r->copied[n]));
	return list;
}

static json_t *undefined_json(const struct report *r)
{
	bool has_bits = r->sink != REPORT_SINK_UNKNOWN && r->sink != REPORT_SINK_DEVICE;

	if (r->verdict != VERDICT_UNINIT && r->verdict != VERDICT_INFOLEAK)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:[o, o], s:o, s:o}", "sink", sink_json(r->sink), "bits",
			 has_bits ? address(r->undefined_bits) : json_null(),
			 "instruction", clean(r->origin_insn), "bytes", number(r->bad_first),
			 number(r->bad_last), "created", event_json(report_created(r)), "copied",
			 copied_json(r));
}

static json_t *alt_titles_json(const struct report *r)
{
	char title[REPORT_ALT_TITLES][REPORT_TITLE];
	unsigned n = report_alt_titles(r, title);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_string(title[i]));
	return list;
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
		[VERDICT_LEAK] = "leak",
	};

	return name[(unsigned)v < VERDICTS ? v : VERDICT_NONE];
}

static json_t *leak_json(const struct report *r)
{
	if (r->verdict != VERDICT_LEAK)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "objects", number(r->leak.objects), "bytes",
			 number(r->leak.bytes), "indirect_objects",
			 number(r->leak.indirect_objects), "indirect_bytes",
			 number(r->leak.indirect_bytes));
}

static json_t *report_object(const struct report *r, const char *vm, const char *text)
{
	char title[REPORT_TITLE];

	report_title(r, REPORT_STYLE_KERNEL, title, sizeof(title));
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o,"
			 " s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
			 "v", REPORT_JSON_VERSION, "type", "report", "vm", clean(vm ? vm : ""),
			 "seq", number(r->seq), "host_time", number(r->host_time), "guest_time",
			 number(r->guest_time), "class", verdict_class(r->verdict), "verdict",
			 verdict_name(r->verdict), "severity", (int)verdict_severity(r->verdict),
			 "title", title, "alt_titles", alt_titles_json(r), "stack_hash", hash_json(report_stack_hash(r)),
			 "count", number(r->count ? r->count : 1), "access", access_json(r),
			 "instruction", clean(r->insn), "registers", registers_json(r), "object",
			 object_json(r), "map", map_json(r), "undefined", undefined_json(r), "cpu",
			 number(r->cpu), "pid", number(r->pid), "comm", clean(r->comm), "release",
			 clean(r->release), "stacks", stacks_json(r), "leak", leak_json(r),
			 "text", text);
}

/* Takes root, which may be NULL. */
static size_t dump_line(json_t *root, char **out)
{
	char *line = root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	size_t len;

	*out = NULL;
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

size_t report_json(const struct report *r, const char *vm, char **out)
{
	char *text = NULL;
	size_t len;

	*out = NULL;
	if (!report_text(r, &text))
		return 0;
	len = dump_line(report_object(r, vm, text), out);
	free(text);
	return len;
}

size_t report_json_duplicate(const char *vm, uint64_t seq, uint64_t stack_hash, uint64_t count,
			     uint64_t host_time, char **out)
{
	return dump_line(json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "v", REPORT_JSON_VERSION,
				   "type", "duplicate", "vm", clean(vm ? vm : ""), "seq", number(seq),
				   "stack_hash", hash_json(stack_hash), "count", number(count),
				   "host_time", number(host_time)),
			 out);
}
