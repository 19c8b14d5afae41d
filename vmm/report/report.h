/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h: one finding, complete and self-contained: what is printed needs no guest any more.
 *
 * vmm/checker/ fills it, report_text.c and report_json.c format it, sink.h delivers it.
 */
#ifndef KMC_REPORT_H
#define KMC_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "judge.h"

#define REPORT_FRAMES 32
#define REPORT_MAP	 64	/* bytes shown around the bad ones */
#define REPORT_SYMBOL 128

struct report_frame {
	uint64_t addr;		    /* gva; for frames other than the access, the return address */
	char symbol[REPORT_SYMBOL]; /* "func+0x12/0x80" or "func+0x12/0x80 [module]", "" unknown */
	bool guess;		      /* printed with "? " */
};

struct report_stack {
	bool known;
	uint32_t pid, cpu;
	uint64_t time; /* ns since guest boot */
	char comm[17];
	unsigned n;
	struct report_frame frame[REPORT_FRAMES];
};

struct report {
	uint64_t seq;	  /* 1.. */
	enum verdict verdict;
	uint64_t guest_time; /* ns since guest boot, 0 unknown */
	uint64_t host_time;  /* ns since the epoch */

	uint64_t addr;	/* gva of the first byte of the access, or of the freed pointer */
	uint64_t gpa;
	uint32_t size;	/* bytes of the access, 0 for a free */
	uint32_t bad_first, bad_last; /* offsets into the access */
	bool write;
	char insn[64];	/* text of the instruction, "" for a free */

	bool has_object;
	uint64_t object_addr;
	uint64_t object_size, object_slot;
	char cache[64];
	bool large;
	enum obj_state object_state;

	uint64_t map_addr;	/* gva of the first byte of the map */
	unsigned map_len;
	unsigned map_caret;	/* index of the first bad byte */
	uint8_t map_value[REPORT_MAP];
	uint8_t map_a[REPORT_MAP]; /* enum a_state */
	uint8_t map_v[REPORT_MAP];

	uint32_t cpu, pid;
	char comm[17];
	char release[64];	      /* guest kernel */
	struct report_stack access;   /* frame[0] is the access (or the caller of the free) */
	struct report_stack allocated, freed;
};

/* The letter of a byte with this A state and these V bits, as in the map of a report. */
char report_letter(uint8_t a, uint8_t v);

/* Formats as kernel-style text, lines ended by \n. Returns the length; malloc'd into *out. 0 and
 * NULL where there is no memory; the same for report_json. */
size_t report_text(const struct report *r, char **out);
/* One JSON object, one line, with the \n. The fields are described in docs/report.md. */
size_t report_json(const struct report *r, const char *vm, char **out);

#endif
