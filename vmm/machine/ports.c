// SPDX-License-Identifier: GPL-2.0-only
/*
 * ports.c: the table of devices on I/O ports. The devices with more than a few lines have files of
 * their own (serial.c, rtc.c). The 8259s, the PIT and port 0x61 are in the kernel (KVM).
 */
#include "acpi.h"
#include "internal.h"
#include "ports.h"

#define ALL_ONES(size) ((size) == 4 ? 0xffffffffu : (1u << 8 * (size)) - 1)

#define I8042_OUTPUT_FULL  0x01u
#define I8042_SELF_TEST	   0xaau
#define I8042_SELF_TEST_OK 0x55u
#define I8042_RESET	   0xfeu
#define RESET_NOW	   0x04u
#define PM1_SCI_ENABLED	   0x0001u
#define PM1_SLEEP	   0x2000u
#define PM1_SLEEP_TYPE(v)  ((v) >> 10 & 7u)

/* reg: offset into the device's ports. Each byte of a wider access is one access. */
struct port_device {
	uint16_t first, count;
	uint8_t (*read)(struct machine *m, unsigned reg);
	void (*write)(struct machine *m, unsigned reg, uint8_t value);
};

static uint8_t com1_read(struct machine *m, unsigned reg)
{
	return serial_read(&m->serial, reg);
}

static void com1_write(struct machine *m, unsigned reg, uint8_t value)
{
	serial_write(&m->serial, reg, value);
}

static uint8_t clock_read(struct machine *m, unsigned reg)
{
	uint8_t value;

	if (reg == 0)
		return 0xff;
	pthread_mutex_lock(&m->ports_lock);
	value = rtc_read(&m->rtc, time(NULL));
	pthread_mutex_unlock(&m->ports_lock);
	return value;
}

static void clock_write(struct machine *m, unsigned reg, uint8_t value)
{
	pthread_mutex_lock(&m->ports_lock);
	if (reg == 0)
		rtc_select(&m->rtc, value);
	else
		rtc_write(&m->rtc, value);
	pthread_mutex_unlock(&m->ports_lock);
}

/* A keyboard controller without keyboard: self test and CPU reset. */
static uint8_t i8042_data_read(struct machine *m, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&m->ports_lock);
	value = m->i8042_full ? m->i8042_reply : 0;
	m->i8042_full = false;
	pthread_mutex_unlock(&m->ports_lock);
	return value;
}

static uint8_t i8042_status_read(struct machine *m, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&m->ports_lock);
	value = m->i8042_full ? I8042_OUTPUT_FULL : 0;
	pthread_mutex_unlock(&m->ports_lock);
	return value;
}

static void i8042_command_write(struct machine *m, unsigned reg, uint8_t value)
{
	if (value == I8042_RESET) {
		machine_guest_reset(m);
	} else if (value == I8042_SELF_TEST) {
		pthread_mutex_lock(&m->ports_lock);
		m->i8042_reply = I8042_SELF_TEST_OK;
		m->i8042_full = true;
		pthread_mutex_unlock(&m->ports_lock);
	}
}

static uint8_t pvpanic_read(struct machine *m, unsigned reg)
{
	return PANIC_EVENTS; /* that it understands */
}

static void pvpanic_write(struct machine *m, unsigned reg, uint8_t value)
{
	machine_guest_panics(m, value);
}

/* Bytes 0 and 1: status, nothing ever happens; 2 and 3: enable. */
static uint8_t pm1_event_read(struct machine *m, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&m->ports_lock);
	value = reg < 2 ? 0 : (uint8_t)(m->pm1_enable >> 8 * (reg - 2));
	pthread_mutex_unlock(&m->ports_lock);
	return value;
}

static void set_byte(uint16_t *word, unsigned byte, uint8_t value)
{
	*word = (uint16_t)((*word & ~(0xffu << 8 * byte)) | (unsigned)value << 8 * byte);
}

static void pm1_event_write(struct machine *m, unsigned reg, uint8_t value)
{
	pthread_mutex_lock(&m->ports_lock);
	if (reg >= 2)
		set_byte(&m->pm1_enable, reg - 2, value);
	pthread_mutex_unlock(&m->ports_lock);
}

static uint8_t pm1_control_read(struct machine *m, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&m->ports_lock);
	value = (uint8_t)((m->pm1_control | PM1_SCI_ENABLED) >> 8 * reg);
	pthread_mutex_unlock(&m->ports_lock);
	return value;
}

static void pm1_control_write(struct machine *m, unsigned reg, uint8_t value)
{
	uint16_t v;

	pthread_mutex_lock(&m->ports_lock);
	set_byte(&m->pm1_control, reg, value);
	v = m->pm1_control;
	m->pm1_control &= (uint16_t)~PM1_SLEEP;
	pthread_mutex_unlock(&m->ports_lock);
	if ((v & PM1_SLEEP) && PM1_SLEEP_TYPE(v) == ACPI_S5_TYPE)
		machine_stop(m, END_POWEROFF, "the guest powered off");
}

static uint8_t reset_read(struct machine *m, unsigned reg)
{
	return 0;
}

static void reset_write(struct machine *m, unsigned reg, uint8_t value)
{
	if (value & RESET_NOW)
		machine_guest_reset(m);
}

static uint8_t post_read(struct machine *m, unsigned reg)
{
	return 0xff;
}

static void post_write(struct machine *m, unsigned reg, uint8_t value)
{
}

/*
 * What is not here reads as all ones, and PCI configuration (0xcf8) where there are no devices: that
 * tells the kernel at once that there is none. POST codes are here because the kernel writes them as a delay.
 */
static const struct port_device devices[] = {
	{PORT_COM1, 8, com1_read, com1_write},
	{PORT_POST, 1, post_read, post_write},
	{PORT_RTC, 2, clock_read, clock_write},
	{PORT_I8042_STATUS, 1, i8042_status_read, i8042_command_write},
	{PORT_I8042_DATA, 1, i8042_data_read, post_write},
	{PORT_PM1A_EVT, 4, pm1_event_read, pm1_event_write},
	{PORT_PM1A_CNT, 2, pm1_control_read, pm1_control_write},
	{PORT_RESET, 1, reset_read, reset_write},
	{PORT_PVPANIC, 1, pvpanic_read, pvpanic_write},
};

static const struct port_device *find_device(uint16_t port)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (port >= devices[i].first && port - devices[i].first < devices[i].count)
			return &devices[i];
	return NULL;
}

/* PCI's address register spans the reset port; only a byte access is for the latter. */
static bool absent(uint16_t port, unsigned size)
{
	return size > 1 && port <= PORT_RESET && port + size > PORT_RESET;
}

static uint8_t byte_access(struct machine *m, uint16_t port, bool write, uint8_t value)
{
	const struct port_device *d = find_device(port);

	if (!d)
		return 0xff;
	if (!write)
		return d->read(m, port - d->first);
	d->write(m, port - d->first, value);
	return value;
}

void ports_access(struct vcpu *vcpu, uint16_t port, bool write, unsigned size, uint32_t *value)
{
	struct machine *m = vcpu->machine;
	uint32_t result = 0;

	if (m->hooks.port && port == m->hooks.port_number) {
		enum hook_result r = size == 4 ? m->hooks.port(m->hooks.ctx, vcpu, write, value) : HOOK_PASS;

		((struct vcpu_thread *)vcpu)->behind = r == HOOK_BEHIND;
		if (r != HOOK_PASS)
			return;
		if (!write)
			*value = ALL_ONES(size);
		return;
	}
	if (m->devices && devices_port(m->devices, port, write, size, value))
		return;
	if (absent(port, size)) {
		if (!write)
			*value = ALL_ONES(size);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		result |= (uint32_t)byte_access(m, (uint16_t)(port + i), write,
						(uint8_t)(*value >> 8 * i))
			  << 8 * i;
	if (!write)
		*value = result;
}
