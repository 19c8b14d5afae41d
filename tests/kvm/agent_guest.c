// SPDX-License-Identifier: GPL-2.0-only
/* agent_guest.c: see agent_guest.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"

struct rules *rules;

/*
 * mov esi, TABLE; mov dx, KMC_PORT; next: lodsd; test eax, eax; jz end; out dx, eax; jmp next
 * end: mov eax, [SLAB]; mov al, 0xfe; out 0x64, al; hlt
 */
static const uint8_t rings[] = {
	0xbe, 0x00, 0x00, 0x00, 0x02, 0x66, 0xba, 0x4d, 0x4b, 0xad, 0x85, 0xc0, 0x74, 0x03, 0xef,
	0xeb, 0xf8, 0x8b, 0x04, 0x25, 0x00, 0x00, 0x10, 0x02, 0xb0, 0xfe, 0xe6, 0x64, 0xf4,
};

void *guest_at(struct guest *g, uint64_t gpa, uint64_t len)
{
	return guest_ram_at(machine_ram(g->machine), (gpa_t){gpa}, len);
}

void bell(struct guest *g, uint32_t value)
{
	g->table[g->bells++] = value;
}

struct kmc_record *record(struct guest *g, uint8_t type, uint64_t addr, uint64_t size,
			  uint64_t slot)
{
	struct kmc_record *r = &g->ring->record[g->records++];

	*r = (struct kmc_record){.seq = g->records,
				 .type = type,
				 .addr = addr,
				 .size = size,
				 .slot = slot,
				 .flags = KMC_F_WAITS, /* the test rings */
				 .caller = 0xffffffff81000010ull};
	g->ring->head = g->records;
	g->hello->seq = g->records;
	return r;
}

void agent_guest_create(struct guest *g, const struct checker_config *config)
{
	agent_guest_create_with(g, config, rings, sizeof(rings));
}

void agent_guest_create_with(struct guest *g, const struct checker_config *config, const uint8_t *code,
			     size_t len)
{
	struct checker_config cc = *config;
	struct machine_config mc = {.kernel = g->path,
				    .cmdline = "",
				    .cpus = 1,
				    .memory = MEMORY,
				    .plain_memory = !config->checks,
				    .allow_emulated = true};
	struct machine_error error;
	char err[256];

	memset(g, 0, sizeof(*g));
	cc.release = "6.1.0-tiny";
	assert_int_equal(tiny_kernel_write(g->path, code, len), 0);
	assert_int_equal(checker_create(&cc, &g->checker, err, sizeof(err)), 0);
	checker_hooks(g->checker, &mc.hooks);
	if (machine_create(&mc, &g->machine, &error))
		fail_msg("%s", error.text);
	assert_int_equal(checker_attach(g->checker, g->machine, err, sizeof(err)), 0);
	unlink(g->path);
	g->table = guest_at(g, TABLE, 4096);
	g->hello = guest_at(g, HELLO, 4096);
	g->ring = guest_at(g, RING, sizeof(*g->ring) + SLOTS * sizeof(struct kmc_record));
	*g->hello = (struct kmc_hello){.magic = KMC_ABI_MAGIC,
				       .version = KMC_ABI_VERSION,
				       .ncpus = 1,
				       .slots = SLOTS,
				       .direct_map = DIRECT_MAP,
				       .text_start = 0xffffffff81000000ull,
				       .text_end = 0xffffffff82000000ull,
				       .sizeof_page = 64,
				       .thread_size = 16384,
				       .symbol_buffer = BUFFER,
				       .ring = {RING}};
}

void agent_guest_destroy(struct guest *g)
{
	checker_destroy(g->checker);
	machine_destroy(g->machine);
}

int rules_setup(void **state)
{
	char err[256];

	return rules_load(NULL, &rules, err, sizeof(err));
}

int rules_teardown(void **state)
{
	rules_free(rules);
	return 0;
}
