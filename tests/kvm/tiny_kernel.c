// SPDX-License-Identifier: GPL-2.0-only
/* tiny_kernel.c: see tiny_kernel.h. The header is what Documentation/x86/boot.rst asks for. */
#include "tiny_kernel.h"

#include <asm/bootparam.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

#define SETUP_SECTS 1u
#define CODE_ROOM   0x2000u
#define ENTRY_64    0x200u

int tiny_kernel_write(char path[TINY_PATH], const uint8_t *code, size_t len)
{
	static const char release[] = "6.1.0-tiny (test) #1";
	static uint8_t image[(1 + SETUP_SECTS) * 512 + CODE_ROOM];
	struct setup_header *h = (struct setup_header *)(image + 0x1f1);
	int fd, r;

	if (len > CODE_ROOM - ENTRY_64)
		return -1;
	memset(image, 0, sizeof(image));
	h->setup_sects = SETUP_SECTS;
	h->boot_flag = 0xaa55;
	h->jump = 0x6aeb; /* the header ends at 0x202 + 0x6a */
	h->header = 0x53726448; /* HdrS */
	h->version = 0x020f;
	h->kernel_version = 0x100; /* + 0x200 */
	h->syssize = CODE_ROOM / 16;
	h->loadflags = LOADED_HIGH;
	h->initrd_addr_max = 0x7fffffff;
	h->kernel_alignment = 0x200000;
	h->relocatable_kernel = 1;
	h->min_alignment = 21;
	h->xloadflags = XLF_KERNEL_64;
	h->cmdline_size = 2047;
	h->pref_address = TINY_LOAD;
	h->init_size = 0x100000;
	memcpy(image + 0x200 + h->kernel_version, release, sizeof(release));
	memcpy(image + (1 + SETUP_SECTS) * 512 + ENTRY_64, code, len);

	fd = scratch_file(path, "");
	if (fd < 0)
		return -1;
	r = write(fd, image, sizeof(image)) == (ssize_t)sizeof(image) ? 0 : -1;
	close(fd);
	return r;
}

bool tiny_kernel_runs(void)
{
	if (!access("/dev/kvm", R_OK | W_OK))
		return true;
	printf("no usable /dev/kvm: these guests cannot run\n");
	return false;
}
