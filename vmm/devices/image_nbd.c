// SPDX-License-Identifier: GPL-2.0-only
/*
 * image_nbd.c: an image that qemu-nbd reads and writes, in a process of its own (server.h). It
 * serves one client and ends when that one is gone.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "nbd_library.h"
#include "server.h"

struct image_nbd {
	struct nbd_handle *handle;
	struct server server;
};

static int error_of(int r)
{
	int error = nbd.get_errno();

	if (r >= 0)
		return 0;
	return error > 0 ? -error : -EIO;
}

static int remote_read(struct image *i, uint64_t offset, void *data, size_t len)
{
	return error_of(nbd.pread(i->nbd->handle, data, len, offset, 0));
}

static int remote_write(struct image *i, uint64_t offset, const void *data, size_t len)
{
	return error_of(nbd.pwrite(i->nbd->handle, data, len, offset, 0));
}

static int remote_flush(struct image *i)
{
	if (nbd.can_flush(i->nbd->handle) <= 0)
		return 0;
	return error_of(nbd.flush(i->nbd->handle, 0));
}

static void remote_close(struct image *i)
{
	struct image_nbd *n = i->nbd;

	if (n->handle) {
		nbd.shutdown(n->handle, 0);
		nbd.close(n->handle);
	}
	server_end(&n->server);
	free(n);
}

static int connect_server(struct image_nbd *n, char *const *argv)
{
	int r = server_start(&n->server, argv, NULL, NULL);

	if (!r) {
		n->handle = nbd.create();
		r = n->handle ? error_of(nbd.connect_socket(n->handle, n->server.socket)) : -ENOMEM;
		if (n->handle)
			n->server.socket = -1; /* the handle's, also where it failed */
	}
	return r;
}

int image_open_nbd(struct image *i, const char *path, const char *format, bool writable, char *err,
		   size_t errlen)
{
	/* An absolute path: qemu-nbd takes others for protocols if they look like one. */
	char full[PATH_MAX], format_option[32], why[256];
	char *argv[] = {(char *)"qemu-nbd", format_option, full,
			writable ? NULL : (char *)"--read-only", NULL};
	int64_t size = -1;
	int r;

	*i = (struct image){.fd = -1,
			    .read = remote_read,
			    .write = remote_write,
			    .flush = remote_flush,
			    .close = remote_close};
	snprintf(format_option, sizeof(format_option), "--format=%s", format);
	if (!realpath(path, full)) {
		snprintf(err, errlen, "cannot open the disk %s: %s: check the path and its rights",
			 path, strerror(errno));
		return -1;
	}
	if (nbd_library_load(why, sizeof(why)) < 0) {
		snprintf(err, errlen, "cannot open the disk %s as %s: %s", path, format, why);
		return -1;
	}
	i->nbd = calloc(1, sizeof(*i->nbd));
	r = i->nbd ? connect_server(i->nbd, argv) : -ENOMEM;
	if (!r)
		size = nbd.get_size(i->nbd->handle);
	if (size > 0) {
		i->size = (uint64_t)size;
		return 0;
	}
	snprintf(err, errlen,
		 "qemu-nbd cannot open the disk %s as %s (see above): install qemu-utils, or give"
		 " an image that is whole and not in use",
		 path, format);
	if (i->nbd)
		remote_close(i);
	return -1;
}
