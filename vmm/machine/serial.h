/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serial.h: a 16550A UART. Transmits at once, receives from a queue.
 *
 * Input waits in the queue, unseen by the guest, until the guest enables the receive interrupt: a
 * driver that clears the FIFO while it probes or opens the port loses nothing. Polling for input
 * with that interrupt off is not supported. Internally locked: any thread.
 */
#ifndef KMC_SERIAL_H
#define KMC_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_QUEUE 4096u /* bytes of input that can wait, a power of two */

struct serial_ops {
	void *ctx;
	void (*transmit)(void *ctx, uint8_t byte); /* without the lock: may block */
	void (*irq)(void *ctx, bool level);	   /* with the lock: calls are in order */
	void (*room)(void *ctx); /* the queue was full and has room now; without the lock */
};

struct serial {
	pthread_mutex_t lock;
	struct serial_ops ops;
	uint8_t ier, lcr, mcr, fcr, scr, dll, dlm;
	bool thr_pending; /* transmitter-empty interrupt not yet taken */
	bool irq_level;
	bool full;	   /* serial_input() had to turn bytes away */
	size_t head, tail; /* of queue, free-running */
	uint8_t queue[SERIAL_QUEUE];
	bool loop_ready; /* loop-back mode: a byte is waiting */
	uint8_t loop_byte;
};

void serial_init(struct serial *s, const struct serial_ops *ops);
void serial_deinit(struct serial *s);

uint8_t serial_read(struct serial *s, unsigned reg); /* reg: 0..7 */
void serial_write(struct serial *s, unsigned reg, uint8_t value);

/* Queues bytes from the host; returns how many were taken. */
size_t serial_input(struct serial *s, const uint8_t *bytes, size_t len);

#endif
