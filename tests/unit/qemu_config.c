// SPDX-License-Identifier: GPL-2.0-only
/*
 * qemu_config.c: configs/syz-manager.cfg is JSON, and what syz-manager starts with it
 * (vm/qemu/qemu.go) is taken. KMC_SOURCE_DIR is the top of the source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "qemu_argv.h"
#include "qemu_line_test.h"

static char line[4096];

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
	size_t at = strlen(line);
	va_list args;

	va_start(args, format);
	assert_true(vsnprintf(line + at, sizeof(line) - at, format, args) <
		    (int)(sizeof(line) - at));
	va_end(args);
}

static const char *text(const json_t *config, const char *name)
{
	const char *value = json_string_value(json_object_get(config, name));

	if (!value)
		fail_msg("no \"%s\"", name);
	return value;
}

static int number(const json_t *config, const char *name)
{
	assert_true(json_integer_value(json_object_get(config, name)) > 0);
	return (int)json_integer_value(json_object_get(config, name));
}

/* "{{INDEX}}" is the VM's number. */
static void add_args(const char *args)
{
	static const char index[] = "{{INDEX}}";
	const char *mark;

	for (; (mark = strstr(args, index)); args = mark + sizeof(index) - 1)
		add("%.*s0", (int)(mark - args), args);
	add("%s ", args);
}

static void build_line(const json_t *config)
{
	const json_t *vm = json_object_get(config, "vm");
	const char *image = text(vm, "image_device");

	line[0] = '\0';
	add("%s -m %d -smp %d ", text(vm, "qemu"), number(vm, "mem"), number(vm, "cpu"));
	add("-chardev socket,id=SOCKSYZ,server=on,wait=off,host=localhost,port=1 "
	    "-mon chardev=SOCKSYZ,mode=control -display none -serial stdio -no-reboot -name VM-0 "
	    "-device virtio-rng-pci ");
	add_args(text(vm, "qemu_args"));
	add("-device %s,netdev=net0 ", text(vm, "network_device"));
	add("-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:2-:22 ");
	/* Joined where it ends in "file=". */
	add("-%s%s%s ", image, strstr(image, "file=") ? "" : " ", text(config, "image"));
	add("-snapshot -kernel %s ", text(vm, "kernel"));
	add("-append 'root=/dev/sda console=ttyS0 %s'", text(vm, "cmdline"));
}

static bool has(const struct qemu_argv *out, const char *option, const char *value)
{
	for (int i = 1; i + 1 < out->argc; i++)
		if (!strcmp(out->argv[i], option) && !strcmp(out->argv[i + 1], value))
			return true;
	return false;
}

static void test_example(void **state)
{
	json_t *config = json_load_file(KMC_SOURCE_DIR "/configs/syz-manager.cfg",
					JSON_REJECT_DUPLICATES, NULL);
	char *words[LINE_WORDS], problem[512];
	struct qemu_argv out;

	assert_non_null(config);
	assert_string_equal(text(config, "type"), "qemu");
	build_line(config);
	json_decref(config);
	if (qemu_translate(cut_line(line, words), words, "1", &out, problem, sizeof(problem)) !=
	    QEMU_RUN)
		fail_msg("%s", problem);
	assert_true(qemu_name(words[0]));
	assert_true(has(&out, "--disk", "/srv/image/bookworm.img"));
	assert_true(has(&out, "--track", "budget"));
	assert_true(has(&out, "--report-log", "/srv/syzkaller/workdir/kmc-0.jsonl"));
	/* The image is the first virtio disk, and the last root= wins. */
	assert_true(
		has(&out, "--append", "root=/dev/sda console=ttyS0 root=/dev/vda net.ifnames=0"));
	qemu_argv_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_example)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
