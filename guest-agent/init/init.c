// SPDX-License-Identifier: GPL-2.0-only
/*
 * init.c: the first program in the guest, started as /kmc/init. Loads the agent and the modules.
 * Then, in kmc-vmm's own initramfs, runs the command and powers off; or, without one, becomes the init
 * of the root file system that the kernel's command line names; or runs a shell. In front of a user's
 * initrd, becomes the init of that one and leaves nothing behind but loaded modules.
 *
 * What it finds below /kmc, all of it optional but itself:
 *   kmc_agent.ko               the agent, loaded first
 *   modules/NNN-NAME.ko[.xz]   in the order of their numbers; parameters in the same name +
 * ".params". A compressed one needs a kernel with CONFIG_MODULE_DECOMPRESS exec the command, one
 * line interactive                where there is no exec: a shell on the console next path of the
 * init to become: a user's initrd is behind us As modprobe does, it takes MODULE.PARAM=VALUE from
 * the kernel's command line.
 *
 * Every failure is one line; only a failing command changes the exit status.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kmc_abi.h"
#include "root.h"

#define MODULES	   "/kmc/modules"
#define BUSYBOX	   "/bin/busybox"
#define COMPRESSED 4 /* MODULE_INIT_COMPRESSED_FILE */

static int log_fd = STDERR_FILENO;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(log_fd, line, n) < 0)
		return; /* nowhere to complain */
}

/* The file's text without the newline at its end, malloc'd; NULL where there is none. */
static char *read_text(const char *path)
{
	size_t used = 0, size = 4096;
	char *text = malloc(size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && text && (n = read(fd, text + used, size - used - 1)) > 0) {
		used += n;
		if (used + 1 == size)
			text = realloc(text, size *= 2);
	}
	if (fd < 0 || !text) {
		free(text);
		return NULL;
	}
	close(fd);
	while (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return text;
}

static void mount_at(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL) < 0 && errno != EBUSY)
		say("kmc-init: cannot mount %s on %s: %s", type, dir, strerror(errno));
}

/* "007-foo-bar.ko.xz" -> "foo_bar" */
static void module_name(const char *file, char *name, size_t size)
{
	const char *dash = strchr(file, '-');
	size_t i;

	if (dash && isdigit((unsigned char)*file))
		file = dash + 1;
	for (i = 0; i + 1 < size && file[i] && file[i] != '.'; i++)
		name[i] = file[i] == '-' ? '_' : file[i];
	name[i] = '\0';
}

/* Appends the parameters that the kernel's command line has for this module. */
static void add_params(char *params, size_t size, const char *name, const char *cmdline)
{
	size_t len = strlen(name), used = strlen(params), n;

	for (; *cmdline; cmdline += n + strspn(cmdline + n, " ")) {
		n = strcspn(cmdline, " ");
		if (n <= len || strncmp(cmdline, name, len) || cmdline[len] != '.')
			continue;
		if (used + n - len < size)
			used += snprintf(params + used, size - used, " %.*s", (int)(n - len - 1),
					 cmdline + len + 1);
	}
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && !strcmp(text + n - m, suffix);
}

static int load_module(const char *dir, const char *file, const char *cmdline)
{
	bool packed =
		has_suffix(file, ".xz") || has_suffix(file, ".zst") || has_suffix(file, ".gz");
	char path[512], name[128], params[1024] = "", *given;
	int fd, err = 0;

	module_name(file, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s.params", dir, file);
	given = read_text(path);
	if (given)
		snprintf(params, sizeof(params), "%s", given);
	free(given);
	add_params(params, sizeof(params), name, cmdline);

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, params, packed ? COMPRESSED : 0) < 0) {
		err = errno;
		say("kmc-init: cannot load module %s: %s%s", file, strerror(err),
		    packed && err == EOPNOTSUPP ? " (this kernel loads no compressed modules)"
						: "");
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int is_module(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !has_suffix(entry->d_name, ".params");
}

static void load_modules(const char *cmdline)
{
	struct dirent **entries;
	int i, n;

	if (access("/kmc/kmc_agent.ko", F_OK) == 0)
		load_module("/kmc", "kmc_agent.ko", cmdline);
	n = scandir(MODULES, &entries, is_module, alphasort);
	for (i = 0; i < n; i++)
		load_module(MODULES, entries[i]->d_name, cmdline);
}

static char *kernel_cmdline(void)
{
	char *text = read_text("/proc/cmdline");

	return text ? text : strdup("");
}

/* Returns the exit status as a shell would. */
static int wait_for(pid_t child)
{
	int status;
	pid_t pid;

	/* We are everybody's parent in the end: reap others as well. */
	while ((pid = wait(&status)) != child)
		if (pid < 0 && errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_args(char **args)
{
	pid_t child = fork();

	if (child == 0) {
		execvp(args[0], args);
		say("kmc-init: cannot run %s: %s", args[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (child < 0) {
		say("kmc-init: cannot fork: %s", strerror(errno));
		return 126;
	}
	return wait_for(child);
}

static int run_command(char *command)
{
	char *shell[] = { "/bin/sh", "-c", command, NULL };

	return run_args(shell);
}

/* /dev/console can be no controlling terminal; what is behind it can. */
static void take_terminal(void)
{
	char *active = read_text("/sys/class/tty/console/active"), path[128], *last;
	int fd;

	last = active ? strrchr(active, ' ') : NULL;
	snprintf(path, sizeof(path), "/dev/%s", last ? last + 1 : active ? active : "console");
	free(active);
	setsid();
	fd = open(path, O_RDWR);
	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 1);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void run_shell(void)
{
	pid_t child;

	if (access("/bin/sh", X_OK) < 0) {
		say("kmc-init: no shell: install busybox-static on the host");
		return;
	}
	child = fork();
	if (child == 0) {
		take_terminal();
		execl("/bin/sh", "-sh", NULL);
		_exit(127);
	}
	if (child > 0)
		wait_for(child);
}

static void report_exit(int status)
{
	if (ioperm(KMC_PORT, 4, 1) < 0 || inl(KMC_PORT) != KMC_ABI_MAGIC)
		return;
	outl((uint32_t)(status & 0xff) << KMC_CMD_BITS | KMC_CMD_EXIT, KMC_PORT);
}

static void install_applets(void)
{
	char *install[] = { BUSYBOX, "--install", "-s", "/bin", NULL };

	if (access(BUSYBOX, X_OK) == 0)
		run_args(install);
}

static void run_builtin(char **argv)
{
	char *cmdline, *command;

	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mount_at("tmpfs", "/tmp");
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/", 1);
	install_applets();
	cmdline = kernel_cmdline();
	load_modules(cmdline);

	command = read_text("/kmc/exec");
	if (command)
		report_exit(run_command(command));
	else if (root_wanted(cmdline))
		root_enter(cmdline, argv, say);
	else if (access("/kmc/interactive", F_OK) == 0)
		run_shell();
	free(command);
	free(cmdline);
	sync();
	reboot(RB_POWER_OFF);
	say("kmc-init: cannot power off: %s", strerror(errno));
	for (;;)
		pause();
}

/* The user's initrd may have no console yet: the kernel's log is always there. */
static void run_chain(char *next, char **argv)
{
	bool mounted;
	char *cmdline;
	int fd;

	mknod("/kmc/kmsg", S_IFCHR | 0600, makedev(1, 11));
	fd = open("/kmc/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		log_fd = fd;

	mkdir("/kmc/proc", 0755);
	mounted = mount("proc", "/kmc/proc", "proc", 0, NULL) == 0;
	cmdline = read_text("/kmc/proc/cmdline");
	if (mounted)
		umount("/kmc/proc");
	load_modules(cmdline ? cmdline : "");
	free(cmdline);

	argv[0] = next;
	execv(next, argv);
	say("kmc-init: cannot run %s of the initrd: %s", next, strerror(errno));
}

int main(int argc, char **argv)
{
	char *next;

	if (getpid() != 1) {
		say("kmc-init: only for use as the first program of a guest");
		return 2;
	}
	next = read_text("/kmc/next");
	if (next) {
		run_chain(next, argv);
		return 1;
	}
	run_builtin(argv);
}
