/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h: the virtual machine: memory, vCPUs, boot, devices. Knows nothing of checking: the
 * checker hangs in through struct machine_hooks. Used by vmm/main.c, vmm/checker/ and tests.
 */
#ifndef KMC_MACHINE_H
#define KMC_MACHINE_H

#include <linux/kvm.h>
#include "devices.h"
#include "guest_ram.h"

struct machine;

/* One virtual CPU and the thread that runs it. Only that thread touches regs, sregs and run. */
struct vcpu {
	struct machine *machine;
	unsigned index;
	int fd;
	struct kvm_run *run;
};

/* How a machine ended. The process's exit codes are derived from it in vmm/main.c. */
enum machine_end {
	END_RUNNING,
	END_POWEROFF,
	END_RESET,
	END_PANIC,    /* the guest kernel panicked: agent, pvpanic port or console text */
	END_CRASH,    /* triple fault */
	END_OPERATOR, /* escape sequence or a signal asked for it */
	END_INTERNAL, /* a defect or limit of kmc-vmm; machine_end_text() says which */
	END_REPORT,   /* --on-report exit */
	END_HANG,     /* machine_config.hang_timeout; machine_end_text() says where */
};

enum hook_result {
	HOOK_RETRY, /* run the guest again */
	HOOK_PASS,  /* not for the checker: let the machine handle it */
	HOOK_STOP,  /* machine_stop() was called */
	HOOK_BEHIND, /* port(), of a write: call behind_port() before the guest runs again */
};

/* Called on the vCPU's own thread, outside KVM_RUN. Any may be NULL. */
struct machine_hooks {
	void *ctx;
	/* KVM_RUN failed with EFAULT: the guest touched memory that is not mapped. */
	enum hook_result (*fault)(void *ctx, struct vcpu *vcpu);
	/* KVM_EXIT_MMIO on RAM: hosts whose KVM emulates the guest's instructions. */
	enum hook_result (*mmio)(void *ctx, struct vcpu *vcpu);
	/* A 32-bit access to port; *value is read or filled. */
	enum hook_result (*port)(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value);
	uint16_t port_number;
	/*
	 * port() has returned HOOK_BEHIND. completed: KVM has completed the instruction, run->s.regs, as far as it is
	 * asked for, is what the guest will go on with.
	 */
	void (*behind_port)(void *ctx, struct vcpu *vcpu, bool completed);
	/*
	 * A device's thread reads or writes guest memory (struct device_host, memory()). NULL: the
	 * machine copies.
	 */
	bool (*device_memory)(void *ctx, const char *device, bool write, gpa_t gpa, void *data,
			      uint32_t len);
	/* All vCPUs and devices have stopped; the guest's memory and registers are still there. On the main thread. */
	void (*stopped)(void *ctx, enum machine_end end);
};

struct machine_config {
	const char *kernel; /* path of a bzImage */
	const void *initrd; /* bytes, may be NULL */
	uint64_t initrd_size;
	const char *cmdline; /* complete */
	unsigned cpus;	     /* 1..64 */
	uint64_t memory;     /* bytes */
	bool plain_memory;   /* nothing in it will be hidden: guest_ram.h */
	struct devices_config devices;
	const char *serial; /* "stdio", "null", "unix:PATH" or a file; NULL: stdio */
	struct machine_hooks hooks;
	/*
	 * On the main thread, when the guest begins to run and then every tick_ms, and a little later where
	 * the host is busy. NULL: none. Must not wait.
	 */
	void (*tick)(void *ctx);
	void *tick_ctx;
	unsigned tick_ms;
	/* Seconds with interrupts off, of all vCPUs, or of one that runs, after which it ends; 0: never. */
	unsigned hang_timeout;
	bool allow_emulated; /* tests: run even where KVM has no nested paging */
};

struct machine_error {
	char text[512]; /* one line naming the remedy */
	bool bad_input; /* the caller's files or options; otherwise the host's fault */
};

/*
 * Can this host run a machine? Called by machine_create() unless allow_emulated; of its own use
 * where the answer is wanted before any file is read. 0, or -1 with *err.
 */
int machine_host_check(struct machine_error *err);

/*
 * Creates the VM, loads the kernel, makes the vCPUs; nothing runs yet. 0, or -1 with *err filled
 * and nothing left behind.
 */
int machine_create(const struct machine_config *config, struct machine **m,
		   struct machine_error *err);
void machine_destroy(struct machine *m);

/* Starts the vCPU threads and serves the console until the machine ends. */
enum machine_end machine_run(struct machine *m);
/*
 * Any thread, not a signal handler; the first caller wins, and returns before the vCPUs are out.
 * text may be NULL, is copied.
 */
void machine_stop(struct machine *m, enum machine_end end, const char *text);
/*
 * The guest panicked (PANIC_EVENT_, device_host.h); it gets a moment to print the rest, then the
 * machine ends. One that dumps its memory first has all the time it takes. Any thread, locks or not.
 */
void machine_guest_panics(struct machine *m, uint8_t events);
const char *machine_end_text(const struct machine *m);

/*
 * Sends the vCPU an NMI, upon which a guest with unknown_nmi_panic panics. One that does not within
 * half a minute is stopped, as END_PANIC. Any thread; the first call counts.
 */
void machine_panic_guest(struct vcpu *vcpu);
/* A panic was seen. Any thread. */
bool machine_panicked(const struct machine *m);
/*
 * The panic that was seen, after machine_run(): what the console said of it, "" where it said
 * nothing, NULL where there was none. *when: ns, CLOCK_MONOTONIC.
 */
const char *machine_panic_text(const struct machine *m, uint64_t *when);

struct guest_ram *machine_ram(struct machine *m);
unsigned machine_cpus(const struct machine *m);
struct vcpu *machine_vcpu(struct machine *m, unsigned index);

/*
 * Holds all other vCPUs outside KVM_RUN until machine_release(). Returns when they are out. A vCPU
 * that waits in a hook counts as out. Not nested; callers take turns (checker's lock).
 */
void machine_hold_others(struct vcpu *self);
void machine_release(struct vcpu *self);

/*
 * Pausing: vCPUs leave the guest, finish what a hook is doing for them, and are not let in again;
 * devices finish the request that they are at, or a part of it.
 * Any thread, with or without locks; a machine that is paused can be stopped. The guest's clocks
 * stand still while all are out.
 */
void machine_pause(struct machine *m); /* does not wait; a hook may call it */
/* 0 when all vCPUs and devices are out, -ETIMEDOUT, or -ECANCELED: resumed or stopped meanwhile. Not in a hook.
 */
int machine_wait_paused(struct machine *m, unsigned timeout_ms);
void machine_resume(struct machine *m);
bool machine_paused(const struct machine *m);  /* machine_resume() has not been called yet */
/*
 * The same for who wants to look while nothing moves: whether it is paused when that is over is up to others. Returns
 * as machine_wait_paused(); thaw it in any case. One at a time.
 */
int machine_freeze(struct machine *m, unsigned timeout_ms);
void machine_thaw(struct machine *m);
uint64_t machine_paused_ns(struct machine *m); /* for how long all were out, altogether */
/*
 * For a hook that waits for another vCPU, which a pause may have caught: counts as out and returns
 * when the pause is over. False where there is none. The caller holds no lock.
 */
bool machine_park(struct vcpu *vcpu);
/* The same for a device's thread in device_memory(). */
bool machine_park_device(struct machine *m);

struct vcpu_registers {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	bool halted;
};
/*
 * The registers of a vCPU, which leaves the guest for that; in a pause too. One at a time for each
 * vCPU. 0, -ETIMEDOUT (it is busy outside the guest), -ECANCELED (the machine is stopping), -EBUSY or
 * -EIO. Any thread but a vCPU's.
 */
int machine_registers(struct vcpu *vcpu, struct vcpu_registers *out, unsigned timeout_ms);

/* Makes a vCPU's current or next vcpu_run() return -EINTR. Any thread. */
void machine_kick(struct vcpu *vcpu);
/* machine_stop() was called. Any thread. */
bool machine_ending(const struct machine *m);

/*
 * Enters the guest once. 0 with vcpu->run filled, or -errno of KVM_RUN (-EINTR: kicked, -EFAULT).
 * Waits first while another vCPU holds this one. -ECANCELED: the machine is stopping, nothing was
 * run and nothing will be; whoever calls this in a loop must leave it then.
 */
int vcpu_run(struct vcpu *vcpu);
/* Serves the exit that vcpu_run() left in vcpu->run (port I/O, MMIO, ...). */
void vcpu_dispatch(struct vcpu *vcpu);

/*
 * Writes text to the console's host side so that a guest's unfinished line is ended first.
 * For reports: goes to stderr, never mixes with a guest line.
 */
void machine_write_stderr(struct machine *m, const char *text, size_t len);

/* bzimage.c */
/* Release string of a bzImage ("6.1.0-..."), into out. 0, or -1 with *err. */
int bzimage_release(const char *path, char *out, size_t size, struct machine_error *err);

#endif
