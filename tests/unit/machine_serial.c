// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_serial.c: the UART as Linux's 8250 driver meets it: probing, interrupts, input that
 * arrives before the port is opened; and the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "rtc.h"
#include "serial.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct {
	char out[64];
	size_t out_len;
	bool irq;
	unsigned irq_changes, room;
} host;

static void transmit(void *ctx, uint8_t byte)
{
	assert_true(host.out_len < sizeof(host.out));
	host.out[host.out_len++] = (char)byte;
}

static void irq(void *ctx, bool level)
{
	assert_int_not_equal(level, host.irq); /* only changes are told */
	host.irq = level;
	host.irq_changes++;
}

static void room(void *ctx)
{
	host.room++;
}

static int setup(void **state)
{
	static struct serial s;
	const struct serial_ops ops = {.transmit = transmit, .irq = irq, .room = room};

	memset(&host, 0, sizeof(host));
	serial_init(&s, &ops);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	serial_deinit(*state);
	return 0;
}

static size_t input(struct serial *s, const char *text)
{
	return serial_input(s, (const uint8_t *)text, strlen(text));
}

static void transmits(void **state)
{
	struct serial *s = *state;

	serial_write(s, DATA, 'h');
	serial_write(s, DATA, 'i');
	assert_int_equal(host.out_len, 2);
	assert_memory_equal(host.out, "hi", 2);
	assert_int_equal(serial_read(s, LSR) & 0x60, 0x60);
}

/* The divisor shares the data port. */
static void divisor(void **state)
{
	struct serial *s = *state;

	serial_write(s, LCR, 0x80);
	serial_write(s, DATA, 12);
	serial_write(s, IER, 3);
	assert_int_equal(serial_read(s, DATA), 12);
	assert_int_equal(serial_read(s, IER), 3);
	serial_write(s, LCR, 0x03);
	assert_int_equal(serial_read(s, IER), 0);
	assert_int_equal(host.out_len, 0);
}

/* autoconfig() of drivers/tty/serial/8250: scratch, loop-back, FIFO bits. */
static void probing(void **state)
{
	struct serial *s = *state;

	serial_write(s, SCR, 0xa5);
	assert_int_equal(serial_read(s, SCR), 0xa5);
	serial_write(s, MCR, 0x1a);
	assert_int_equal(serial_read(s, MSR) & 0xf0, 0x90);
	serial_write(s, DATA, 'x');
	assert_int_equal(serial_read(s, LSR) & 1, 1);
	assert_int_equal(serial_read(s, DATA), 'x');
	assert_int_equal(serial_read(s, LSR) & 1, 0);
	assert_int_equal(host.out_len, 0);
	serial_write(s, MCR, 0);
	serial_write(s, IIR, 1);
	assert_int_equal(serial_read(s, IIR) >> 6, 3);
	serial_write(s, IIR, 0);
	assert_int_equal(serial_read(s, IIR), 1);
}

static void transmit_interrupt(void **state)
{
	struct serial *s = *state;

	serial_write(s, MCR, 0x08);
	assert_false(host.irq);
	serial_write(s, IER, 0x02);
	assert_true(host.irq);
	assert_int_equal(serial_read(s, IIR) & 0x0f, 0x02);
	assert_false(host.irq); /* reading it takes it */
	serial_write(s, DATA, 'a');
	assert_true(host.irq);
	serial_write(s, IER, 0);
	assert_false(host.irq);
}

static void no_interrupt_without_out2(void **state)
{
	struct serial *s = *state;

	serial_write(s, IER, 0x03);
	assert_int_equal(input(s, "a"), 1);
	assert_int_equal(host.irq_changes, 0);
}

static void receives(void **state)
{
	struct serial *s = *state;

	serial_write(s, MCR, 0x08);
	serial_write(s, IER, 0x01);
	assert_int_equal(input(s, "ab"), 2);
	assert_true(host.irq);
	assert_int_equal(serial_read(s, IIR) & 0x0f, 0x04);
	assert_int_equal(serial_read(s, DATA), 'a');
	assert_true(host.irq);
	assert_int_equal(serial_read(s, DATA), 'b');
	assert_false(host.irq);
	assert_int_equal(serial_read(s, DATA), 0);
}

/* Input from a pipe is there before the guest's driver: probing and opening must not lose it. */
static void early_input_survives(void **state)
{
	struct serial *s = *state;

	assert_int_equal(input(s, "ls\n"), 3);
	assert_int_equal(serial_read(s, LSR) & 1, 0);
	serial_write(s, IIR, 0x07);
	assert_int_equal(serial_read(s, DATA), 0);
	serial_write(s, MCR, 0x08);
	serial_write(s, IER, 0x01);
	assert_true(host.irq);
	assert_int_equal(serial_read(s, DATA), 'l');
}

/* Its twin: what the guest could see it can throw away. */
static void clears_fifo(void **state)
{
	struct serial *s = *state;

	serial_write(s, IER, 0x01);
	assert_int_equal(input(s, "0123456789abcdefX"), 17);
	serial_write(s, IIR, 0x03);
	assert_int_equal(serial_read(s, DATA), 'X');
}

static void full_queue(void **state)
{
	static uint8_t bytes[SERIAL_QUEUE + 10];
	struct serial *s = *state;

	assert_int_equal(serial_input(s, bytes, sizeof(bytes)), SERIAL_QUEUE);
	assert_int_equal(serial_input(s, bytes, 1), 0);
	serial_write(s, IER, 0x01);
	for (unsigned i = 0; i < SERIAL_QUEUE; i++)
		serial_read(s, DATA);
	assert_int_equal(host.room, 1);
	assert_int_equal(serial_input(s, bytes, 1), 1);
}

static void clock_time(void **state)
{
	static const struct {
		uint8_t index, value;
	} cases[] = {
		{0x00, 0x58}, {0x02, 0x59}, {0x04, 0x23}, {0x06, 0x05}, {0x07, 0x29},
		{0x08, 0x02}, {0x09, 0x24}, {0x32, 0x20}, {0x0b, 0x02}, {0x0d, 0x80},
	};
	const time_t now = 1709251198; /* Thursday 2024-02-29 23:59:58 UTC */
	struct rtc rtc;

	rtc_init(&rtc);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rtc_select(&rtc, cases[i].index | 0x80);
		assert_int_equal(rtc_read(&rtc, now), cases[i].value);
	}
}

static void clock_memory(void **state)
{
	struct rtc rtc;

	rtc_init(&rtc);
	rtc_select(&rtc, 0x40);
	rtc_write(&rtc, 0x5a);
	assert_int_equal(rtc_read(&rtc, 0), 0x5a);
	rtc_select(&rtc, 0x00);
	rtc_write(&rtc, 0x33); /* the time cannot be set */
	assert_int_equal(rtc_read(&rtc, 0), 0);
	rtc_select(&rtc, 0x0b);
	rtc_write(&rtc, 0xff);
	assert_int_equal(rtc_read(&rtc, 0) & 0x76, 0x02); /* 24 hours, decimal, no interrupts */
}

#define UART_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UART_TEST(transmits),
		UART_TEST(divisor),
		UART_TEST(probing),
		UART_TEST(transmit_interrupt),
		UART_TEST(no_interrupt_without_out2),
		UART_TEST(receives),
		UART_TEST(early_input_survives),
		UART_TEST(clears_fifo),
		UART_TEST(full_queue),
		cmocka_unit_test(clock_time),
		cmocka_unit_test(clock_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
