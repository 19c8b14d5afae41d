// SPDX-License-Identifier: GPL-2.0-only
/* root.c: Documentation/admin-guide/kernel-parameters.txt has the parameters, init/do_mounts.c
 * their order. */
#include "root.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_ROOT "/root"
#define WAIT_MS	 10000 /* for a disk that is still being looked for */
#define TRY_MS	 20

/* The value of the last NAME=VALUE; false: there is none. */
static bool find_value(const char *cmdline, const char *name, char *value, size_t size)
{
	size_t len = strlen(name), n;
	bool found = false;

	for (cmdline += strspn(cmdline, " "); *cmdline; cmdline += n + strspn(cmdline + n, " ")) {
		n = strcspn(cmdline, " ");
		if (n <= len || strncmp(cmdline, name, len) != 0 || cmdline[len] != '=')
			continue;
		snprintf(value, size, "%.*s", (int)(n - len - 1), cmdline + len + 1);
		found = true;
	}
	return found;
}

/* Where the last of these words is, counted from 1; 0: nowhere. */
static size_t find_word(const char *cmdline, const char *word)
{
	const char *at = cmdline;
	size_t len = strlen(word), n, found = 0;

	for (at += strspn(at, " "); *at; at += n + strspn(at + n, " ")) {
		n = strcspn(at, " ");
		if (n == len && !strncmp(at, word, len))
			found = (size_t)(at - cmdline) + 1;
	}
	return found;
}

bool root_wanted(const char *cmdline)
{
	char value[8];

	return find_value(cmdline, "root", value, sizeof(value));
}

/* root= is not a device then, but the tag of a virtiofs. */
static bool is_shared_folder(const char *cmdline)
{
	char type[16];

	return find_value(cmdline, "rootfstype", type, sizeof(type)) && !strcmp(type, "virtiofs");
}

static bool wait_for_device(const char *device, bool for_ever)
{
	struct stat st;

	for (int waited = 0; for_ever || waited < WAIT_MS; waited += TRY_MS) {
		if (!stat(device, &st))
			return true;
		usleep(TRY_MS * 1000);
	}
	return false;
}

/* errno of the last one that was tried, 0: mounted. */
static int mount_as(const char *device, const char *type, unsigned long flags, const char *data)
{
	return mount(device, NEW_ROOT, type, flags, data) ? errno : 0;
}

/* As each type that the kernel knows and that has a device. */
static int mount_as_any(const char *device, unsigned long flags, const char *data)
{
	FILE *types = fopen("/proc/filesystems", "re");
	char line[128], type[64];
	int error = ENODEV;

	while (types && error && fgets(line, sizeof(line), types))
		if (line[0] == '\t' && sscanf(line, "%63s", type) == 1)
			error = mount_as(device, type, flags, data);
	if (types)
		fclose(types);
	return error;
}

static int mount_as_listed(const char *device, char *types, unsigned long flags, const char *data)
{
	int error = ENODEV;

	for (char *type = strtok(types, ","); type && error; type = strtok(NULL, ","))
		error = mount_as(device, type, flags, data);
	return error;
}

static int mount_root(const char *cmdline, const char *device)
{
	bool writable = find_word(cmdline, "rw") > find_word(cmdline, "ro");
	unsigned long flags = writable ? 0 : MS_RDONLY;
	char types[256], data[512] = "";

	find_value(cmdline, "rootflags", data, sizeof(data));
	if (find_value(cmdline, "rootfstype", types, sizeof(types)))
		return mount_as_listed(device, types, flags, data);
	return mount_as_any(device, flags, data);
}

/* What lies below is out of reach from here on. */
static int move_there(void)
{
	mount("devtmpfs", NEW_ROOT "/dev", "devtmpfs", 0,
	      NULL); /* not every root has a place for it */
	umount2("/tmp", MNT_DETACH);
	umount2("/sys", MNT_DETACH);
	umount2("/proc", MNT_DETACH);
	umount2("/dev", MNT_DETACH);
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		return errno;
	return 0;
}

static void become_init(const char *cmdline, char **argv, void (*say)(const char *format, ...))
{
	static char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};
	static char given[256];

	if (find_value(cmdline, "init", given, sizeof(given))) {
		argv[0] = given;
		execv(given, argv);
		say("kmc-init: cannot run init=%s: %s", given, strerror(errno));
		return;
	}
	for (unsigned i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		argv[0] = usual[i];
		execv(usual[i], argv);
	}
	say("kmc-init: the root file system has no init");
}

void root_enter(const char *cmdline, char **argv, void (*say)(const char *format, ...))
{
	bool shared = is_shared_folder(cmdline);
	char device[256];
	int error;

	find_value(cmdline, "root", device, sizeof(device));
	if (!shared && strncmp(device, "/dev/", 5) != 0)
		say("kmc-init: root=%s: give a name in /dev", device);
	else if (!shared && !wait_for_device(device, find_word(cmdline, "rootwait")))
		say("kmc-init: root=%s: there is no such device; give its driver with --module if "
		    "it is not built in",
		    device);
	else if ((error = mount_root(cmdline, device)) || (error = move_there()))
		say("kmc-init: root=%s: cannot mount: %s%s", device, strerror(error),
		    shared ? "; give the modules fuse and virtiofs with --module" : "");
	else
		become_init(cmdline, argv, say);
}
