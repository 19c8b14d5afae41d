// SPDX-License-Identifier: GPL-2.0-only
/* capped_file.c: see capped_file.h. */
#include "capped_file.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

void capped_file_init(struct capped_file *f, int fd, uint64_t limit)
{
	struct stat st;
	bool grows = limit && !fstat(fd, &st) && S_ISREG(st.st_mode);

	*f = (struct capped_file){.fd = fd, .left = grows ? limit : UINT64_MAX};
}

ssize_t capped_file_write(struct capped_file *f, const void *bytes, size_t len)
{
	static const char end[] = "\n[kmc-vmm: the rest is missing: --file-limit]\n";
	ssize_t n;

	if (f->left == UINT64_MAX)
		return write(f->fd, bytes, len);
	if (!f->left)
		return (ssize_t)len;
	n = write(f->fd, bytes, len < f->left ? len : (size_t)f->left);
	if (n <= 0)
		return n;
	f->left -= (uint64_t)n;
	if (!f->left && write(f->fd, end, sizeof(end) - 1) < 0)
		return n; /* then without this line */
	return n;
}
