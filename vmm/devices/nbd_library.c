// SPDX-License-Identifier: GPL-2.0-only
/* nbd_library.c: the library of the ABI that libnbd.h is for. */
#include "nbd_library.h"

#include <dlfcn.h>
#include <stdio.h>

#define LIBRARY "libnbd.so.0"

struct nbd_library nbd;

int nbd_library_load(char *err, size_t errlen)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (!library) {
		snprintf(err, errlen, "%s: install libnbd0", dlerror());
		return -1;
	}
#define LOAD(name)                                                                                 \
	*(void **)&nbd.name = dlsym(library, "nbd_" #name);                                        \
	if (!nbd.name) {                                                                           \
		snprintf(err, errlen, "%s: install libnbd0 again", dlerror());                     \
		return -1;                                                                         \
	}
	NBD_LIBRARY_CALLS(LOAD)
	return 0;
}
