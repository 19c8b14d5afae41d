// SPDX-License-Identifier: GPL-2.0-only
/* qemu_char.c: character devices: who the serial port, the consoles and the monitor speak to. */
#include "qemu_line.h"

#include <stdio.h>
#include <string.h>

static bool stay_here(struct qemu_line *l, struct qemu_chardev *c, enum chardev_kind kind,
		      const char *path)
{
	c->kind = kind;
	c->path = path ? qemu_keep(l, "%s", path) : NULL;
	return !path || c->path;
}

/* kmc-vmm listens, and waits for nobody. */
static bool must_serve(struct qemu_line *l, const struct qemu_opts *o, const char *option)
{
	return qemu_opts_on(o, "server", false) ||
	       qemu_bad(l, "%s: kmc-vmm listens on sockets, it connects to none: add server=on",
			option);
}

/* "unix:PATH,server=on,wait=off" and the like; not chardev:ID. */
static bool legacy(struct qemu_line *l, const char *option, const char *value,
		   struct qemu_chardev *c)
{
	struct qemu_opts o;
	const char *word;
	bool ok;

	ok = qemu_opts_parse(&o, value) || qemu_bad(l, "%s %s: too many parts", option, value);
	word = qemu_opts_word(&o, "");
	if (!strncmp(word, "mon:", 4))
		word += 4;
	if (!ok)
		;
	else if (!strcmp(word, "stdio"))
		ok = stay_here(l, c, CHAR_STDIO, NULL);
	else if (!strcmp(word, "null") || !strcmp(word, "none") || !strcmp(word, "vc"))
		ok = stay_here(l, c, CHAR_NULL, NULL);
	else if (!strncmp(word, "file:", 5))
		ok = stay_here(l, c, CHAR_FILE, word + 5);
	else if (!strncmp(word, "unix:", 5))
		ok = must_serve(l, &o, option) && stay_here(l, c, CHAR_UNIX, word + 5);
	else if (!strncmp(word, "tcp:", 4))
		ok = must_serve(l, &o, option) && stay_here(l, c, CHAR_TCP, word + 4);
	else
		ok = qemu_bad(l, "%s %s: give stdio, null, file:PATH or unix:PATH,server=on",
			      option, value);
	qemu_opts_deinit(&o);
	return ok;
}

static bool socket_chardev(struct qemu_line *l, const struct qemu_opts *o, struct qemu_chardev *c)
{
	const char *path = qemu_opts_get(o, "path"), *host = qemu_opts_get(o, "host");
	const char *port = qemu_opts_get(o, "port");

	if (!must_serve(l, o, "-chardev socket"))
		return false;
	c->kind = path ? CHAR_UNIX : CHAR_TCP;
	if (!path && !port)
		return qemu_bad(l, "-chardev socket: give path=PATH, or host=HOST,port=PORT");
	c->path = path ? qemu_keep(l, "%s", path) : qemu_keep(l, "%s:%s", host ? host : "", port);
	return c->path;
}

static bool chardev_backend(struct qemu_line *l, const struct qemu_opts *o, struct qemu_chardev *c)
{
	const char *backend = qemu_opts_word(o, "backend"), *path = qemu_opts_get(o, "path");
	static const char known[] =
		" id server wait host port path mux signal ipv4 ipv6 nodelay append "
		"logfile logappend nowait noserver to reconnect delay nodelay ";
	const char *unknown = qemu_opts_unknown(o, 1, known);

	if (unknown)
		return qemu_bad(l, "-chardev %s: \"%s\" is not known: leave it out", backend,
				unknown);
	if (!strcmp(backend, "socket"))
		return socket_chardev(l, o, c);
	if (!strcmp(backend, "stdio"))
		return stay_here(l, c, CHAR_STDIO, NULL);
	if (!strcmp(backend, "null") || !strcmp(backend, "vc"))
		return stay_here(l, c, CHAR_NULL, NULL);
	if (!strcmp(backend, "file") && path)
		return stay_here(l, c, CHAR_FILE, path);
	return qemu_bad(l, "-chardev %s: give socket, stdio, null or file with a path", backend);
}

bool qemu_chardev(struct qemu_line *l, const char *value)
{
	struct qemu_chardev *c = &l->chardev[l->chardevs];
	struct qemu_opts o;
	const char *id;
	bool ok;

	if (l->chardevs == QEMU_CHARDEVS)
		return qemu_bad(l, "-chardev %s: that is one too many", value);
	ok = qemu_opts_parse(&o, value);
	id = qemu_opts_get(&o, "id");
	if (!ok || !id)
		ok = qemu_bad(l, "-chardev %s: give an id", value);
	else
		ok = (c->id = qemu_keep(l, "%s", id)) && chardev_backend(l, &o, c);
	l->chardevs += ok;
	qemu_opts_deinit(&o);
	return ok;
}

static const struct qemu_chardev *by_id(struct qemu_line *l, const char *option, const char *id)
{
	for (unsigned i = 0; i < l->chardevs; i++)
		if (!strcmp(l->chardev[i].id, id))
			return &l->chardev[i];
	qemu_bad(l, "%s: there is no -chardev with id=%s", option, id);
	return NULL;
}

/* ---- the serial port and the console ---- */

/* A relative path gets "./": it could read as another word of kmc-vmm's. */
static bool emit_output(struct qemu_line *l, const char *option, const struct qemu_chardev *c)
{
	char *value = NULL;

	switch (c->kind) {
	case CHAR_STDIO:
		value = qemu_keep(l, "stdio");
		break;
	case CHAR_NULL:
		value = qemu_keep(l, "null");
		break;
	case CHAR_FILE:
		value = qemu_keep(l, "%s%s", c->path[0] == '/' ? "" : "./", c->path);
		break;
	case CHAR_UNIX:
		value = qemu_keep(l, "unix:%s", c->path);
		break;
	case CHAR_TCP:
		return qemu_bad(l, "%s: tcp is not possible: give unix:PATH,server=on", option);
	}
	return value && qemu_emit(l, option, value);
}

bool qemu_serial(struct qemu_line *l, const char *value)
{
	bool nothing = !strcmp(value, "none") || !strcmp(value, "null");

	if (!l->serial) {
		l->serial = value;
		return true;
	}
	return nothing ? qemu_ignore(l, "-serial", value)
		       : qemu_bad(l, "-serial %s: there is one serial port: leave this out", value);
}

static bool finish_serial(struct qemu_line *l)
{
	const struct qemu_chardev *c;
	struct qemu_chardev own;

	if (!l->serial)
		return true; /* stdio */
	if (!strncmp(l->serial, "chardev:", 8)) {
		c = by_id(l, "-serial", l->serial + 8);
		return c && emit_output(l, "--serial", c);
	}
	return legacy(l, "-serial", l->serial, &own) && emit_output(l, "--serial", &own);
}

bool qemu_virtconsole(struct qemu_line *l, const char *chardev)
{
	const struct qemu_chardev *c = by_id(l, "-device virtconsole", chardev ? chardev : "");

	if (!c)
		return false;
	if (c->kind == CHAR_STDIO || c->kind == CHAR_NULL)
		return qemu_bad(l, "-device virtconsole: it can be on a file or a unix socket; "
				   "for standard output give -serial stdio and console=ttyS0");
	return emit_output(l, "--console", c);
}

/* ---- the monitor ---- */

static bool emit_qmp(struct qemu_line *l, const char *option, const struct qemu_chardev *c)
{
	char *value;

	if (l->qmp)
		return qemu_bad(l, "%s: there is one QMP socket: leave out the others", option);
	if (c->kind != CHAR_UNIX && c->kind != CHAR_TCP)
		return qemu_bad(l, "%s: QMP can be on a unix or tcp socket with server=on", option);
	l->qmp = true;
	value = qemu_keep(l, "%s:%s", c->kind == CHAR_UNIX ? "unix" : "tcp", c->path);
	return value && qemu_emit(l, "--qmp", value);
}

bool qemu_qmp(struct qemu_line *l, const char *value)
{
	struct qemu_chardev own;

	return legacy(l, "-qmp", value, &own) && emit_qmp(l, "-qmp", &own);
}

bool qemu_mon(struct qemu_line *l, const char *value)
{
	if (l->mons == QEMU_CHARDEVS)
		return qemu_bad(l, "-mon %s: that is one too many", value);
	l->mon[l->mons++] = value;
	return true;
}

/* The monitor for people: only where nobody could miss it. */
bool qemu_monitor(struct qemu_line *l, const char *value)
{
	if (!strcmp(value, "none") || !strcmp(value, "null") || !strcmp(value, "vc"))
		return qemu_ignore(l, "-monitor", value);
	return qemu_bad(l,
			"-monitor %s: there is no monitor for people: give none, and -qmp for "
			"programs",
			value);
}

static bool finish_mon(struct qemu_line *l, const char *value)
{
	const struct qemu_chardev *c = NULL;
	const char *mode = NULL;
	struct qemu_opts o;
	bool ok = false;

	if (!qemu_opts_parse(&o, value)) {
		qemu_bad(l, "-mon %s: too many parts", value);
	} else {
		mode = qemu_opts_get(&o, "mode");
		c = by_id(l, "-mon", qemu_opts_word(&o, "chardev"));
	}
	if (!c)
		;
	else if (mode && !strcmp(mode, "control"))
		ok = emit_qmp(l, "-mon", c);
	else if (c->kind == CHAR_STDIO || c->kind == CHAR_NULL)
		ok = qemu_ignore(l, "-mon", value);
	else
		ok = qemu_monitor(l, value);
	qemu_opts_deinit(&o);
	return ok;
}

bool qemu_finish_char(struct qemu_line *l)
{
	for (unsigned i = 0; i < l->mons; i++)
		if (!finish_mon(l, l->mon[i]))
			return false;
	return finish_serial(l);
}
