/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_client.h: a reader of the report socket and a place for its files, for the tests of
 * vmm/report/sink*.c. A failure ends the test.
 */
#ifndef KMC_SINK_CLIENT_H
#define KMC_SINK_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sink.h"

#define READ_MS 10000 /* longer than that nothing takes */

/* A folder below /tmp, for cmocka's setup and teardown; *state is this. */
struct place {
	char dir[32], socket[64], log[64];
};
int place_setup(void **state);
int place_teardown(void **state);

struct sink *sink_start(const struct sink_config *config); /* sink_create() succeeds */

struct client {
	int fd;
	size_t have;
	char buf[1 << 20]; /* more than any line */
};

int client_socket(int fd, const char *path); /* connect() */
struct client *client_connect(const char *path);
/* The same behind a hello of the VM "vm-1": from then on every record is meant for this reader. */
struct client *client_open(const char *path);
void client_close(struct client *c);
void client_send(struct client *c, const char *text, size_t len);
/* One line as JSON; NULL at the end of the stream. The caller's. */
json_t *client_next(struct client *c);

const char *json_text(const json_t *j, const char *key);
json_int_t json_number(const json_t *j, const char *key);
bool is_type(const json_t *j, const char *type);

int64_t test_ms(void); /* CLOCK_MONOTONIC */

#endif
