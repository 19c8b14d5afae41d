// SPDX-License-Identifier: GPL-2.0-only
/*
 * serial.c: the 16550A's registers. Source: National Semiconductor PC16550D data sheet, 1995.
 * Line speed, parity and modem signals are remembered and mean nothing.
 */
#include <string.h>
#include "serial.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX	  0x01u
#define IER_TX	  0x02u
#define IIR_NONE  0x01u
#define IIR_TX	  0x02u
#define IIR_RX	  0x04u
#define IIR_FIFO  0xc0u
#define FCR_ON	  0x01u
#define FCR_CLEAR 0x02u
#define LCR_DLAB  0x80u
#define MCR_OUT2  0x08u /* gates the interrupt line on a PC */
#define MCR_LOOP  0x10u
#define LSR_READY 0x01u
#define LSR_EMPTY 0x60u
#define MSR_LINES 0xb0u /* carrier, data set ready, clear to send */
#define FIFO_SIZE 16u

void serial_init(struct serial *s, const struct serial_ops *ops)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->ops = *ops;
	s->dll = 1;
}

void serial_deinit(struct serial *s)
{
	pthread_mutex_destroy(&s->lock);
}

static bool looped(const struct serial *s)
{
	return s->mcr & MCR_LOOP;
}

static bool rx_ready(const struct serial *s)
{
	if (looped(s))
		return s->loop_ready;
	return (s->ier & IER_RX) && s->head != s->tail;
}

static uint8_t pending(const struct serial *s)
{
	if ((s->ier & IER_RX) && rx_ready(s))
		return IIR_RX;
	if ((s->ier & IER_TX) && s->thr_pending)
		return IIR_TX;
	return IIR_NONE;
}

static void update_irq(struct serial *s)
{
	bool level = pending(s) != IIR_NONE && (s->mcr & MCR_OUT2) && !looped(s);

	if (level != s->irq_level) {
		s->irq_level = level;
		s->ops.irq(s->ops.ctx, level);
	}
}

static uint8_t receive(struct serial *s)
{
	if (!rx_ready(s))
		return 0;
	if (looped(s)) {
		s->loop_ready = false;
		return s->loop_byte;
	}
	return s->queue[s->tail++ % SERIAL_QUEUE];
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t iir = pending(s);

	if (iir == IIR_TX)
		s->thr_pending = false;
	return iir | (s->fcr & FCR_ON ? IIR_FIFO : 0);
}

static uint8_t read_msr(const struct serial *s)
{
	if (!looped(s))
		return MSR_LINES;
	/* The four modem outputs come back on the four inputs, in this order. */
	return (uint8_t)((s->mcr & 0x02u) << 3 | (s->mcr & 0x01u) << 5 | (s->mcr & 0x0cu) << 4);
}

static uint8_t read_locked(struct serial *s, unsigned reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? s->dll : receive(s);
	case REG_IER:
		return dlab ? s->dlm : s->ier;
	case REG_IIR_FCR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return LSR_EMPTY | (rx_ready(s) ? LSR_READY : 0);
	case REG_MSR:
		return read_msr(s);
	case REG_SCR:
		return s->scr;
	default:
		return 0xff;
	}
}

uint8_t serial_read(struct serial *s, unsigned reg)
{
	uint8_t value;
	bool room;

	pthread_mutex_lock(&s->lock);
	value = read_locked(s, reg);
	update_irq(s);
	room = s->full && s->head - s->tail <= SERIAL_QUEUE / 2;
	if (room)
		s->full = false;
	pthread_mutex_unlock(&s->lock);
	if (room)
		s->ops.room(s->ops.ctx);
	return value;
}

static void write_fcr(struct serial *s, uint8_t value)
{
	s->fcr = value;
	/* Only what a real FIFO could hold, and only what the guest could see, is thrown away. */
	if ((value & FCR_CLEAR) && !looped(s))
		for (unsigned i = 0; i < FIFO_SIZE && rx_ready(s); i++)
			s->tail++;
	if (value & FCR_CLEAR)
		s->loop_ready = false;
}

static void write_ier(struct serial *s, uint8_t value)
{
	if ((value & IER_TX) && !(s->ier & IER_TX))
		s->thr_pending = true;
	s->ier = value & 0x0f;
}

/* Returns true where the byte goes out to the host. */
static bool write_data(struct serial *s, uint8_t value)
{
	s->thr_pending = true;
	if (!looped(s))
		return true;
	s->loop_byte = value;
	s->loop_ready = true;
	return false;
}

static bool write_locked(struct serial *s, unsigned reg, uint8_t value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (!dlab)
			return write_data(s, value);
		s->dll = value;
		break;
	case REG_IER:
		if (dlab)
			s->dlm = value;
		else
			write_ier(s, value);
		break;
	case REG_IIR_FCR:
		write_fcr(s, value);
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & 0x1f;
		break;
	case REG_SCR:
		s->scr = value;
		break;
	}
	return false;
}

void serial_write(struct serial *s, unsigned reg, uint8_t value)
{
	bool out;

	pthread_mutex_lock(&s->lock);
	out = write_locked(s, reg, value);
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
	if (out)
		s->ops.transmit(s->ops.ctx, value);
}

size_t serial_input(struct serial *s, const uint8_t *bytes, size_t len)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	for (n = 0; n < len && s->head - s->tail < SERIAL_QUEUE; n++)
		s->queue[s->head++ % SERIAL_QUEUE] = bytes[n];
	if (n < len)
		s->full = true;
	update_irq(s);
	pthread_mutex_unlock(&s->lock);
	return n;
}
