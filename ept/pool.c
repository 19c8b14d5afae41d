// SPDX-License-Identifier: GPL-2.0-only
/*
 * pool.c: see pool.h. Pieces of memory come straight from mmap(), and are cut from their beginning on: what was
 * not handed out yet is not touched, and so costs nothing.
 */
#include "pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define HUGE	    ((size_t)2 << 20)
#define FIRST_PIECE ((size_t)64 << 10)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; elsewhere it fails, and the kernel does the same at its leisure */
#endif

#ifndef PR_THP_DISABLE_EXCEPT_ADVISED
#define PR_THP_DISABLE_EXCEPT_ADVISED (1 << 1) /* Linux 6.18 */
#endif

/* AddressSanitizer is to see each cell by itself. */
#ifdef __SANITIZE_ADDRESS__
#define BY_MALLOC true
#else
#define BY_MALLOC false
#endif

struct piece {
	struct piece *next;
	size_t bytes;
};

struct cell {
	struct cell *next;
};

struct pool {
	size_t size;
	atomic_bool lock; /* held for a few instructions, or for one mmap() */
	struct cell *free;
	uint8_t *at;
	size_t left; /* bytes from at on, of the last piece */
	size_t bytes;
	struct piece *pieces;
};

struct pool *pool_create(size_t size)
{
	const size_t align = sizeof(struct cell);
	struct pool *p = calloc(1, sizeof(*p));

	if (p)
		p->size = (size + align - 1) / align * align;
	return p;
}

void pool_destroy(struct pool *p)
{
	struct piece *next;

	for (struct piece *k = p ? p->pieces : NULL; k; k = next) {
		next = k->next;
		munmap(k, k->bytes);
	}
	free(p);
}

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static atomic_bool small_pages;

/* Later kernels can leave out what asks for huge pages: as pools do, and the guest's memory. */
void pool_small_pages(void)
{
	atomic_store(&small_pages, !prctl(PR_SET_THP_DISABLE, 1, PR_THP_DISABLE_EXCEPT_ADVISED, 0, 0) ||
					   !prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static void end_small_pages(void)
{
	if (atomic_exchange(&small_pages, false))
		prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

/* Where a huge page can be: twice as much, less what is too much. */
static void *map_huge(void)
{
	uint8_t *at = map(2 * HUGE);
	size_t before = -(uintptr_t)at % HUGE;

	if (!at)
		return NULL;
	end_small_pages();
	if (before)
		munmap(at, before);
	munmap(at + before + HUGE, HUGE - before);
	(void)madvise(at + before, HUGE, MADV_HUGEPAGE); /* as good without */
	return at + before;
}

static bool grow(struct pool *p)
{
	size_t bytes = p->bytes < POOL_LARGE ? p->bytes / 4 : HUGE;
	struct piece *piece;

	bytes = bytes < FIRST_PIECE ? FIRST_PIECE : bytes / FIRST_PIECE * FIRST_PIECE;
	piece = bytes == HUGE ? map_huge() : map(bytes);
	if (!piece)
		return false;
	*piece = (struct piece){.next = p->pieces, .bytes = bytes};
	p->pieces = piece;
	p->at = (uint8_t *)(piece + 1);
	p->left = bytes - sizeof(*piece);
	p->bytes += bytes;
	return true;
}

/* Whoever holds it may have lost its host CPU. */
static void lock(struct pool *p)
{
	for (unsigned tries = 1; atomic_exchange_explicit(&p->lock, true, memory_order_acquire); tries++)
		if (tries % 64 == 0)
			sched_yield();
}

static void unlock(struct pool *p)
{
	atomic_store_explicit(&p->lock, false, memory_order_release);
}

void *pool_get(struct pool *p)
{
	struct cell *cell;

	if (BY_MALLOC)
		return malloc(p->size);
	lock(p);
	cell = p->free;
	if (cell) {
		p->free = cell->next;
	} else if (p->left >= p->size || grow(p)) {
		cell = (struct cell *)p->at;
		p->at += p->size;
		p->left -= p->size;
	}
	unlock(p);
	return cell;
}

void pool_put(struct pool *p, void *cell)
{
	struct cell *c = cell;

	if (BY_MALLOC)
		free(cell);
	if (BY_MALLOC || !c)
		return;
	lock(p);
	c->next = p->free;
	p->free = c;
	unlock(p);
}

void pool_make_huge(void *table, size_t bytes)
{
	uint8_t *at = (uint8_t *)table + -(uintptr_t)table % HUGE;
	size_t whole = (uint8_t *)table + bytes < at ? 0 : (size_t)((uint8_t *)table + bytes - at) / HUGE * HUGE;

	if (whole)
		end_small_pages();
	if (whole && !madvise(at, whole, MADV_HUGEPAGE))
		(void)madvise(at, whole, MADV_COLLAPSE);
}
