/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h: what the files of vmm/machine/ share. Not for others: machine.h.
 */
#ifndef KMC_MACHINE_INTERNAL_H
#define KMC_MACHINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include "bzimage.h"
#include "console.h"
#include "error.h"
#include "machine.h"
#include "rtc.h"
#include "serial.h"

#define MACHINE_MAX_CPUS 64u

/* Guest-physical pages KVM wants for itself on older Intel CPUs; above RAM, below the APICs. */
#define KVM_IDENTITY_PAGE 0xfeffc000ull
#define KVM_TSS_PAGES	  0xfeffd000ull
#define KVM_RESERVED_END  0xff000000ull

/* Of a vCPU, once a second (hang.c). */
enum vcpu_seen {
	SEEN_NOTHING, /* it did not come out */
	SEEN_OUT,     /* it has not been started yet */
	SEEN_HEARS,   /* would take an interrupt */
	SEEN_DEAF,    /* runs with interrupts off */
	SEEN_DEAD,    /* is halted with interrupts off: only an NMI wakes it */
};

struct vcpu_thread {
	struct vcpu pub; /* first: what others see */
	pthread_t thread;
	bool created; /* the thread exists; machine_run()'s own */
	/*
	 * Set by the vCPU's thread before it looks at machine.hold and machine.stopping; read by
	 * the others after they have set those (hold.c).
	 */
	atomic_bool in_guest;
	atomic_bool kicked; /* machine_kick(): set before in_guest is read, read after it was set */
	pthread_t self;	    /* valid while in_guest */
	uint64_t fault_rip; /* last fault that mapped nothing, ~0 for none */
	bool behind;	    /* the port's hook said HOOK_BEHIND; its own thread's */
	bool parked;	    /* waits because of a pause; under machine.hold_lock */
	atomic_bool nmi;    /* is to get one before it runs again */
	/* registers.c: */
	atomic_bool asked;		  /* registers is set; see there */
	struct vcpu_registers *registers; /* what somebody waits for; under machine.hold_lock */
	bool registers_ok;		  /* of the last ones; the same */
	/* hang.c: */
	atomic_bool look;   /* is to fill the next two when it comes out */
	_Atomic enum vcpu_seen seen;
	_Atomic uint64_t rip;
	uint64_t deaf_since; /* ns, CLOCK_MONOTONIC: not SEEN_DEAF at a look; the main thread's */
};

/* What stands still while all vCPUs are parked (pause.c). Under machine.hold_lock. */
struct pause_clock {
	bool stopped;
	uint64_t tsc;  /* the host's, when it was stopped */
	uint64_t when; /* ns, CLOCK_MONOTONIC */
	uint64_t lost; /* ns of all pauses that are over */
	struct kvm_clock_data kvmclock;
	bool has_offsets;
	uint64_t offset[MACHINE_MAX_CPUS]; /* of the guest's TSCs to the host's */
};

struct machine {
	struct machine_hooks hooks;
	unsigned cpus;
	int kvm_fd, vm_fd;
	size_t run_size; /* bytes of the kvm_run mapping */
	struct guest_ram *ram;
	struct vcpu_thread *vcpus[MACHINE_MAX_CPUS];

	/* hold.c */
	pthread_mutex_t hold_lock;
	pthread_cond_t hold_changed;
	_Atomic(struct vcpu *) hold; /* only this one may run; NULL: all may */
	atomic_bool stopping;
	_Atomic unsigned paused; /* why none may run, 0: all may; one that holds the others finishes its step */
	unsigned parked;    /* vCPUs; under hold_lock */
	unsigned active;    /* devices at work for the guest; under hold_lock */
	struct pause_clock clock;

	/* hang.c, the main thread's; ns, CLOCK_MONOTONIC */
	unsigned hang_timeout; /* s, 0: does not matter */
	uint64_t next_look, dead_since;

	/* machine_config's */
	void (*tick)(void *ctx);
	void *tick_ctx;
	unsigned tick_ms;
	uint64_t next_tick; /* ns, CLOCK_MONOTONIC */

	/* How it ended: the first machine_stop() wins. */
	pthread_mutex_t end_lock;
	enum machine_end end;
	char end_text[512];

	atomic_bool panic_asked;
	_Atomic uint64_t panic_at;	 /* ns, CLOCK_MONOTONIC; 0: no panic was seen */
	_Atomic uint64_t panic_deadline; /* ns, CLOCK_MONOTONIC; 0: none */

	struct devices *devices; /* NULL: there is no PCI bus */
	struct console *console;
	struct serial serial;
	pthread_mutex_t ports_lock; /* protects the devices below, and machine_populate_all() */
	struct rtc rtc;
	uint8_t i8042_reply;
	bool i8042_full;
	uint16_t pm1_enable, pm1_control;
};

/* How a guest's kernel is entered: set up by boot_load() for vCPU 0. */
struct boot_entry {
	uint64_t rip, rsi, rsp, cr3, gdt;
	uint16_t gdt_limit;
};

#define BOOT_CODE_SELECTOR 0x10u
#define BOOT_DATA_SELECTOR 0x18u
#define BOOT_TASK_SELECTOR 0x20u

/* boot.c: checks and places kernel, initrd, command line and tables. 0, or -1 with *err. */
int boot_load(struct machine *m, const struct machine_config *config, struct boot_entry *entry,
	      struct machine_error *err);

/* cpuid.c: gives the vCPU its CPUID leaves. 0, or -1 with *err. */
int cpuid_set(struct machine *m, struct vcpu *vcpu, struct machine_error *err);

/* vcpu.c */
int vcpu_create(struct machine *m, unsigned index, struct machine_error *err);
void vcpu_destroy(struct machine *m, unsigned index);
int vcpu_set_entry(struct vcpu *vcpu, const struct boot_entry *entry, struct machine_error *err);
void *vcpu_thread_main(void *arg); /* struct vcpu_thread */

/* hold.c */
int hold_init(struct machine *m); /* 0 or a negative errno */
void hold_deinit(struct machine *m);
void hold_stop_all(struct machine *m);	       /* stopping is set; kicks every vCPU out for good */
void hold_thread_begin(struct vcpu_thread *v); /* on the vCPU's thread, before vcpu_run() */
void hold_kick_all(struct machine *m);	       /* whoever is in the guest comes out once */
void hold_kick(struct vcpu_thread *v);
/*
 * Has KVM complete the instruction whose exit was served, and does not enter the guest: -EINTR. Otherwise as
 * vcpu_run(): it ended in another exit. On the vCPU's thread; it may be held or paused.
 */
int hold_complete(struct vcpu_thread *v);

/* registers.c: gives what was asked for. On the vCPU's thread, with hold_lock. */
void registers_answer(struct vcpu_thread *v);

/* Devices' threads: enter() and leave() of struct device_host. */
bool hold_device_enter(struct machine *m);
void hold_device_leave(struct machine *m);

/* device_link.c: makes machine.devices, where config wants any. 0, or -1 with *err. */
int device_link_create(struct machine *m, const struct devices_config *config,
		       struct machine_error *err);

/* hang.c. On the main thread, often enough: when it wants to be called again, ns; 0: never. */
uint64_t hang_look(struct machine *m);
void hang_note(struct vcpu_thread *v); /* on the vCPU's thread, when a kick got it out */

/* pause.c. With hold_lock, when the last vCPU has been parked. */
void pause_clock_stop(struct machine *m);

uint64_t machine_now(void); /* ns, CLOCK_MONOTONIC */

static inline bool machine_stopping(struct machine *m)
{
	return atomic_load(&m->stopping);
}

/* machine.c: what the guest asked for; a panic seen before takes precedence. */
void machine_guest_reset(struct machine *m);
void machine_guest_crash(struct machine *m, const char *text);
/* Makes all RAM reachable that is not hidden. 1: that changed something, 0, or a negative errno. */
int machine_populate_all(struct machine *m);

#endif
