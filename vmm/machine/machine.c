// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine.c: makes a virtual machine, runs it to its end, takes it apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"
#include "ports.h"
#include "sandbox.h"

#define HUGE_PAGE      2097152ull
#define MEMORY_MIN     (16ull << 20)
#define MEMORY_MAX     (1ull << 40)
#define PANIC_GRACE_NS 3000000000ull
#define NMI_GRACE_NS   30000000000ull

uint64_t machine_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- how it ends ---- */

void machine_stop(struct machine *m, enum machine_end end, const char *text)
{
	pthread_mutex_lock(&m->end_lock);
	if (m->end == END_RUNNING) {
		m->end = end;
		snprintf(m->end_text, sizeof(m->end_text), "%s", text ? text : "");
	}
	pthread_mutex_unlock(&m->end_lock);
	hold_stop_all(m);
	console_closing(m->console);
}

const char *machine_end_text(const struct machine *m)
{
	return m->end_text;
}

static void note_panic(struct machine *m)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&m->panic_at, &none, machine_now());
}

static bool ended_in_panic(struct machine *m)
{
	if (!atomic_load(&m->panic_at))
		return false;
	machine_stop(m, END_PANIC, "the guest kernel panicked");
	return true;
}

void machine_guest_reset(struct machine *m)
{
	if (!ended_in_panic(m))
		machine_stop(m, END_RESET, "the guest reset the machine");
}

void machine_guest_crash(struct machine *m, const char *text)
{
	if (!ended_in_panic(m))
		machine_stop(m, END_CRASH, text);
}

static void set_deadline(struct machine *m, uint64_t grace)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&m->panic_deadline, &none, machine_now() + grace);
	console_wake(m->console);
}

void machine_guest_panics(struct machine *m, uint8_t events)
{
	if (events & PANIC_EVENTS)
		note_panic(m);
	if (events & PANIC_EVENT_PANICKED)
		set_deadline(m, PANIC_GRACE_NS);
}

void machine_panic_guest(struct vcpu *vcpu)
{
	struct machine *m = vcpu->machine;

	if (atomic_exchange(&m->panic_asked, true))
		return;
	atomic_store(&((struct vcpu_thread *)vcpu)->nmi, true);
	machine_kick(vcpu);
	set_deadline(m, NMI_GRACE_NS);
}

static void panic_time_is_over(struct machine *m)
{
	if (!ended_in_panic(m))
		machine_stop(m, END_PANIC,
			     "the guest was sent an NMI to panic and did not; it was stopped");
}

bool machine_panicked(const struct machine *m)
{
	return atomic_load(&m->panic_at);
}

const char *machine_panic_text(const struct machine *m, uint64_t *when)
{
	*when = atomic_load(&m->panic_at);
	return *when ? console_panic_text(m->console) : NULL;
}

/* ---- what the console tells us ---- */

static size_t on_input(void *ctx, const uint8_t *bytes, size_t len)
{
	struct machine *m = ctx;

	return serial_input(&m->serial, bytes, len);
}

static void on_panic_text(void *ctx, enum panic_event event)
{
	struct machine *m = ctx;

	note_panic(m);
	if (event == PANIC_OVER)
		ended_in_panic(m);
}

static void on_quit(void *ctx, const char *why)
{
	struct machine *m = ctx;

	machine_stop(m, END_OPERATOR, why);
}

static void on_transmit(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;

	console_put(m->console, byte);
}

static void on_serial_irq(void *ctx, bool level)
{
	struct machine *m = ctx;
	struct kvm_irq_level irq = {.irq = IRQ_COM1, .level = level};

	if (ioctl(m->vm_fd, KVM_IRQ_LINE, &irq))
		machine_stop(m, END_INTERNAL, "KVM_IRQ_LINE failed");
}

static void on_serial_room(void *ctx)
{
	struct machine *m = ctx;

	console_wake(m->console);
}

/* ---- making one ---- */

static int check_config(const struct machine_config *c, struct machine_error *err)
{
	if (c->cpus < 1 || c->cpus > MACHINE_MAX_CPUS)
		return bad_input(err, "%u CPUs are not possible: give --cpus a number from 1 to %u",
				 c->cpus, MACHINE_MAX_CPUS);
	if (c->memory < MEMORY_MIN || c->memory > MEMORY_MAX || c->memory % HUGE_PAGE)
		return bad_input(err,
				 "%llu bytes of memory are not possible: give --memory a multiple"
				 " of 2 MiB from 16 MiB to 1 TiB",
				 (unsigned long long)c->memory);
	return 0;
}

/* An error of the user's files is told before one of the host. */
static int check_kernel(const struct machine_config *c, struct machine_error *err)
{
	struct bzimage image;
	int fd;

	if (bzimage_open(c->kernel, &fd, &image, err))
		return -1;
	close(fd);
	return 0;
}

static int check_capabilities(struct machine *m, struct machine_error *err)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
		{KVM_CAP_PIT2, "KVM_CAP_PIT2"},
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
		{KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
		{KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU"},
	};
	int max;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(m->kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return host_error(err,
					  "the host's KVM lacks %s: use a host kernel of 5.10 or"
					  " later",
					  needed[i].name);
	max = ioctl(m->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	if (max > 0 && m->cpus > (unsigned)max)
		return bad_input(err, "the host's KVM runs at most %d vCPUs: lower --cpus", max);
	return 0;
}

static int open_kvm(struct machine *m, struct machine_error *err)
{
	int size;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return host_error(err,
				  "open of /dev/kvm failed: %s: load KVM and join the group that"
				  " owns /dev/kvm",
				  strerror(errno));
	if (check_capabilities(m, err))
		return -1;
	size = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return host_error(err, "KVM_GET_VCPU_MMAP_SIZE failed: use a host kernel of 5.10 or"
				       " later");
	m->run_size = (size_t)size;
	do
		m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0ul);
	while (m->vm_fd < 0 && errno == EINTR);
	if (m->vm_fd < 0)
		return host_error(err,
				  "KVM_CREATE_VM failed: %s: free some memory or end other VMs",
				  strerror(errno));
	return 0;
}

static int make_chips(struct machine *m, struct machine_error *err)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY}; /* port 0x61 too */
	/* An injected #PF brings its CR2 along: the checker needs it (KVM API documentation, 4.32).
	 */
	struct kvm_enable_cap payload = {.cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = {1}};
	uint64_t identity = KVM_IDENTITY_PAGE;

	if (ioctl(m->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(m->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)KVM_TSS_PAGES))
		return host_error(err,
				  "KVM_SET_TSS_ADDR failed: %s: use a host kernel of 5.10 or"
				  " later",
				  strerror(errno));
	if (ioctl(m->vm_fd, KVM_ENABLE_CAP, &payload))
		return host_error(err,
				  "KVM_CAP_EXCEPTION_PAYLOAD failed: %s: use a host kernel of 5.10"
				  " or later",
				  strerror(errno));
	if (ioctl(m->vm_fd, KVM_CREATE_IRQCHIP, 0))
		return host_error(err, "KVM_CREATE_IRQCHIP failed: %s: free some memory",
				  strerror(errno));
	if (ioctl(m->vm_fd, KVM_CREATE_PIT2, &pit))
		return host_error(err, "KVM_CREATE_PIT2 failed: %s: free some memory",
				  strerror(errno));
	return 0;
}

static int make_memory(struct machine *m, const struct machine_config *config,
		       struct machine_error *err)
{
	struct guest_ram_range range[2];
	const char *what = "guest memory";
	int n, r = config->plain_memory ? guest_ram_create_plain(config->memory, &m->ram, &what)
					: guest_ram_create(config->memory, &m->ram, &what);

	if (r < 0)
		return host_error(err, "%s: %s: %s", what, strerror(-r), guest_ram_remedy(what, r));
	n = guest_ram_ranges(m->ram, range);
	for (int i = 0; i < n; i++) {
		struct kvm_userspace_memory_region slot = {
			.slot = (uint32_t)i,
			.guest_phys_addr = range[i].base.v,
			.memory_size = range[i].len,
			.userspace_addr = (uintptr_t)range[i].guest,
		};

		if (ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot))
			return host_error(err,
					  "KVM_SET_USER_MEMORY_REGION failed: %s: lower"
					  " --memory",
					  strerror(errno));
	}
	return 0;
}

static int open_console(struct machine *m, const struct machine_config *config,
			struct machine_error *err)
{
	char text[512];

	return console_open(m->console, config->serial, config->devices.file_limit, text,
			    sizeof(text))
		       ? bad_input(err, "%s", text)
		       : 0;
}

static int make_devices(struct machine *m, const struct machine_config *config,
			struct machine_error *err)
{
	const struct console_ops console = {
		.ctx = m, .input = on_input, .panic = on_panic_text, .quit = on_quit};
	const struct serial_ops serial = {
		.ctx = m, .transmit = on_transmit, .irq = on_serial_irq, .room = on_serial_room};

	serial_init(&m->serial, &serial);
	rtc_init(&m->rtc);
	m->console = console_create(&console);
	if (!m->console)
		return host_error(err,
				  "eventfd failed: %s: raise the limit of open files (ulimit -n)",
				  strerror(errno));
	if (config->serial && open_console(m, config, err))
		return -1;
	return devices_wanted(&config->devices) ? device_link_create(m, &config->devices, err) : 0;
}

static int make_vcpus(struct machine *m, const struct boot_entry *entry, struct machine_error *err)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (vcpu_create(m, i, err))
			return -1;
	/* The others wait in KVM for the first one's INIT and SIPI. */
	return vcpu_set_entry(&m->vcpus[0]->pub, entry, err);
}

static struct machine *allocate(const struct machine_config *config)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kvm_fd = -1;
	m->vm_fd = -1;
	m->cpus = config->cpus;
	m->hooks = config->hooks;
	m->hang_timeout = config->hang_timeout;
	m->tick = config->tick;
	m->tick_ctx = config->tick_ctx;
	m->tick_ms = config->tick_ms;
	pthread_mutex_init(&m->end_lock, NULL);
	pthread_mutex_init(&m->ports_lock, NULL);
	if (hold_init(m)) {
		free(m);
		return NULL;
	}
	return m;
}

int machine_create(const struct machine_config *config, struct machine **out,
		   struct machine_error *err)
{
	struct boot_entry entry;
	struct machine *m;

	if (check_config(config, err) || check_kernel(config, err))
		return -1;
	if (!config->allow_emulated && machine_host_check(err))
		return -1;
	m = allocate(config);
	if (!m)
		return host_error(err, "out of memory: free some memory");
	if (open_kvm(m, err) || make_chips(m, err) || make_memory(m, config, err) ||
	    make_devices(m, config, err) || boot_load(m, config, &entry, err) ||
	    make_vcpus(m, &entry, err)) {
		machine_destroy(m);
		return -1;
	}
	*out = m;
	return 0;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->cpus; i++)
		vcpu_destroy(m, i);
	if (m->console)
		serial_deinit(&m->serial);
	console_destroy(m->console);
	devices_destroy(m->devices);
	if (m->vm_fd >= 0)
		close(m->vm_fd);
	if (m->kvm_fd >= 0)
		close(m->kvm_fd);
	if (m->ram)
		guest_ram_destroy(m->ram);
	hold_deinit(m);
	pthread_mutex_destroy(&m->ports_lock);
	pthread_mutex_destroy(&m->end_lock);
	free(m);
}

/* ---- running it ---- */

static void start_devices(struct machine *m)
{
	if (m->devices && devices_start(m->devices) < 0)
		machine_stop(m, END_INTERNAL,
			     "pthread_create failed: raise the limit of processes (ulimit -u)");
}

static void start_vcpus(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++) {
		struct vcpu_thread *v = m->vcpus[i];
		int r = pthread_create(&v->thread, NULL, vcpu_thread_main, v);

		v->created = r == 0;
		if (r) {
			machine_stop(m, END_INTERNAL,
				     "pthread_create failed: raise the limit of"
				     " processes (ulimit -u)");
			return;
		}
	}
}

static void join_vcpus(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (m->vcpus[i]->created)
			pthread_join(m->vcpus[i]->thread, NULL);
}

/* Milliseconds until then, -1 for never. */
static int until(uint64_t deadline)
{
	uint64_t now = machine_now();

	if (!deadline)
		return -1;
	return deadline <= now ? 0 : (int)((deadline - now) / 1000000 + 1);
}

/* Milliseconds until the next tick, -1 where there is none. */
static int tick(struct machine *m)
{
	if (!m->tick)
		return -1;
	if (until(m->next_tick) <= 0) {
		m->tick(m->tick_ctx);
		m->next_tick = machine_now() + m->tick_ms * 1000000ull;
	}
	return until(m->next_tick);
}

/* How long the main thread may wait for the console. */
static int next_timeout(struct machine *m)
{
	int times[] = {until(atomic_load(&m->panic_deadline)), tick(m), until(hang_look(m))}, least = -1;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] >= 0 && (least < 0 || times[i] < least))
			least = times[i];
	return least;
}

/* All threads are there and wait: without the sandbox the guest does not run. */
static void enter_sandbox(struct machine *m)
{
	char err[512];

	if (sandbox_enter(err, sizeof(err)) < 0) {
		machine_stop(m, END_INTERNAL, err);
		sandbox_cancel();
	}
}

enum machine_end machine_run(struct machine *m)
{
	console_begin(m->console);
	start_devices(m);
	start_vcpus(m);
	enter_sandbox(m);
	while (!machine_stopping(m)) {
		if (until(atomic_load(&m->panic_deadline)) == 0)
			panic_time_is_over(m);
		else
			console_serve(m->console, next_timeout(m));
	}
	join_vcpus(m);
	if (m->devices)
		devices_stop(m->devices);
	if (m->hooks.stopped)
		m->hooks.stopped(m->hooks.ctx, m->end);
	console_end(m->console);
	return m->end;
}

/* ---- for the layers above ---- */

struct guest_ram *machine_ram(struct machine *m)
{
	return m->ram;
}

unsigned machine_cpus(const struct machine *m)
{
	return m->cpus;
}

struct vcpu *machine_vcpu(struct machine *m, unsigned index)
{
	return index < m->cpus ? &m->vcpus[index]->pub : NULL;
}

void machine_write_stderr(struct machine *m, const char *text, size_t len)
{
	console_write_stderr(m->console, text, len);
}

int machine_populate_all(struct machine *m)
{
	struct guest_ram_range range[2];
	int n = guest_ram_ranges(m->ram, range), changed = 0;

	pthread_mutex_lock(&m->ports_lock);
	for (int i = 0; i < n; i++)
		for (uint64_t at = 0; at < range[i].len; at += HUGE_PAGE) {
			uint64_t rest = range[i].len - at;
			uint64_t len = rest < HUGE_PAGE ? rest : HUGE_PAGE;
			int r = guest_ram_populate(m->ram, (gpa_t){range[i].base.v + at},
						   len / GUEST_PAGE);

			if (r < 0) {
				pthread_mutex_unlock(&m->ports_lock);
				return r;
			}
			changed |= r;
		}
	pthread_mutex_unlock(&m->ports_lock);
	return changed;
}
