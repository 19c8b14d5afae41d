// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox_rules.c: the lists, and their translation by libseccomp. Who adds a system call to a
 * thread adds it here. What is refused with an error instead of ending it all is what libraries try
 * and can do without: to open and to look for files.
 */
#include <asm/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_internal.h"

#define BIT(kind)   (1u << SANDBOX_##kind)
#define ALL	    ((1u << SANDBOX_KINDS) - 1)
#define READERS	    (BIT(WRITER) | BIT(METRICS) | BIT(QMP))
#define BACKENDS    (BIT(DEVICE) | BIT(NET) | BIT(LOCAL))
#define GUEST	    (BIT(MAIN) | BIT(VCPU) | BIT(CHECKER) | BIT(COMMANDS) | BIT(QMP) | BACKENDS)
#define READS_FILES (1u << 31) /* those that make reports, where debug information was given */

struct rule {
	int call;
	unsigned kinds;
	int error; /* 0: allowed; otherwise it fails with this */
	unsigned n;
	struct scmp_arg_cmp arg;
};

#define ANY(name, who)                                                                             \
	{                                                                                          \
		.call = SCMP_SYS(name), .kinds = (who)                                             \
	}
#define EQUAL(name, who, argument, v)                                                              \
	{                                                                                          \
		SCMP_SYS(name), (who), 0, 1,                                                       \
		{                                                                                  \
			(argument), SCMP_CMP_EQ, (v), 0                                            \
		}                                                                                  \
	}
/* Where these bits of the argument have this value. */
#define MASKED(name, who, argument, mask, v)                                                       \
	{                                                                                          \
		SCMP_SYS(name), (who), 0, 1,                                                       \
		{                                                                                  \
			(argument), SCMP_CMP_MASKED_EQ, (mask), (v)                                \
		}                                                                                  \
	}
#define FAILS(name, who)                                                                           \
	{                                                                                          \
		.call = SCMP_SYS(name), .kinds = (who), .error = EACCES                            \
	}
#define FAILS_EQUAL(name, who, argument, v)                                                        \
	{                                                                                          \
		SCMP_SYS(name), (who), EACCES, 1,                                                  \
		{                                                                                  \
			(argument), SCMP_CMP_EQ, (v), 0                                            \
		}                                                                                  \
	}
#define IOCTL(request, who) EQUAL(ioctl, who, 1, request)

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE)

static const struct rule rules[] = {
	IOCTL(KVM_RUN, BIT(VCPU)),

	/* The C library's own: memory, locks, signals, the end. No memory becomes code. */
	ANY(futex, ALL),
	ANY(read, ALL),
	ANY(write, ALL),
	ANY(writev, ALL),
	ANY(close, ALL),
	ANY(poll, ALL),
	ANY(ppoll, ALL),
	ANY(lseek, ALL),
	ANY(fstat, ALL),
	EQUAL(newfstatat, ALL, 3, AT_EMPTY_PATH),
	FAILS_EQUAL(newfstatat, ALL, 3, 0),
	EQUAL(newfstatat, BIT(MAIN), 3, AT_SYMLINK_NOFOLLOW), /* whose the socket's file is */
	MASKED(mmap, ALL, 2, PROT_EXEC, 0),
	MASKED(mprotect, ALL, 2, PROT_EXEC, 0),
	ANY(munmap, ALL),
	ANY(mremap, ALL),
	ANY(madvise, ALL),
	ANY(brk, ALL),
	EQUAL(prctl, GUEST, 0, PR_SET_THP_DISABLE), /* ept/pool.c */
	ANY(mincore, BIT(MAIN) | BIT(COMMANDS) | BIT(METRICS)), /* how much of it is the guest's */
	ANY(clock_gettime, ALL),
	ANY(gettimeofday, ALL),
	ANY(time, ALL),
	ANY(nanosleep, ALL),
	ANY(clock_nanosleep, ALL),
	ANY(restart_syscall, ALL),
	ANY(sched_yield, ALL),
	ANY(sched_getaffinity, ALL),
	ANY(sysinfo, ALL), /* qsort(), for how much memory it may take */
	ANY(getrandom, ALL),
	ANY(getpid, ALL),
	ANY(gettid, ALL),
	ANY(rt_sigprocmask, ALL),
	ANY(rt_sigreturn, ALL),
	ANY(exit, ALL),
	ANY(exit_group, ALL),
	IOCTL(TCGETS, ALL), /* isatty() */
	IOCTL(TCSETS, ALL), /* the terminal is put back before the process ends */

	/* The guest's memory, and kicking each other. */
	IOCTL(UFFDIO_CONTINUE, GUEST),
	IOCTL(UFFDIO_REGISTER, GUEST),
	IOCTL(UFFDIO_UNREGISTER, GUEST),
	ANY(fallocate, GUEST),
	IOCTL(KVM_IRQ_LINE, GUEST),
	IOCTL(KVM_SIGNAL_MSI, GUEST),
	IOCTL(KVM_IOEVENTFD, GUEST),
	IOCTL(KVM_GET_CLOCK, GUEST),
	IOCTL(KVM_SET_CLOCK, GUEST),
	IOCTL(KVM_KVMCLOCK_CTRL, GUEST),
	IOCTL(KVM_GET_DEVICE_ATTR, GUEST),
	IOCTL(KVM_SET_DEVICE_ATTR, GUEST),
	IOCTL(KVM_HAS_DEVICE_ATTR, GUEST),
	IOCTL(KVM_NMI, GUEST),
	IOCTL(KVM_GET_MP_STATE, BIT(VCPU)),
	IOCTL(KVM_GET_DEBUGREGS, BIT(VCPU)),
	IOCTL(KVM_GET_REGS, GUEST),
	IOCTL(KVM_SET_REGS, GUEST),
	IOCTL(KVM_GET_SREGS, GUEST),
	IOCTL(KVM_GET_MSRS, GUEST),
	IOCTL(KVM_SET_MSRS, GUEST),
	IOCTL(KVM_GET_XCRS, GUEST),
	IOCTL(KVM_GET_XSAVE, GUEST),
	IOCTL(KVM_SET_XSAVE, GUEST),
	IOCTL(KVM_TRANSLATE, GUEST),
	IOCTL(KVM_SET_GUEST_DEBUG, GUEST),

	/* Images: files; the sockets of qemu-nbd, virtiofsd and the guest's consoles. */
	ANY(pread64, BACKENDS | BIT(MAIN)),
	ANY(pwrite64, BACKENDS),
	ANY(preadv, BACKENDS),
	ANY(pwritev, BACKENDS),
	ANY(fdatasync, BACKENDS),
	ANY(sendto, BACKENDS | READERS | BIT(MAIN)),
	ANY(sendmsg, BACKENDS | BIT(MAIN)),
	ANY(recvfrom, BACKENDS | READERS | BIT(MAIN)),
	ANY(recvmsg, BACKENDS | BIT(MAIN)),
	ANY(shutdown, BACKENDS | BIT(MAIN) | BIT(VCPU)),

	/* Readers of the report socket, the serial console's, and libslirp's connections. */
	ANY(accept4, READERS | BIT(LOCAL) | BIT(MAIN)),
	EQUAL(socket, BIT(LOCAL), 0, AF_UNIX),
	ANY(connect, BIT(LOCAL)),
	ANY(getsockopt, BIT(WRITER) | BIT(NET)),
	EQUAL(socket, BIT(NET), 0, AF_INET),
	ANY(bind, BIT(NET)),
	ANY(listen, BIT(NET)),
	ANY(connect, BIT(NET)),
	ANY(accept, BIT(NET)),
	ANY(getsockname, BIT(NET)),
	ANY(getpeername, BIT(NET)),
	ANY(setsockopt, BIT(NET)),
	ANY(fcntl, BIT(NET) | READS_FILES),
	IOCTL(FIONBIO, BIT(NET)),
	IOCTL(FIONREAD, BIT(NET)),

	/* libslirp looks for the host's name servers, libdwfl for debug information. */
	MASKED(openat, BIT(NET) | READS_FILES, 2, WRITES, O_RDONLY),
	ANY(pread64, READS_FILES),

	/* The end: the terminal as it was, the socket's file away, qemu-nbd told. */
	ANY(rt_sigaction, BIT(MAIN)),
	ANY(unlink, BIT(MAIN)),
	ANY(ftruncate, BIT(MAIN)),
	EQUAL(fcntl, BIT(MAIN), 1, F_GETFL), /* fdopen() */
	ANY(wait4, BIT(MAIN)),
	EQUAL(kill, BIT(MAIN), 1, SIGTERM),
	ANY(getpgrp, BIT(MAIN)),
	IOCTL(TIOCGPGRP, BIT(MAIN)),
	IOCTL(TCSETSW, BIT(MAIN)),

#ifdef __SANITIZE_ADDRESS__
	/* Reports of the sanitizers, and LeakSanitizer's second process. */
	ANY(sigaltstack, ALL),
	ANY(openat, ALL),
	ANY(readlinkat, ALL),
	ANY(dup, ALL),
	ANY(pipe, ALL),
	ANY(clone, ALL),
	ANY(ptrace, ALL),
	ANY(prctl, ALL),
	ANY(getppid, ALL),
	ANY(getdents, ALL),
	ANY(getdents64, ALL),
	ANY(stat, ALL),
	ANY(process_vm_readv, ALL),
	ANY(rt_sigaction, ALL & ~BIT(MAIN)),
	ANY(wait4, ALL & ~BIT(MAIN)),
	ANY(prlimit64, ALL),
	ANY(sched_getparam, ALL),
	ANY(open, ALL),
	ANY(readlink, ALL),
#else
	FAILS(open, ALL),
	FAILS(readlink, ALL),
#endif
	FAILS(access, ALL),
};

static unsigned mask_of(enum sandbox_kind kind, bool reads_files)
{
	unsigned reports = GUEST;

	return 1u << kind | (reads_files && (reports & 1u << kind) ? READS_FILES : 0);
}

static int add_rules(scmp_filter_ctx ctx, unsigned mask)
{
	bool opens = false;
	int r = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !r; i++) {
		const struct rule *u = &rules[i];

		if (!(u->kinds & mask))
			continue;
		opens |= u->call == SCMP_SYS(openat);
		r = seccomp_rule_add_array(ctx,
					   u->error ? SCMP_ACT_ERRNO(u->error) : SCMP_ACT_ALLOW,
					   u->call, u->n, &u->arg);
	}
	if (!r && !opens)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
	return r;
}

/* A thread signals its own process only; numbers of processes are known no earlier than now. */
static int add_kicks(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

/*
 * What vCPUs ask for at every exit, in front of what libseccomp makes of the rules: that orders the requests of ioctl
 * by their values, and KVM_RUN is the last of all, 70 instructions away. What is not one of these goes on to the rules.
 * They must be allowed by them.
 */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define UNLESS_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
static const struct sock_filter often[] = {
	LOAD(arch),
	UNLESS_EQUAL(AUDIT_ARCH_X86_64, 8),
	LOAD(nr),
	UNLESS_EQUAL(SYS_ioctl, 6),
	LOAD(args[1]), /* its low half */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KVM_RUN, 1, 0),
	UNLESS_EQUAL((unsigned)UFFDIO_CONTINUE, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args[1]) + 4),
	UNLESS_EQUAL(0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

/* What libseccomp writes into a file of no name, behind the n instructions of head. */
static int load_program(int fd, const struct sock_filter *head, size_t n, struct sock_fprog *out)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size <= 0)
		return -EIO;
	out->len = (unsigned short)(n + (size_t)size / sizeof(*head));
	out->filter = malloc(n * sizeof(*head) + (size_t)size);
	if (!out->filter)
		return -ENOMEM;
	memcpy(out->filter, head, n * sizeof(*head));
	if (pread(fd, out->filter + n, (size_t)size, 0) == size)
		return 0;
	free(out->filter);
	return -EIO;
}

static int export_program(scmp_filter_ctx ctx, enum sandbox_kind kind, struct sock_fprog *out)
{
	int fd = memfd_create("kmc-sandbox", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (!r)
		r = load_program(fd, often, kind == SANDBOX_VCPU ? sizeof(often) / sizeof(often[0]) : 0, out);
	close(fd);
	return r;
}

int sandbox_compile(enum sandbox_kind kind, bool reads_files, struct sock_fprog *out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!r)
		r = add_rules(ctx, mask_of(kind, reads_files));
	if (!r)
		r = add_kicks(ctx);
	if (!r)
		r = export_program(ctx, kind, out);
	seccomp_release(ctx);
	return r;
}
