/* SPDX-License-Identifier: GPL-2.0-only */
/* qmp_internal.h: what the files of vmm/qmp/ share. All of it belongs to the thread that serves. */
#ifndef KMC_QMP_INTERNAL_H
#define KMC_QMP_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include "local_socket.h"
#include "qmp.h"
#include "qmp_split.h"

#define QMP_CLIENTS 8u
#define QMP_WAITING (1u << 20) /* bytes that wait for one client */

struct qmp_client {
	int fd;		 /* -1: free */
	bool negotiated; /* qmp_capabilities was there */
	bool closing;	 /* nothing more is read; goes when all is sent */
	struct qmp_split in;
	char *out; /* [sent, len) waits */
	size_t sent, len, size;
};

struct qmp {
	struct machine *machine;
	const char *name, *version;
	struct local_socket socket; /* of unix: */
	int listen_fd, wake_fd;
	pthread_t thread;
	bool running; /* the thread is there; of who starts and finishes */
	atomic_bool stop;
	/* After stop was set: how it ended. */
	enum machine_end end;
	bool quit;	       /* a client asked for it */
	bool paused, panicked; /* what the clients were told */
	struct qmp_client client[QMP_CLIENTS];
};

/* qmp_client.c. Drops the client where it does not read. */
void client_open(struct qmp *q, int fd);
void client_close(struct qmp_client *c);
void client_send(struct qmp_client *c, json_t *message); /* takes message */
void client_write(struct qmp_client *c);		 /* what fits; closes it at an error */
void client_read(struct qmp *q, struct qmp_client *c);

/* qmp_commands.c: the answer to one object, a new reference. */
json_t *qmp_execute(struct qmp *q, struct qmp_client *c, const char *text, size_t len);
json_t *qmp_greeting(const struct qmp *q);
json_t *qmp_error(const char *class, const char *description);

/* qmp_events.c: tells all clients what has happened since it was last called. */
void qmp_look(struct qmp *q);
void qmp_tell_end(struct qmp *q);

/* qmp_registers.c: of n vCPUs, as QEMU's monitor shows them. malloc'd; NULL, with one line in err.
 */
char *qmp_registers(struct qmp *q, unsigned cpu, unsigned n, char *err, size_t errlen);

#endif
