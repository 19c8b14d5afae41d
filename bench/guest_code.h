/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest_code.h: code of the kind kernels run, for bench/engine_cost.c, and the data it works on.
 *
 * Each function leaves the data as the next call expects it, returns a number that depends on all of
 * its work, and decides nothing by the bytes of `payload`: they may be undefined.
 */
#ifndef KMC_BENCH_GUEST_CODE_H
#define KMC_BENCH_GUEST_CODE_H

#include <stddef.h>
#include <stdint.h>

#define TEXTS	    16
#define TEXT_BYTES  48
#define NODES	    32
#define BUCKETS	    16
#define TREE_NODES  255
#define RADIX_SLOTS 16
#define RADIX_NODES 20
#define BITMAP	    32
#define PAYLOAD	    2048

struct guest_list {
	struct guest_list *next, *prev;
};

struct guest_node {
	struct guest_list link;	  /* of guest_data.list */
	struct guest_node *chain; /* of its bucket */
	uint32_t hash, number;
	char name[24];
};

struct guest_tree {
	struct guest_tree *child[2];
	uint64_t key, value;
};

struct guest_radix {
	uint8_t shift, count;
	void *slot[RADIX_SLOTS];
};

struct guest_data {
	char text[TEXTS][TEXT_BYTES];
	char path[64];
	char out[PAYLOAD];
	struct guest_list list;
	struct guest_node node[NODES];
	struct guest_node *bucket[BUCKETS];
	struct guest_tree *tree;
	struct guest_tree tree_node[TREE_NODES];
	struct guest_radix radix[RADIX_NODES];
	uint64_t bitmap[BITMAP];
	uint32_t lock;
	int32_t refs;
	uint64_t counter;
	uint8_t payload[PAYLOAD];
} __attribute__((aligned(4096)));

typedef uint64_t guest_fn(struct guest_data *d);

struct guest_function {
	const char *name;
	guest_fn *fn;
};

extern const struct guest_function guest_function[];
extern const size_t guest_functions;

void guest_prepare(struct guest_data *d);
uint64_t guest_repeat(guest_fn *fn, struct guest_data *d, uint64_t times);

#endif
