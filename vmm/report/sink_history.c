// SPDX-License-Identifier: GPL-2.0-only
/* sink_history.c: a ring of records, bounded by their number and by their bytes. */
#include "sink_history.h"

#include <stdlib.h>
#include <string.h>

int history_init(struct history *h, size_t max_records, size_t max_bytes)
{
	memset(h, 0, sizeof(*h));
	h->max_records = max_records;
	h->max_bytes = max_bytes;
	h->ring = calloc(max_records, sizeof(struct record *));
	return h->ring ? 0 : -1;
}

static void drop_oldest(struct history *h)
{
	struct record *r = h->ring[h->first];

	h->first = (h->first + 1) % h->max_records;
	h->n--;
	h->bytes -= r->len;
	h->fallen++;
	record_put(r);
}

void history_deinit(struct history *h)
{
	while (h->n)
		drop_oldest(h);
	free(h->ring);
	h->ring = NULL;
}

void history_add(struct history *h, struct record *r)
{
	while (h->n && (h->n == h->max_records || h->bytes + r->len > h->max_bytes))
		drop_oldest(h);
	if (r->len > h->max_bytes) {
		h->fallen++;
		return;
	}
	h->ring[(h->first + h->n++) % h->max_records] = record_get(r);
	h->bytes += r->len;
}

int history_past(const struct history *h, struct past *p)
{
	*p = (struct past){.fallen = h->fallen};
	if (!h->n)
		return 0;
	p->record = malloc(h->n * sizeof(struct record *));
	if (!p->record)
		return -1;
	for (size_t i = 0; i < h->n; i++)
		p->record[p->n++] = record_get(h->ring[(h->first + i) % h->max_records]);
	return 0;
}

struct record *past_pop(struct past *p)
{
	return p->at < p->n ? p->record[p->at++] : NULL;
}

void past_deinit(struct past *p)
{
	struct record *r;

	while ((r = past_pop(p)))
		record_put(r);
	free(p->record);
	*p = (struct past){0};
}
