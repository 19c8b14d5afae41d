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

#define REPORT_FRAMES 64
#define REPORT_MAP	 64	/* bytes shown around the bad ones */
#define REPORT_SYMBOL 128
#define REPORT_VALUE  64 /* bytes of an access that are kept */
#define REPORT_GPRS   16
#define REPORT_FILE   128
#define REPORT_COPIES 4

struct report_frame {
	uint64_t addr;		    /* gva; for frames other than the access, the return address */
	char symbol[REPORT_SYMBOL]; /* "func+0x12/0x80" or "func+0x12/0x80 [module]", "" unknown */
	bool guess;		      /* printed with "? " */
	bool inlined;	       /* into the next frame that is not; symbol is its bare name */
	char file[REPORT_FILE]; /* source, below the kernel's tree where it is of it; "" unknown */
	uint32_t line;
};

struct report_stack {
	bool known;
	uint32_t pid, cpu;
	uint64_t time; /* ns since guest boot */
	char comm[17];
	unsigned n;
	struct report_frame frame[REPORT_FRAMES];
};

/* Registers at the access, before the instruction. gpr: in hardware encoding order (rax, rcx, ...). */
struct report_registers {
	bool known;
	uint64_t rip, rflags, gpr[REPORT_GPRS];
	uint64_t undefined_rflags, undefined_gpr[REPORT_GPRS]; /* which bits are undefined */
};

/* What undefined bits decided. */
enum report_sink {
	REPORT_SINK_UNKNOWN,
	REPORT_SINK_BRANCH,  /* a jump's condition or target */
	REPORT_SINK_ADDRESS, /* a memory operand's address */
	REPORT_SINK_USER,    /* stored where user code can read it */
	REPORT_SINK_PORT,    /* written to an I/O port */
	REPORT_SINK_DEVICE,  /* read by a device: operand names it */
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

	/* VERDICT_LEAK only: leaks of the same place, the described one among them, and what hangs on them. */
	struct {
		uint64_t objects, bytes, indirect_objects, indirect_bytes;
	} leak;

	char operand[64]; /* the access as the instruction names it, "" where nothing names it */
	unsigned value_len; /* bytes that follow, from the first of the access on; 0: unknown */
	uint8_t value[REPORT_VALUE]; /* contents when the report was made, so before a write */
	uint8_t vbits[REPORT_VALUE]; /* of them; bytes that are not allocated count as defined */
	struct report_registers registers;
	enum report_sink sink;
	uint64_t undefined_bits;     /* of what decided; of a branch: of its flags as in rflags */
	char origin_insn[64];	     /* text of the instruction that loaded them, if another */
	struct report_stack origin;  /* and where it is */
	/* What made the memory undefined, if that is not allocated's event; where ncopied, not known is not known. */
	struct report_stack created;
	unsigned ncopied;
	struct report_stack copied[REPORT_COPIES]; /* where the undefined bits were copied, the last first */
	uint64_t count;		     /* times seen so far; 0 counts as 1 */
};

/* The form of what is shown to people; JSON records always have the kernel's. */
enum report_style {
	REPORT_STYLE_KERNEL, /* KASAN's and KMSAN's titles and order */
	REPORT_STYLE_KMC,    /* titles always "KMC: CLASS in ...", KASAN's order */
	REPORT_STYLE_JSON,   /* the JSON record */
};

/* The letter of a byte with this A state and these V bits, as in the map of a report. */
char report_letter(uint8_t a, uint8_t v);

/* Formats as kernel-style text, lines ended by \n. Returns the length; malloc'd into *out. 0 and
 * NULL where there is no memory; the same for the two others. */
size_t report_text(const struct report *r, char **out);
/* One JSON object, one line, with the \n. docs/report.schema.json has the fields. */
size_t report_json(const struct report *r, const char *vm, char **out);
/* Nobody was caught in the act: what tells such findings apart is where the memory was allocated. */
bool report_stack_is_allocation(const struct report *r);
/* The same for the same finding in another run (docs/report.md). */
uint64_t report_stack_hash(const struct report *r);
/* The record that a finding was met again: seq of its report, times met so far. As report_json(). */
size_t report_json_duplicate(const char *vm, uint64_t seq, uint64_t stack_hash, uint64_t count,
			     uint64_t host_time, char **out);
/* The report in this style. vm is for REPORT_STYLE_JSON. */
size_t report_format(const struct report *r, enum report_style style, const char *vm, char **out);

#endif
