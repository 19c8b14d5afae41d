// SPDX-License-Identifier: GPL-2.0-only
/*
 * forbidden.c: a library to be preloaded, with which a thread that runs a vCPU first makes a system
 * call that is none of those its sandbox lists.
 */
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
	__typeof__(&ioctl) next = dlsym(RTLD_NEXT, "ioctl");
	void *arg;
	va_list args;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KVM_RUN)
		(void)!chdir("/");
	return next(fd, request, arg);
}
