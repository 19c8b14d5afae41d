// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_code.c: strings, lists, tables, trees, bitmaps, locks, as kernels have them. Compiled as a kernel
 * is, see bench/CMakeLists.txt; r15 stays free for bench/engine_cost.c.
 */
#include "guest_code.h"

#define noinline __attribute__((noinline))

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

typedef uint64_t word __attribute__((may_alias, aligned(1)));

/* --- Strings --- */

static noinline size_t string_length(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

static noinline int string_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

/* Whole words while no byte of them is zero; the length, or -1 where it does not fit. */
static noinline int64_t string_copy(char *to, const char *from, size_t size)
{
	size_t n = 0;

	for (; size - n >= 8; n += 8) {
		uint64_t w = *(const word *)(from + n);
		uint64_t zero = (w - ONES) & ~w & HIGHS;

		if (zero) {
			uint64_t before = ((zero - 1) & ~zero) >> 7;

			*(word *)(to + n) = w & before;
			return (int64_t)n + __builtin_popcountll(before) / 8;
		}
		*(word *)(to + n) = w;
	}
	to[size - 1] = 0;
	return -1;
}

static uint64_t do_length(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < TEXTS; k++)
		sum += string_length(d->text[k]);
	return sum;
}

static uint64_t do_compare(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = 1; k < TEXTS; k++)
		sum = 2 * sum + (string_compare(d->text[k - 1], d->text[k]) < 0);
	return sum;
}

static uint64_t do_string_copy(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < TEXTS; k++)
		sum += (uint64_t)string_copy(d->out, d->text[k], TEXT_BYTES);
	return sum + (uint8_t)d->out[0];
}

/* Decimal digits, without a division. */
static noinline char *put_number(char *to, uint64_t n)
{
	char digits[20], *end = digits;

	do {
		*end++ = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (end > digits)
		*to++ = *--end;
	return to;
}

static uint64_t do_number(struct guest_data *d)
{
	char *end = d->out;

	for (uint64_t k = 1; k < 1000000000; k *= 37)
		end = put_number(end, k);
	*end = 0;
	return (uint64_t)(end - d->out);
}

/* Components of a path: where they end, and their hashes. */
static noinline uint64_t do_path(struct guest_data *d)
{
	uint64_t hash = 0, sum = 0;

	for (const char *p = d->path; *p; p++) {
		if (*p == '/') {
			sum ^= hash;
			hash = 0;
		} else {
			hash = (hash + (uint8_t)*p) * 0x9e3779b97f4a7c15ull;
			hash ^= hash >> 29;
		}
	}
	return sum ^ hash;
}

/* --- Blocks of memory --- */

static noinline void copy_rep(void *to, const void *from, size_t bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static noinline void copy_words(void *to, const void *from, size_t bytes)
{
	word *t = to;
	const word *f = from;

	for (; bytes >= 32; bytes -= 32) {
		uint64_t a = f[0], b = f[1], c = f[2], e = f[3];

		t[0] = a;
		t[1] = b;
		t[2] = c;
		t[3] = e;
		t += 4;
		f += 4;
	}
	while (bytes--)
		((char *)t)[bytes] = ((const char *)f)[bytes];
}

static noinline void copy_bytes(char *to, const char *from, size_t bytes)
{
	for (size_t k = 0; k < bytes; k++)
		to[k] = from[k];
}

static noinline void fill(void *to, int c, size_t bytes)
{
	word *t = to;

	for (; bytes >= 8; bytes -= 8)
		*t++ = (uint8_t)c * ONES;
	while (bytes--)
		((char *)t)[bytes] = (char)c;
}

static uint64_t do_copy_rep(struct guest_data *d)
{
	for (unsigned k = 0; k < 8; k++)
		copy_rep(d->out + 160 * k, d->payload + k, 24 + 8 * k);
	return 0;
}

static uint64_t do_copy_words(struct guest_data *d)
{
	copy_words(d->out, d->payload, 1003);
	return 0;
}

static uint64_t do_copy_bytes(struct guest_data *d)
{
	copy_bytes(d->out, (const char *)d->payload, 200);
	return 0;
}

static uint64_t do_fill(struct guest_data *d)
{
	fill(d->out, 0x5a, 645);
	return (uint8_t)d->out[644];
}

/* A one's complement sum, folded without a branch. */
static noinline uint64_t do_checksum(struct guest_data *d)
{
	const word *w = (const word *)d->payload;
	uint64_t sum = 0;

	for (unsigned k = 0; k < 160; k++)
		sum += (w[k] & 0xffffffff) + (w[k] >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	return (sum & 0xffff) + (sum >> 16);
}

/* --- Lists, tables, trees --- */

static noinline struct guest_node *list_find(struct guest_list *head, uint32_t number)
{
	for (struct guest_list *l = head->next; l != head; l = l->next)
		if (((struct guest_node *)l)->number == number)
			return (struct guest_node *)l;
	return NULL;
}

static void list_remove(struct guest_list *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
}

static void list_add(struct guest_list *l, struct guest_list *prev, struct guest_list *next)
{
	next->prev = l;
	l->next = next;
	l->prev = prev;
	prev->next = l;
}

static noinline void list_move_last(struct guest_list *l, struct guest_list *head)
{
	list_remove(l);
	list_add(l, head->prev, head);
}

static uint64_t do_list_find(struct guest_data *d)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < 8; k++)
		sum += list_find(&d->list, 5 * k) != NULL;
	return sum;
}

static uint64_t do_list_move(struct guest_data *d)
{
	for (unsigned k = 0; k < NODES; k++)
		list_move_last(d->list.next, &d->list);
	return ((struct guest_node *)d->list.next)->number;
}

static inline uint32_t turn(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

/* Mixes three words at a time, with turns and differences. */
static noinline uint32_t hash_of(const char *key, size_t len)
{
	uint32_t a = 0x9e3779b9u + (uint32_t)len, b = a, c = a;

	for (; len; len--) {
		a += (uint8_t)*key++;
		a -= c;
		a ^= turn(c, 4);
		c += b;
		b -= a;
		b ^= turn(a, 6);
		a += c;
	}
	c ^= b;
	c -= turn(b, 14);
	return c;
}

static noinline struct guest_node *look_up(struct guest_data *d, const char *name)
{
	uint32_t hash = hash_of(name, string_length(name));

	for (struct guest_node *n = d->bucket[hash % BUCKETS]; n; n = n->chain)
		if (n->hash == hash && string_compare(n->name, name) == 0)
			return n;
	return NULL;
}

static uint64_t do_look_up(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < NODES; k += 3)
		sum += look_up(d, d->node[k].name)->number;
	return sum + !look_up(d, "none");
}

static noinline struct guest_tree *tree_find(struct guest_tree *t, uint64_t key)
{
	while (t && t->key != key)
		t = t->child[key > t->key];
	return t;
}

static uint64_t do_tree(struct guest_data *d)
{
	uint64_t sum = 0;

	for (uint64_t k = 0; k < 600; k += 41) {
		struct guest_tree *t = tree_find(d->tree, k);

		if (t)
			sum += t->value;
	}
	return sum;
}

static noinline void *radix_find(struct guest_radix *r, uint64_t index)
{
	while (r) {
		void *next = r->slot[index >> r->shift & (RADIX_SLOTS - 1)];

		if (!r->shift)
			return next;
		r = next;
	}
	return NULL;
}

static uint64_t do_radix(struct guest_data *d)
{
	uint64_t sum = 0;

	for (uint64_t k = 0; k < 256; k += 7)
		sum += (uintptr_t)radix_find(&d->radix[0], k) & 0xffff;
	return sum;
}

static noinline unsigned next_bit(const uint64_t *map, unsigned bits, unsigned start)
{
	unsigned n = start / 64;
	uint64_t w;

	if (start >= bits)
		return bits;
	w = map[n] & ~0ull << start % 64;
	while (!w) {
		if (++n * 64 >= bits)
			return bits;
		w = map[n];
	}
	return n * 64 + (unsigned)__builtin_ctzll(w);
}

static uint64_t do_bitmap(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = next_bit(d->bitmap, BITMAP * 64, 0); k < BITMAP * 64;
	     k = next_bit(d->bitmap, BITMAP * 64, k + 1))
		sum += k;
	return sum;
}

/* --- Locks and reference counts --- */

static noinline void lock(uint32_t *l)
{
	uint32_t none = 0;

	while (!__atomic_compare_exchange_n(l, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		none = 0;
}

static noinline void unlock(uint32_t *l)
{
	__atomic_store_n(l, 0, __ATOMIC_RELEASE);
}

static noinline int get(int32_t *refs)
{
	int old = __atomic_fetch_add(refs, 1, __ATOMIC_SEQ_CST);

	return old > 0 && old < INT32_MAX;
}

static noinline int put(int32_t *refs)
{
	return __atomic_sub_fetch(refs, 1, __ATOMIC_SEQ_CST) == 0;
}

static uint64_t do_lock(struct guest_data *d)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < 16; k++) {
		sum += (uint64_t)get(&d->refs);
		lock(&d->lock);
		d->counter += k;
		d->bitmap[0] ^= 1ull << k;
		unlock(&d->lock);
		sum += (uint64_t)put(&d->refs);
	}
	for (unsigned k = 0; k < 16; k++)
		__atomic_fetch_xor(&d->bitmap[0], 1ull << k, __ATOMIC_SEQ_CST);
	return sum;
}

/* --- The data --- */

static void prepare_texts(struct guest_data *d)
{
	static const char path[] = "/sys/devices/system/cpu/cpu0/cache/index1/shared_cpu_list";

	copy_bytes(d->path, path, sizeof(path));
	for (unsigned k = 0; k < TEXTS; k++) {
		unsigned len = 9 + k * 7 % 30;

		for (unsigned n = 0; n < len; n++)
			d->text[k][n] = (char)('a' + (n < 5 + k ? n : n * k) % 26);
		d->text[k][len] = 0;
	}
	for (unsigned k = 0; k < PAYLOAD; k++)
		d->payload[k] = (uint8_t)(k * 73 >> 2);
}

static void prepare_list(struct guest_data *d)
{
	d->list.next = d->list.prev = &d->list;
	for (uint32_t k = 0; k < NODES; k++) {
		struct guest_node *n = &d->node[k];
		char *end;

		copy_bytes(n->name, "device-", 7);
		end = put_number(n->name + 7, 7919ull * k);
		*end = 0;
		n->number = k;
		n->hash = hash_of(n->name, (size_t)(end - n->name));
		n->chain = d->bucket[n->hash % BUCKETS];
		d->bucket[n->hash % BUCKETS] = n;
		list_add(&n->link, d->list.prev, &d->list);
	}
}

/* Balanced, keys 0, 2, 4, ...: the middle of first .. first + n - 1. */
static struct guest_tree *prepare_tree(struct guest_data *d, unsigned first, unsigned n)
{
	unsigned middle = first + n / 2;

	if (!n)
		return NULL;
	d->tree_node[middle] = (struct guest_tree){
		.child = { prepare_tree(d, first, n / 2),
			   prepare_tree(d, middle + 1, n - n / 2 - 1) },
		.key = 2ull * middle,
		.value = middle,
	};
	return &d->tree_node[middle];
}

void guest_prepare(struct guest_data *d)
{
	fill(d, 0, sizeof(*d));
	prepare_texts(d);
	prepare_list(d);
	d->tree = prepare_tree(d, 0, TREE_NODES);
	d->radix[0].shift = 4;
	for (unsigned k = 0; k < RADIX_SLOTS; k++) {
		d->radix[0].slot[k] = &d->radix[k + 1];
		for (unsigned n = 0; n < RADIX_SLOTS; n++)
			d->radix[k + 1].slot[n] = &d->node[(k * n) % NODES];
	}
	for (unsigned k = 0; k < BITMAP; k++)
		d->bitmap[k] = k % 3 ? 0 : 0x1040ull << k;
	d->refs = 1;
}

const struct guest_function guest_function[] = {
	{ "strlen, by bytes", do_length },
	{ "strcmp", do_compare },
	{ "string copy, by words", do_string_copy },
	{ "numbers to decimal", do_number },
	{ "hash of a path", do_path },
	{ "memcpy, rep movsb", do_copy_rep },
	{ "memcpy, unrolled", do_copy_words },
	{ "copy, by bytes", do_copy_bytes },
	{ "memset, by words", do_fill },
	{ "checksum", do_checksum },
	{ "list search", do_list_find },
	{ "list removal, insertion", do_list_move },
	{ "hash table", do_look_up },
	{ "binary tree", do_tree },
	{ "radix tree", do_radix },
	{ "next bit of a bitmap", do_bitmap },
	{ "lock, reference count", do_lock },
};
const size_t guest_functions = sizeof(guest_function) / sizeof(guest_function[0]);

noinline uint64_t guest_repeat(guest_fn *fn, struct guest_data *d, uint64_t times)
{
	uint64_t sum = 0;

	while (times--)
		sum += fn(d);
	return sum;
}
