// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_guests.c: what a guest can do to its machine, one tiny guest a case: ports, interrupts,
 * the ways to end, memory that is hidden or not there, the console; and configurations that are
 * refused.
 */
#include <dirent.h>
#include <stdlib.h>
#include "tiny_guest.h"

#define RECORDS 16u

/* What the guest told through TEST_PORT, and how its memory faults were served. */
static struct {
	uint32_t value[RECORDS];
	unsigned n, faults, mmio, stopped;
	uint64_t mmio_gpa;
} seen;

static enum hook_result on_port(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	if (!write)
		*value = 0x31434d4b;
	else if (seen.n < RECORDS)
		seen.value[seen.n++] = *value;
	return HOOK_RETRY;
}

static void on_stopped(void *ctx, enum machine_end end)
{
	seen.stopped++;
}

static const struct machine_config telling = {
	.hooks = {.port = on_port, .port_number = TEST_PORT, .stopped = on_stopped},
};

#define LAST_TICK 35

static struct ticks {
	struct machine *m;
	bool pause;
	unsigned n;
} ticks;

static void quit_at_last(void *ctx)
{
	if (++ticks.n == 1 && ticks.pause)
		machine_pause(ticks.m);
	if (ticks.n == LAST_TICK)
		machine_stop(ticks.m, END_OPERATOR, "the test is over");
}

/* Runs it with stdin and stdout as given; what it printed goes to out. */
static enum machine_end run_guest(struct machine *m, const char *input, char *out, size_t size)
{
	int saved_in = dup(0), saved_out = dup(1), in[2];
	FILE *f = tmpfile();
	enum machine_end end;
	size_t n;

	fflush(stdout);
	assert_non_null(f);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	dup2(in[0], 0);
	dup2(fileno(f), 1);
	end = machine_run(m);
	dup2(saved_in, 0);
	dup2(saved_out, 1);
	close(saved_in);
	close(saved_out);
	close(in[0]);
	rewind(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	fclose(f);
	return end;
}

/* ---- the ways to end ---- */

GUEST(power_off, POWEROFF);
GUEST(power_off_bytes, "mov $0x605, %edx\nmov $0x34, %al\nout %al, %dx\n1: hlt\njmp 1b");
GUEST(reset_port, "mov $0xcf9, %edx\nmov $6, %al\nout %al, %dx\n1: hlt\njmp 1b");
GUEST(reset_keyboard, "mov $0xfe, %al\nout %al, $0x64\n1: hlt\njmp 1b");
GUEST(crash, "movw $0, 0x20000\nmovq $0, 0x20002\nlidt 0x20000\nud2");
GUEST(panic_then_reset, "mov $0x505, %edx\nmov $1, %al\nout %al, %dx\n"
			"mov $0xfe, %al\nout %al, $0x64\n1: hlt\njmp 1b");
GUEST(panic_then_crash, "mov $0x505, %edx\nmov $1, %al\nout %al, %dx\n"
			"movw $0, 0x20000\nmovq $0, 0x20002\nlidt 0x20000\nud2");
GUEST(panic_then_halt, "mov $0x505, %edx\nmov $1, %al\nout %al, %dx\n1: hlt\njmp 1b");
GUEST(dump_then_reset, "mov $0x505, %edx\nmov $2, %al\nout %al, %dx\n"
		       "mov $0xfe, %al\nout %al, $0x64\n1: hlt\njmp 1b");
/* Good twins: looks like one of the above and is not. */
GUEST(sleep_s1, "mov $0x604, %edx\nmov $0x2400, %eax\nout %ax, %dx\n" POWEROFF);
GUEST(pci_config, "mov $0xcf8, %edx\nmov $0xffffffff, %eax\nout %eax, %dx\n" POWEROFF);
GUEST(crash_loaded, "mov $0x505, %edx\nmov $2, %al\nout %al, %dx\n" POWEROFF);

#define END_CASE(guest, end)                                                                       \
	{                                                                                          \
#guest, guest##_start, guest##_end, end                                            \
	}

static void ends(void **state)
{
	static const struct {
		const char *name;
		const uint8_t *start, *end;
		enum machine_end expected;
	} cases[] = {
		END_CASE(power_off, END_POWEROFF),
		END_CASE(power_off_bytes, END_POWEROFF),
		END_CASE(reset_port, END_RESET),
		END_CASE(reset_keyboard, END_RESET),
		END_CASE(crash, END_CRASH),
		END_CASE(panic_then_reset, END_PANIC),
		END_CASE(panic_then_crash, END_PANIC),
		END_CASE(panic_then_halt, END_PANIC),
		END_CASE(dump_then_reset, END_PANIC),
		END_CASE(sleep_s1, END_POWEROFF),
		END_CASE(pci_config, END_POWEROFF),
		END_CASE(crash_loaded, END_POWEROFF),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine *m = make_guest(cases[i].start, cases[i].end, &telling);
		enum machine_end end;
		char out[64];

		memset(&seen, 0, sizeof(seen));
		end = run_guest(m, "", out, sizeof(out));
		if (end != cases[i].expected)
			fail_msg("%s ended as %d: %s", cases[i].name, end, machine_end_text(m));
		assert_int_equal(seen.stopped, 1);
		assert_true(strlen(machine_end_text(m)) > 0);
		machine_destroy(m);
	}
}

/* ---- hangs ---- */

GUEST(halt_deaf, "cli\n1: hlt\njmp 1b");
GUEST(spin_deaf, "cli\n1: pause\njmp 1b");
/* Good twins: what is busy, or waits for an interrupt that does not come, is no hang. */
GUEST(spin, "lidt 0x20000\nsti\n1: pause\njmp 1b");
GUEST(halt, "sti\n1: hlt\njmp 1b");

static enum machine_end end_of(const uint8_t *start, const uint8_t *end, unsigned timeout, bool pause)
{
	struct machine_config config = telling;
	struct machine *m;
	enum machine_end how;
	char out[64];

	config.hang_timeout = timeout;
	config.tick = quit_at_last;
	config.tick_ms = 100;
	m = make_guest(start, end, &config);
	ticks = (struct ticks){.m = m, .pause = pause};
	how = run_guest(m, "", out, sizeof(out));
	machine_destroy(m);
	return how;
}

static void hangs(void **state)
{
	assert_int_equal(end_of(halt_deaf_start, halt_deaf_end, 2, false), END_HANG);
	assert_true(ticks.n > 10 && ticks.n < LAST_TICK);
	assert_int_equal(end_of(spin_deaf_start, spin_deaf_end, 2, false), END_HANG);
	assert_int_equal(end_of(halt_start, halt_end, 2, false), END_OPERATOR);
	assert_int_equal(end_of(spin_start, spin_end, 2, false), END_OPERATOR);
	/* In a pause nothing moves, and nobody asked for it. */
	assert_int_equal(end_of(spin_deaf_start, spin_deaf_end, 2, true), END_OPERATOR);
	assert_int_equal(end_of(spin_deaf_start, spin_deaf_end, 0, false), END_OPERATOR);
	assert_true(ticks.n >= LAST_TICK);
}

/* ---- ports ---- */

GUEST(ports, "mov $0x1234, %edx\nin %dx, %eax\n" TELL		       /* the hook's answer */
	     "mov $0x1234, %edx\nin %dx, %al\nmovzbl %al, %eax\n" TELL /* not 32 bits: absent */
	     "mov $0x2222, %edx\nin %dx, %eax\n" TELL		       /* no device */
	     "mov $0xcf8, %edx\nin %dx, %eax\n" TELL		       /* no PCI */
	     "mov $0x604, %edx\nin %dx, %ax\nmovzwl %ax, %eax\n" TELL  /* ACPI is on */
	     "mov $0x8d, %al\nout %al, $0x70\nin $0x71, %al\nmovzbl %al, %eax\n" TELL /* RTC */
	     "mov $0xaa, %al\nout %al, $0x64\nin $0x64, %al\nmov %al, %bl\nin $0x60, %al\n"
	     "mov %bl, %ah\nmovzwl %ax, %eax\n" TELL /* keyboard self test */
	     "mov $0x505, %edx\nin %dx, %al\nmovzbl %al, %eax\n" TELL POWEROFF);

static void port_values(void **state)
{
	static const uint32_t expected[] = {0x31434d4b, 0xff, 0xffffffff, 0xffffffff,
					    0x0001,	0x80, 0x0155,	  0x03};
	struct machine *m = make_guest(ports_start, ports_end, &telling);
	char out[64];

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(run_guest(m, "", out, sizeof(out)), END_POWEROFF);
	assert_int_equal(seen.n, sizeof(expected) / sizeof(expected[0]));
	for (unsigned i = 0; i < seen.n; i++)
		assert_int_equal(seen.value[i], expected[i]);
	machine_destroy(m);
}

/* Three ticks of the PIT, each awaited in HLT. */
GUEST(ticks, "lea 9f(%rip), %rax\n"
	     "mov %eax, %ecx\nand $0xffff, %ecx\nor $0x100000, %ecx\nmov %ecx, 0x20200\n"
	     "mov %eax, %ecx\nand $0xffff0000, %ecx\nor $0x8e00, %ecx\nmov %ecx, 0x20204\n"
	     "movq $0, 0x20208\nmovw $0xfff, 0x21000\nmovq $0x20000, 0x21002\nlidt 0x21000\n"
	     "mov $0x11, %al\nout %al, $0x20\nmov $0x20, %al\nout %al, $0x21\n"
	     "mov $0x04, %al\nout %al, $0x21\nmov $0x01, %al\nout %al, $0x21\n"
	     "mov $0xfe, %al\nout %al, $0x21\nmov $0xff, %al\nout %al, $0xa1\n"
	     "mov $0x34, %al\nout %al, $0x43\nmov $0x9c, %al\nout %al, $0x40\n"
	     "mov $0x2e, %al\nout %al, $0x40\nxor %ebx, %ebx\nsti\n"
	     "1: hlt\ncmp $3, %ebx\njb 1b\ncli\nmov %ebx, %eax\n" TELL POWEROFF
	     "9: inc %ebx\nmov $0x20, %al\nout %al, $0x20\niretq");

static void halts_and_ticks(void **state)
{
	struct machine *m = make_guest(ticks_start, ticks_end, &telling);
	char out[64];

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(run_guest(m, "", out, sizeof(out)), END_POWEROFF);
	assert_int_equal(seen.n, 1);
	assert_in_range(seen.value[0], 3, 4);
	machine_destroy(m);
}

/* ---- memory ---- */

#define HIDDEN_PAGE 0x2000000ull

GUEST(memory, "mov 0x2000008, %eax\n" TELL "movl $0x5678, 0x2000010\n"
	      "mov $0xd0000000, %ebx\nmov (%rbx), %eax\n" TELL "movl $1, (%rbx)\n" POWEROFF);

static enum hook_result on_fault(void *ctx, struct vcpu *vcpu)
{
	seen.faults++;
	return guest_ram_show(machine_ram(vcpu->machine), (gpa_t){HIDDEN_PAGE}, 1) ? HOOK_PASS
										   : HOOK_RETRY;
}

static enum hook_result on_mmio(void *ctx, struct vcpu *vcpu)
{
	seen.mmio++;
	seen.mmio_gpa = vcpu->run->mmio.phys_addr;
	return HOOK_PASS;
}

/* A hidden page arrives as EFAULT, or as MMIO where KVM emulates; what is no RAM reads as ones. */
static void hidden_and_absent(void **state)
{
	struct machine_config config = telling;
	struct guest_ram *ram;
	struct machine *m;
	uint32_t *word;
	char out[64];

	config.hooks.fault = on_fault;
	config.hooks.mmio = on_mmio;
	m = make_guest(memory_start, memory_end, &config);
	ram = machine_ram(m);
	memset(&seen, 0, sizeof(seen));
	word = guest_ram_at(ram, (gpa_t){HIDDEN_PAGE}, GUEST_PAGE);
	assert_non_null(word);
	word[2] = 0x1234;
	assert_int_equal(guest_ram_hide(ram, (gpa_t){HIDDEN_PAGE}, 1), 0);
	assert_int_equal(run_guest(m, "", out, sizeof(out)), END_POWEROFF);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.value[0], 0x1234);
	assert_int_equal(seen.value[1], 0xffffffff);
	assert_int_equal(word[4], 0x5678);
	assert_true(seen.faults == 1 || seen.mmio == 2);
	if (seen.mmio)
		assert_int_equal(seen.mmio_gpa, HIDDEN_PAGE + 0x10);
	machine_destroy(m);
}

/* Its twin: without hooks a page that only the view has touched is served by the machine. */
static void untouched(void **state)
{
	struct machine *m = make_guest(memory_start, memory_end, NULL);
	uint32_t *word = guest_ram_at(machine_ram(m), (gpa_t){HIDDEN_PAGE}, GUEST_PAGE);
	char out[64];

	word[2] = 1;
	assert_int_equal(run_guest(m, "", out, sizeof(out)), END_POWEROFF);
	assert_int_equal(word[4], 0x5678);
	machine_destroy(m);
}

/*
 * A page that stays hidden: where it arrives as EFAULT and nobody serves it, the machine ends with
 * a diagnosis instead of running into it for ever. Where KVM emulates, the access is simply carried
 * out.
 */
static void hidden_for_ever(void **state)
{
	struct machine *m = make_guest(memory_start, memory_end, NULL);
	enum machine_end end;
	char out[64];

	assert_int_equal(guest_ram_hide(machine_ram(m), (gpa_t){HIDDEN_PAGE}, 1), 0);
	end = run_guest(m, "", out, sizeof(out));
	if (end != END_POWEROFF) {
		assert_int_equal(end, END_INTERNAL);
		assert_non_null(strstr(machine_end_text(m), "EFAULT"));
		assert_non_null(strstr(machine_end_text(m), "rip 0x1000200"));
		assert_non_null(strstr(machine_end_text(m), "code 8b 04 25 08 00 00 02"));
	}
	machine_destroy(m);
}

/* ---- console ---- */

/* Enables the receive interrupt and echoes until '.'; lsr is polled. */
GUEST(echo, "mov $0x3f9, %edx\nmov $1, %al\nout %al, %dx\n"
	    "1: mov $0x3fd, %edx\nin %dx, %al\ntest $1, %al\njz 1b\n"
	    "mov $0x3f8, %edx\nin %dx, %al\nout %al, %dx\ncmp $'.', %al\njne 1b\n" POWEROFF);

static void console_echo(void **state)
{
	struct machine *m = make_guest(echo_start, echo_end, NULL);
	char out[64];

	assert_int_equal(run_guest(m, "over\r\n\001x.", out, sizeof(out)), END_POWEROFF);
	assert_string_equal(out, "over\r\n\001x.");
	machine_destroy(m);
}

/* Prints what lies at 2: and then does nothing; the panic must be read off the console. */
GUEST(prints, "lea 2f(%rip), %rsi\nmov $0x3f8, %edx\n"
	      "1: lodsb\ntest %al, %al\njz 3f\nout %al, %dx\njmp 1b\n3: hlt\njmp 3b\n"
	      "2: .ascii \"[    1.0] Kernel panic - not syncing: x\\r\\nmore\\r\\n\"\n"
	      ".ascii \"[    1.1] ---[ end Kernel panic - not syncing: x ]---\\r\\n\"\n.byte 0");

static void console_panic(void **state)
{
	struct machine *m = make_guest(prints_start, prints_end, NULL);
	char out[256];

	assert_int_equal(run_guest(m, "", out, sizeof(out)), END_PANIC);
	assert_non_null(strstr(out, "more\r\n"));
	assert_non_null(strstr(out, "x ]---\r\n"));
	machine_destroy(m);
}

/* ---- what is refused ---- */

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void refused(void **state)
{
	static const struct machine_config base = {
		.cmdline = "", .cpus = 1, .memory = TEST_BYTES, .allow_emulated = true};
	static char long_cmdline[3000];
	struct machine_config c[6] = {base, base, base, base, base, base};
	static const char *const says[] = {"--cpus",   "--cpus", "--memory",
					   "--memory", "initrd", "--append"};
	unsigned before;
	char path[TINY_PATH];

	need_kvm();
	assert_int_equal(tiny_kernel_write(path, power_off_start, 4), 0);
	memset(long_cmdline, 'x', sizeof(long_cmdline) - 1);
	c[0].cpus = 0;
	c[1].cpus = 65;
	c[2].memory = 1 << 20;
	c[3].memory = TEST_BYTES + GUEST_PAGE;
	c[4].initrd = path;
	c[4].initrd_size = TEST_BYTES;
	c[5].cmdline = long_cmdline;
	before = open_files();
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct machine_error err;
		struct machine *m;

		c[i].kernel = path;
		assert_int_equal(machine_create(&c[i], &m, &err), -1);
		assert_true(err.bad_input);
		if (!strstr(err.text, says[i]))
			fail_msg("case %zu says \"%s\"", i, err.text);
	}
	assert_int_equal(open_files(), before);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(hangs),
		cmocka_unit_test(port_values),
		cmocka_unit_test(halts_and_ticks),
		cmocka_unit_test(hidden_and_absent),
		cmocka_unit_test(untouched),
		cmocka_unit_test(hidden_for_ever),
		cmocka_unit_test(console_echo),
		cmocka_unit_test(console_panic),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
