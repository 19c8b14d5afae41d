// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_check.c: can this host run an unmodified kernel? Says in one sentence why not.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "internal.h"

#define KVM_API 12

static bool cpu_has(uint32_t leaf, unsigned ecx_bit)
{
	uint32_t eax, ebx, ecx, edx;

	return __get_cpuid(leaf, &eax, &ebx, &ecx, &edx) && (ecx >> ecx_bit & 1);
}

/* A module parameter; one that does not exist (no such module loaded) counts as on. */
static bool parameter_off(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = 'Y';

	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = 'Y';
	close(fd);
	return value == 'N' || value == '0';
}

static int check_paging(struct machine_error *err)
{
	static const struct {
		uint32_t leaf;
		unsigned bit; /* of ecx */
		const char *parameter, *module, *name;
	} kinds[] = {
		{1, 5, "/sys/module/kvm_intel/parameters/ept", "kvm_intel", "ept"},
		{0x80000001, 2, "/sys/module/kvm_amd/parameters/npt", "kvm_amd", "npt"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!cpu_has(kinds[i].leaf, kinds[i].bit))
			continue;
		if (!parameter_off(kinds[i].parameter))
			return 0;
		return host_error(err,
				  "nested paging is switched off in this host's KVM: reload it"
				  " with \"modprobe -r %s && modprobe %s %s=1\"",
				  kinds[i].module, kinds[i].module, kinds[i].name);
	}
	return host_error(err, "this CPU offers no hardware nested paging (vmx/svm), which an"
			       " unmodified kernel needs: run on such a machine, enable nested"
			       " virtualisation for this VM, or use tests/lab/run");
}

static int check_kvm(struct machine_error *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), version;

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return host_error(err, "no permission on /dev/kvm: join the group that owns it"
				       " (usermod -aG kvm USER, log in again) or run as root");
	if (fd < 0)
		return host_error(err,
				  "open of /dev/kvm failed: %s: load KVM (modprobe kvm_intel or"
				  " modprobe kvm_amd) and enable virtualisation in the firmware",
				  strerror(errno));
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	close(fd);
	if (version != KVM_API)
		return host_error(err,
				  "/dev/kvm has API version %d instead of %d: it is not Linux's"
				  " KVM, load that",
				  version, KVM_API);
	return 0;
}

int machine_host_check(struct machine_error *err)
{
	return check_paging(err) || check_kvm(err) ? -1 : 0;
}
