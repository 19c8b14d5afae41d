// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_client.c: drives a running kmc-vmm through its report socket, for tests/lab/control,
 * which says how it was started. Each step prints one line; the first that goes wrong ends it
 * with 1.
 *
 * Usage: control_client SOCKET RELEASE CONSOLE      CONSOLE: where the guest's console is written
 */
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS	 60000 /* nothing takes longer, a boot included */
#define PAUSE_S	 4     /* tests/lab/control looks for it in the guest's clock */
#define TRIES_MS 20
#define TIMES	 3

struct client {
	int fd;
	size_t have;
	char buf[1 << 20];
};

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
	va_list ap;

	printf("FAIL: ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static void expect(bool ok, const char *what, const json_t *got)
{
	if (!ok)
		fail("%s: got %s", what, got ? json_dumps(got, JSON_COMPACT) : "nothing");
	printf("ok: %s\n", what);
}

/* ---- the stream ---- */

static struct client *client_open(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct client *c = calloc(1, sizeof(*c));

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	for (int ms = 0; connect(c->fd, (struct sockaddr *)&a, sizeof(a)); ms += TRIES_MS) {
		if (ms > WAIT_MS)
			fail("nobody serves %s", path);
		usleep(TRIES_MS * 1000);
	}
	return c;
}

static void client_close(struct client *c)
{
	close(c->fd);
	free(c);
}

static json_t *next(struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	json_t *j;
	char *end;

	while (!(end = memchr(c->buf, '\n', c->have))) {
		ssize_t n;

		if (poll(&p, 1, WAIT_MS) != 1)
			fail("nothing came for %d s", WAIT_MS / 1000);
		n = read(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);
		if (n <= 0)
			return NULL;
		c->have += (size_t)n;
	}
	j = json_loadb(c->buf, (size_t)(end - c->buf), 0, NULL);
	if (!j)
		fail("no JSON: %.*s", (int)(end - c->buf), c->buf);
	c->have -= (size_t)(end + 1 - c->buf);
	memmove(c->buf, end + 1, c->have);
	return j;
}

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* The next record of a type; reports that come before it are counted. */
static json_int_t reports;

static json_t *next_of(struct client *c, const char *type)
{
	json_t *j;

	for (j = next(c); j && strcmp(text(j, "type"), type); j = next(c)) {
		reports += !strcmp(text(j, "type"), "report");
		if (!strcmp(text(j, "type"), "lost"))
			fail("a record was lost");
		json_decref(j);
	}
	if (!j)
		fail("the stream ended before a record of type %s", type);
	reports += !strcmp(type, "report");
	return j;
}

static json_t *ask(struct client *c, const char *line)
{
	static int id;
	json_t *j = json_loads(line, 0, NULL), *answer;
	char *out;

	json_object_set_new(j, "id", json_integer(++id));
	out = json_dumps(j, JSON_COMPACT);
	if (write(c->fd, out, strlen(out)) < 0 || write(c->fd, "\n", 1) != 1)
		fail("cannot send %s", line);
	answer = next_of(c, "reply");
	if (number(answer, "id") != id)
		fail("the answer to %s has another id", line);
	free(out);
	json_decref(j);
	return answer;
}

static json_t *ask_ok(struct client *c, const char *line)
{
	json_t *answer = ask(c, line);

	expect(json_is_true(json_object_get(answer, "ok")), line, answer);
	return answer;
}

static void ask_bad(struct client *c, const char *line, const char *error)
{
	json_t *answer = ask(c, line);

	expect(json_is_false(json_object_get(answer, "ok")) && strstr(text(answer, "error"), error),
	       line, answer);
	json_decref(answer);
}

/* ---- the steps ---- */

static void check_hello(struct client *c, const char *release)
{
	json_t *hello = next(c);

	expect(hello && !strcmp(text(hello, "type"), "hello") &&
		       !strcmp(text(hello, "vm"), "lab") &&
		       !strcmp(text(hello, "release"), release) && *text(hello, "version") &&
		       number(hello, "history") == 0,
	       "hello", hello);
	json_decref(hello);
}

static void check_help(struct client *c)
{
	static const char *const names[] = {"help",    "stats", "checks", "one-shot", "suppress",
					    "objects", "read",	"leaks",  "pause",    "resume",
					    "track",   "quit"};
	json_t *answer = ask_ok(c, "{\"cmd\":\"help\"}"), *list, *one;
	size_t found = 0, i;

	list = json_object_get(answer, "commands");
	for (i = 0; (one = json_array_get(list, i)); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			found += !strcmp(text(one, "name"), names[k]) && *text(one, "help");
	expect(found == sizeof(names) / sizeof(names[0]), "help lists them all", answer);
	json_decref(answer);
}

/* Two heartbeats tell of the same state, and whether anything happened between them. */
static void check_heartbeats(struct client *c, const char *state, bool moves)
{
	json_t *a = next_of(c, "heartbeat"), *b;
	bool moved;

	while (strcmp(text(a, "state"), state)) { /* one may have been on its way */
		json_decref(a);
		a = next_of(c, "heartbeat");
	}
	b = next_of(c, "heartbeat");
	moved = number(a, "violations") != number(b, "violations");
	expect(!strcmp(text(b, "state"), state) && moved == moves && number(b, "interval") == 1 &&
		       number(b, "tracked_pages") > 0,
	       moves ? "heartbeat, running" : "heartbeat, standing still", b);
	json_decref(a);
	json_decref(b);
}

/* What the report shows is what is there: the guest stands at the access. */
static void check_memory(struct client *c, const json_t *report)
{
	const json_t *map = json_object_get(report, "map"),
		     *access = json_object_get(report, "access"),
		     *object = json_object_get(report, "object");
	char line[256];
	json_t *answer, *list, *one;
	bool found = false;
	size_t i;

	snprintf(line, sizeof(line), "{\"cmd\":\"read\",\"addr\":\"%s\",\"len\":64}",
		 text(map, "addr"));
	answer = ask_ok(c, line);
	expect(!strcmp(text(answer, "bytes"), text(map, "bytes")) &&
		       !strcmp(text(answer, "states"), text(map, "states")) &&
		       !strcmp(text(answer, "vbits"), text(map, "vbits")),
	       "the bytes are those of the report", answer);
	json_decref(answer);
	snprintf(line, sizeof(line),
		 "{\"cmd\":\"read\",\"addr\":\"%s\",\"physical\":true,\"len\":4096}",
		 text(access, "gpa"));
	answer = ask_ok(c, line);
	expect(number(answer, "len") == 4096 && strlen(text(answer, "bytes")) == 8192 &&
		       strlen(text(answer, "states")) == 4096,
	       "a page's worth at a physical address", answer);
	json_decref(answer);
	snprintf(line, sizeof(line), "{\"cmd\":\"objects\",\"cache\":\"%s\",\"limit\":1000}",
		 text(object, "cache"));
	answer = ask_ok(c, line);
	list = json_object_get(answer, "objects");
	for (i = 0; (one = json_array_get(list, i)); i++) {
		json_t *allocated = json_object_get(one, "allocated");

		if (strcmp(text(one, "addr"), text(object, "addr")))
			continue;
		found = number(one, "size") == number(object, "size") && *text(allocated, "comm") &&
			json_array_size(json_object_get(allocated, "frames"));
	}
	expect(found, "the object of the report is among the live ones", NULL);
	expect(number(answer, "total") >= (json_int_t)i, "and they are counted", NULL);
	json_decref(answer);
}

static void check_mistakes(struct client *c)
{
	ask_bad(c, "{\"cmd\":\"read\",\"addr\":\"0x10\"}", "not mapped");
	ask_bad(c, "{\"cmd\":\"read\",\"addr\":\"0xfffffffffffff000\",\"physical\":true}",
		"no memory");
	ask_bad(c, "{\"cmd\":\"read\",\"addr\":16}", "\"addr\"");
	ask_bad(c, "{\"cmd\":\"read\",\"addr\":\"0x10\",\"len\":4097}", "1 to 4096");
	ask_bad(c, "{\"cmd\":\"objects\"}", "\"cache\"");
	ask_bad(c, "{\"cmd\":\"objects\",\"cache\":\"*\",\"limit\":0}", "1 to 1000");
	ask_bad(c, "{\"cmd\":\"checks\",\"class\":\"oob\"}", "\"on\"");
	ask_bad(c, "{\"cmd\":\"checks\",\"class\":\"none\",\"on\":true}", "\"class\"");
	ask_bad(c, "{\"cmd\":\"checks\",\"class\":\"oob\",\"cache\":\"x\",\"on\":true}", "is off");
	ask_bad(c, "{\"cmd\":\"suppress\"}", "everything");
	ask_bad(c, "{\"cmd\":\"track\",\"mode\":\"some\"}", "full, budget");
	ask_bad(c, "{\"cmd\":\"track\",\"mode\":1}", "\"mode\"");
	ask_bad(c, "{\"cmd\":\"track\",\"clear\":1}", "\"clear\"");
	ask_bad(c, "{\"cmd\":\"track\",\"rule\":{\"rate\":0}}", "1 to 100");
	ask_bad(c, "{\"cmd\":\"track\",\"rule\":7}", "an object");
	ask_bad(c, "{\"cmd\":\"reboot\"}", "help");
	ask_bad(c, "{\"cmd\":\"pause\",\"when\":\"now\"}", "no argument");
}

static bool has(const json_t *list, const char *word)
{
	const json_t *one;

	for (size_t i = 0; (one = json_array_get(list, i)); i++)
		if (!strcmp(json_string_value(one), word))
			return true;
	return false;
}

/* Out-of-bounds accesses are off, and one cache; a function is suppressed. */
static void change_what_is_reported(struct client *c)
{
	json_t *j = ask_ok(c, "{\"cmd\":\"checks\",\"class\":\"slab-out-of-bounds\",\"on\":false}");

	expect(!has(json_object_get(j, "checks"), "oob") &&
		       has(json_object_get(j, "checks"), "uaf"),
	       "one class is off", j);
	json_decref(j);
	json_decref(ask_ok(
		c, "{\"cmd\":\"checks\",\"class\":\"all\",\"cache\":\"kmc_l*\",\"on\":false}"));
	json_decref(ask_ok(
		c, "{\"cmd\":\"checks\",\"class\":\"free\",\"cache\":\"kmc_*\",\"on\":false}"));
	j = ask_ok(c, "{\"cmd\":\"checks\",\"class\":\"free\",\"cache\":\"kmc_*\",\"on\":true}");
	expect(json_array_size(json_object_get(j, "off")) == 1, "one cache is off", j);
	json_decref(j);
	json_decref(ask_ok(c, "{\"cmd\":\"one-shot\",\"on\":true}"));
	j = ask_ok(c, "{\"cmd\":\"suppress\",\"class\":\"slab-*\",\"function\":\"bug_uaf_write_*\","
		      "\"module\":\"kmc_bugs\"}");
	expect(number(j, "suppressions") == 1, "one suppression", j);
	json_decref(j);
}

/*
 * The module has seven bugs. The first was there before; two are out of bounds, one is in the cache
 * that is off, one is suppressed. Each report pauses the VM.
 */
static void expect_reports(struct client *c)
{
	static const char *const verdicts[] = {"uaf-read", "invalid-free"};
	json_t *j;

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		json_decref(ask_ok(c, "{\"cmd\":\"resume\"}"));
		j = next_of(c, "report");
		expect(!strcmp(text(j, "verdict"), verdicts[i]), verdicts[i], j);
		json_decref(j);
	}
	json_decref(ask_ok(c, "{\"cmd\":\"resume\"}"));
}

static void check_stats(struct client *c)
{
	json_t *j = ask_ok(c, "{\"cmd\":\"stats\"}"), *s = json_object_get(j, "stats");

	expect(number(s, "reports") == reports && number(s, "suppressed") == 1 &&
		       number(s, "violations") > 0 && !strcmp(text(s, "end"), "running"),
	       "the counters are right", j);
	json_decref(j);
}

static void check_late_reader(const char *path)
{
	struct client *late = client_open(path);
	json_t *hello = next(late), *j;

	expect(number(hello, "history") == reports, "the hello of a late reader", hello);
	for (json_int_t seq = 1; seq <= reports; seq++) {
		j = next(late);
		expect(!strcmp(text(j, "type"), "report") && number(j, "seq") == seq,
		       "it gets what was reported before", NULL);
		json_decref(j);
	}
	json_decref(hello);
	client_close(late);
}

/* Lines in which the guest has told its time. */
static int times_told(const char *console)
{
	FILE *f = fopen(console, "r");
	char line[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !strncmp(line, "uptime ", 7);
	if (f)
		fclose(f);
	return n;
}

/* So that tests/lab/control has times from before and from behind a pause. */
static void wait_for_times(const char *console)
{
	int told = times_told(console), n = told;

	for (int ms = 0; n < told + TIMES; ms += 100) {
		if (ms > WAIT_MS)
			fail("the guest does not tell its time");
		usleep(100000);
		n = times_told(console);
	}
	printf("ok: the guest tells its time\n");
}

/* leak_chain of kmc_bugs.ko: objects, each with two that hang on it, in some seconds old enough. */
static void check_leaks(struct client *c)
{
	json_t *j = NULL;

	for (int s = 0; s < WAIT_MS / 1000; s++) {
		json_decref(j);
		j = ask_ok(c, "{\"cmd\":\"leaks\"}");
		if (number(j, "lost_objects") > 2)
			break;
		sleep(1);
	}
	expect(number(j, "lost_objects") > 2 && number(j, "lost_objects") <= 24 &&
		       number(j, "objects") > 24,
	       "a leak", j);
	json_decref(j);
	j = ask_ok(c, "{\"cmd\":\"leaks\"}");
	expect(number(j, "lost_objects") > 2 && number(j, "reports") == 0, "it is told once", j);
	json_decref(j);
}

static void pause_resume_quit(struct client *c, const char *console)
{
	json_t *j;

	wait_for_times(console);

	check_heartbeats(c, "running", true);
	j = ask_ok(c, "{\"cmd\":\"pause\"}");
	expect(!strcmp(text(j, "state"), "paused"), "paused", j);
	json_decref(j);
	check_heartbeats(c, "paused", false);
	sleep(PAUSE_S);
	json_decref(ask_ok(c, "{\"cmd\":\"resume\"}"));
	wait_for_times(console);
	json_decref(ask_ok(c, "{\"cmd\":\"pause\"}"));
	json_decref(ask_ok(c, "{\"cmd\":\"quit\"}"));
	j = next_of(c, "exit");
	expect(!strcmp(text(j, "end"), "stopped") && number(j, "status") == 39 &&
		       number(j, "reports") == reports,
	       "exit", j);
	json_decref(j);
	expect(!next(c), "and that was the last record", NULL);
}

int main(int argc, char **argv)
{
	struct client *c;
	json_t *report;

	if (argc != 4)
		fail("usage: control_client SOCKET RELEASE CONSOLE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	c = client_open(argv[1]);
	check_hello(c, argv[2]);
	check_help(c);
	report = next_of(c, "report");
	expect(!strcmp(text(report, "verdict"), "uninit"), "the first report", report);
	json_decref(ask_ok(c, "{\"cmd\":\"pause\"}")); /* it is: waits until all stand still */
	check_heartbeats(c, "paused", false);
	check_memory(c, report);
	check_mistakes(c);
	change_what_is_reported(c);
	expect_reports(c);
	check_stats(c);
	check_late_reader(argv[1]);
	check_leaks(c);
	pause_resume_quit(c, argv[3]);
	json_decref(report);
	client_close(c);
	return 0;
}
