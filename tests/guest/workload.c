// SPDX-License-Identifier: GPL-2.0-only
/*
 * workload.c: uses a guest kernel in many ways, legally, and prints what came out of it. The lines
 * "workload: result NAME COUNT HASH" are the same on every correct kernel, checked or not; lines of
 * "workload: time" are not. tests/run-guest-workload boots it with checks and without and compares.
 *
 * Usage: workload SIZE [PART]...       SIZE scales what each part does; "all" is every part
 *
 * Each part runs in a process of its own, which a failure ends, and is bounded: seconds on an
 * emulated CPU. It does not look for bugs of the kernel and measures nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox"
#define PRINT   "--print" /* prints the other arguments and the environment */
#define IMAGE	"/ext4.img"
#define MODULES "/modules"

struct sum {
	uint64_t count, hash;
};

struct part {
	const char *name;
	void (*run)(unsigned int size, struct sum *sum);
	bool named_only; /* not among those that run where none is named */
};

static const char *running = "main";

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(2);
}

/* Ends the part where the kernel did not do what it had to. */
#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			failed(__LINE__, #condition);                                              \
	} while (0)

static _Noreturn void failed(int line, const char *condition)
{
	say("workload: failed %s line %d: %s: %s\n", running, line, condition, strerror(errno));
	_exit(1);
}

/* FNV-1a; the order of the calls matters. */
static void add(struct sum *sum, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		sum->hash = (sum->hash ^ p[i]) * 0x100000001b3;
	sum->count++;
}

static void add_text(struct sum *sum, const char *text)
{
	add(sum, text, strlen(text));
}

static void add_number(struct sum *sum, uint64_t number)
{
	add(sum, &number, sizeof(number));
}

/* The same bytes for the same seed. */
static void fill(char *data, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)((seed = seed * 1103515245 + 12345) >> 16);
}

static void add_until_end(struct sum *sum, int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++) /* however the kernel cuts it */
			sum->hash = (sum->hash ^ (unsigned char)data[i]) * 0x100000001b3;
	NEED(n == 0);
	sum->count++;
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		NEED(n > 0);
		p += n;
		len -= n;
	}
}

static void read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		NEED(n > 0);
		p += n;
		len -= n;
	}
}

static void *map_anonymous(size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

static int wait_status(pid_t child)
{
	int status;

	NEED(waitpid(child, &status, 0) == child);
	return status;
}

/* --- processes ------------------------------------------------------------------------------ */

/* Adds what the program prints, with this input, and its exit status. */
static void run_program(struct sum *sum, char **args, char **env, const char *input)
{
	int in[2], out[2];
	pid_t child;

	NEED(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execve(args[0], args, env);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	write_all(in[1], input, strlen(input));
	close(in[1]);
	add_until_end(sum, out[0]);
	close(out[0]);
	add_number(sum, wait_status(child));
}

static void programs(unsigned int size, struct sum *sum)
{
	char *sort[] = { BUSYBOX, "sort", NULL }, *none[] = { NULL };
	char *echo[] = { "/proc/self/exe", PRINT, "a", "", "a much longer argument", NULL };
	char *env[] = { "ONE=1", "TWO=", "PATH=/bin", NULL };
	char *missing[] = { "/bin/missing", NULL };

	for (unsigned int i = 0; i < size; i++) {
		run_program(sum, sort, none, "c\nb\na\n");
		run_program(sum, echo, env, "");
		run_program(sum, missing, env, "");
	}
}

static volatile sig_atomic_t signal_sum;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	signal_sum += info->si_value.sival_int;
}

/* The child gets queued signals while they are blocked, takes them all, stops and goes on. */
static void signals(unsigned int size, struct sum *sum)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t set, old;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	NEED(sigaction(SIGRTMIN, &action, NULL) == 0 && sigprocmask(SIG_BLOCK, &set, &old) == 0);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		raise(SIGSTOP);
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(signal_sum);
	}
	NEED(waitpid(child, NULL, WUNTRACED) == child);
	for (unsigned int i = 0; i < 4 * size; i++)
		NEED(sigqueue(child, SIGRTMIN, (union sigval){ .sival_int = 3 }) == 0);
	NEED(kill(child, SIGCONT) == 0);
	add_number(sum, wait_status(child));
	child = fork();
	NEED(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	NEED(kill(child, SIGKILL) == 0);
	add_number(sum, wait_status(child));
}

/* Maps, moves, protects and unmaps; the child's writes must not be seen. */
static void mappings(unsigned int size, struct sum *sum)
{
	size_t page = 4096, len = 16 * page;
	pid_t child;

	for (unsigned int i = 0; i < size; i++) {
		char *p = map_anonymous(len, MAP_PRIVATE);

		fill(p, len, i);
		NEED(mprotect(p + 4 * page, page, PROT_READ) == 0);
		NEED(munmap(p + 8 * page, page) == 0);
		NEED(madvise(p + 12 * page, page, MADV_DONTNEED) == 0);
		child = fork();
		NEED(child >= 0);
		if (child == 0) {
			memset(p, 0, 4 * page);
			_exit(p[page]);
		}
		add_number(sum, wait_status(child));
		add(sum, p, 8 * page);
		add(sum, p + 9 * page, 7 * page);
		p = mremap(p, 2 * page, 32 * page, MREMAP_MAYMOVE);
		NEED(p != MAP_FAILED);
		add(sum, p, 32 * page);
		NEED(munmap(p, 32 * page) == 0);
	}
}

static void part_processes(unsigned int size, struct sum *sum)
{
	programs(size, sum);
	signals(size, sum);
	mappings(size, sum);
}

/* --- file trees ----------------------------------------------------------------------------- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
	       strcmp(entry->d_name, "lost+found");
}

static void add_xattrs(struct sum *sum, const char *path)
{
	char value[256];
	ssize_t n = lgetxattr(path, "trusted.workload", value, sizeof(value));

	if (n > 0)
		add(sum, value, n);
}

static void add_file(struct sum *sum, const char *path, const struct stat *st)
{
	char target[256];
	ssize_t n;
	int fd;

	add_number(sum, st->st_mode);
	add_number(sum, st->st_nlink);
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target));
		NEED(n > 0);
		add(sum, target, n);
	} else if (S_ISREG(st->st_mode)) {
		add_number(sum, st->st_size);
		fd = open(path, O_RDONLY);
		NEED(fd >= 0);
		add_until_end(sum, fd);
		close(fd);
	}
	add_xattrs(sum, path);
}

/* Names, kinds, sizes, contents and attributes of everything below the folder, in order. */
static void add_tree(struct sum *sum, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, by_name);

	NEED(n >= 0);
	for (int i = 0; i < n; i++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		NEED(lstat(path, &st) == 0);
		add_text(sum, entries[i]->d_name);
		if (S_ISDIR(st.st_mode))
			add_tree(sum, path);
		else
			add_file(sum, path, &st);
		free(entries[i]);
	}
	free(entries);
}

/* Writes through read() of a file's own mapping as well. */
static void make_file(const char *path, size_t len, unsigned int seed)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
	char data[3000], *p;

	NEED(fd >= 0);
	for (size_t at = 0; at < len; at += sizeof(data)) {
		fill(data, sizeof(data), seed + at);
		write_all(fd, data, len - at < sizeof(data) ? len - at : sizeof(data));
	}
	NEED(pwrite(fd, "behind", 6, len + 10000) == 6);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	memcpy(p + len / 2, "mapped", 6);
	NEED(msync(p, len, MS_SYNC) == 0 && munmap(p, len) == 0);
	NEED(ftruncate(fd, len + 5000) == 0);
	close(fd);
}

static void change_file(unsigned int i)
{
	char name[64], other[64];

	snprintf(name, sizeof(name), "file-%u", i);
	snprintf(other, sizeof(other), "a much longer name for the same thing, number %u", i);
	if (setxattr(name, "trusted.workload", other, 10 + i % 20, 0) < 0)
		NEED(errno == ENOTSUP);
	NEED(link(name, other) == 0);
	snprintf(other, sizeof(other), "link-%u", i);
	NEED(symlink(name, other) == 0);
	if (i % 3 == 0)
		NEED(unlink(name) == 0);
	snprintf(other, sizeof(other), "moved-%u", i);
	if (i % 3 == 1)
		NEED(rename(name, other) == 0);
	if (i % 3 == 2)
		NEED(truncate(name, 100) == 0);
}

/* A tree below the current folder; its sum; and nothing is left but one folder in two. */
static void change_tree(unsigned int size, struct sum *sum)
{
	char name[64];

	for (unsigned int i = 0; i < size; i++) {
		snprintf(name, sizeof(name), "folder-%u", i);
		NEED(mkdir(name, 0755) == 0 && chdir(name) == 0);
		for (unsigned int j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "file-%u", j);
			make_file(name, 2000 + 3500 * j, i + j);
			change_file(j);
		}
		NEED(mkfifo("fifo", 0600) == 0 && chdir("..") == 0);
	}
	add_tree(sum, ".");
}

static void remove_tree(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, by_name);

	NEED(n >= 0);
	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_type == DT_DIR)
			remove_tree(path);
		else
			NEED(unlink(path) == 0);
		free(entries[i]);
	}
	free(entries);
	NEED(rmdir(folder) == 0);
}

static void part_tmpfs(unsigned int size, struct sum *sum)
{
	char folder[] = "/tmp/tree-XXXXXX";

	NEED(mkdtemp(folder) && mount("tree", folder, "tmpfs", 0, NULL) == 0);
	NEED(chdir(folder) == 0);
	change_tree(size, sum);
	remove_tree("folder-0");
	add_tree(sum, ".");
	NEED(chdir("/") == 0 && umount(folder) == 0 && rmdir(folder) == 0);
}

/* --- modules -------------------------------------------------------------------------------- */

/* One that is not in the initramfs is built in; one that is loaded may stay. */
static void load_module_with(const char *name, const char *parameters)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (syscall(SYS_finit_module, fd, parameters, 0) < 0)
		NEED(errno == EEXIST);
	close(fd);
}

static void load_module(const char *name)
{
	load_module_with(name, "");
}

static void unload_module(const char *name)
{
	if (syscall(SYS_delete_module, name, O_NONBLOCK) < 0)
		NEED(errno == ENOENT);
}

static void part_modules(unsigned int size, struct sum *sum)
{
	static const char *const names[] = { "ts_kmp", "dummy" };

	for (unsigned int i = 0; i < size; i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			load_module(names[j]);
			unload_module(names[j]);
			add_text(sum, names[j]);
		}
}

/* --- ext4 ----------------------------------------------------------------------------------- */

/* The name of a loop device that has the image. */
static int attach_loop(const char *image, char *name, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(image, O_RDWR | O_CLOEXEC), number, fd;
	struct loop_config config = { .fd = file };

	NEED(file >= 0 && control >= 0);
	number = ioctl(control, LOOP_CTL_GET_FREE);
	NEED(number >= 0);
	snprintf(name, size, "/dev/loop%d", number);
	fd = open(name, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0);
	close(control);
	close(file);
	return fd;
}

static void part_ext4(unsigned int size, struct sum *sum)
{
	static const char *const names[] = { "crc16", "crc32c_generic", "mbcache",
					     "jbd2", "ext4" };
	struct sum before = { 0 }, after = { 0 };
	char device[32];
	int loop;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		load_module(names[i]);
	load_module_with("loop", "max_loop=1");
	loop = attach_loop(IMAGE, device, sizeof(device));
	NEED(mkdir("/ext4", 0755) == 0 && mount(device, "/ext4", "ext4", 0, NULL) == 0);
	NEED(chdir("/ext4") == 0);
	change_tree(size, &before);
	NEED(chdir("/") == 0 && umount("/ext4") == 0);
	NEED(mount(device, "/ext4", "ext4", 0, NULL) == 0);
	add_tree(&after, "/ext4");
	NEED(before.count == after.count && before.hash == after.hash);
	remove_tree("/ext4/folder-0");
	add_tree(&after, "/ext4");
	NEED(umount("/ext4") == 0 && ioctl(loop, LOOP_CLR_FD) == 0);
	close(loop);
	*sum = after;
}

/* --- pipes ---------------------------------------------------------------------------------- */

#define LINE 64

/* Lines of several writers never mix: their sum does not depend on their order. */
static void many_writers(unsigned int writers, unsigned int lines, struct sum *sum)
{
	char line[LINE];
	uint64_t total = 0;
	int fds[2];

	NEED(pipe(fds) == 0);
	for (unsigned int i = 0; i < writers; i++) {
		pid_t child = fork();

		NEED(child >= 0);
		if (child)
			continue;
		memset(line, 'a' + i, sizeof(line));
		for (unsigned int j = 0; j < lines; j++)
			write_all(fds[1], line, sizeof(line));
		_exit(0);
	}
	close(fds[1]);
	while (read(fds[0], line, sizeof(line)) == sizeof(line)) {
		NEED(memchr(line, line[0], LINE) == line && line[LINE - 1] == line[0]);
		total += line[0];
	}
	close(fds[0]);
	for (unsigned int i = 0; i < writers; i++)
		NEED(wait(NULL) > 0);
	add_number(sum, total);
}

/* A file is spliced into a pipe, copied into another with tee, and both are read. */
static void splices(struct sum *sum)
{
	int a[2], b[2], fd = open(BUSYBOX, O_RDONLY);
	char data[8192];
	loff_t from = 4000;

	NEED(fd >= 0 && pipe(a) == 0 && pipe(b) == 0);
	NEED(fcntl(a[1], F_SETPIPE_SZ, 131072) >= 131072);
	NEED(splice(fd, &from, a[1], NULL, sizeof(data), SPLICE_F_MOVE) > 0);
	NEED(tee(a[0], b[1], sizeof(data), 0) > 0);
	close(a[1]);
	close(b[1]);
	add_until_end(sum, a[0]);
	add_until_end(sum, b[0]);
	close(a[0]);
	close(b[0]);
	close(fd);
}

static void part_pipes(unsigned int size, struct sum *sum)
{
	many_writers(3, 5 * size, sum);
	for (unsigned int i = 0; i < size; i++)
		splices(sum);
}

/* --- sockets -------------------------------------------------------------------------------- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	NEED(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	close(fd);
}

/* Both ways through a connected pair, then shut down; closes both. */
static void talk(int a, int b, size_t len, struct sum *sum)
{
	char sent[1500], got[1500];

	fill(sent, sizeof(sent), len);
	write_all(a, sent, len);
	read_all(b, got, len);
	add(sum, got, len);
	write_all(b, got, len / 2);
	read_all(a, got, len / 2);
	add(sum, got, len / 2);
	NEED(shutdown(a, SHUT_WR) == 0);
	add_number(sum, read(b, got, sizeof(got)));
	close(a);
	close(b);
}

/* A listening socket at the address; connections to it, one by one and several at once. */
static void connections(const struct sockaddr *address, socklen_t len, unsigned int count,
			struct sum *sum)
{
	int listening = socket(address->sa_family, SOCK_STREAM, 0), fds[8];
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);

	NEED(listening >= 0 && bind(listening, address, len) == 0 && listen(listening, 8) == 0);
	NEED(getsockname(listening, (struct sockaddr *)&bound, &size) == 0);
	for (unsigned int i = 0; i < count && i < 8; i++) {
		fds[i] = socket(address->sa_family, SOCK_STREAM, 0);
		NEED(fds[i] >= 0 && connect(fds[i], (struct sockaddr *)&bound, size) == 0);
	}
	for (unsigned int i = 0; i < count && i < 8; i++)
		talk(fds[i], accept(listening, NULL, NULL), 100 + 300 * (i % 4), sum);
	close(listening);
}

static void datagrams(unsigned int count, struct sum *sum)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size = sizeof(address);
	char data[1000];

	NEED(a >= 0 && b >= 0 && bind(b, (struct sockaddr *)&address, size) == 0);
	NEED(getsockname(b, (struct sockaddr *)&address, &size) == 0);
	for (unsigned int i = 0; i < count; i++) {
		fill(data, sizeof(data), i);
		NEED(sendto(a, data, 10 + 90 * i % 900, 0, (struct sockaddr *)&address, size) > 0);
		NEED(recv(b, data, sizeof(data), 0) == (ssize_t)(10 + 90 * i % 900));
		add(sum, data, 10 + 90 * i % 900);
	}
	close(a);
	close(b);
}

/* Sends one end of a pipe through a socket and reads from what arrives. */
static void pass_descriptor(struct sum *sum)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 'x';
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int pair[2], fds[2], got;

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(fds) == 0);
	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &fds[0], sizeof(int));
	NEED(sendmsg(pair[0], &message, 0) == 1);
	close(fds[0]);
	memset(&control, 0, sizeof(control));
	NEED(recvmsg(pair[1], &message, 0) == 1 && control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(&control.header), sizeof(int));
	write_all(fds[1], "through", 7);
	close(fds[1]);
	add_until_end(sum, got);
	close(got);
	close(pair[0]);
	close(pair[1]);
}

static void pairs(struct sum *sum)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	int pair[2];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		NEED(socketpair(AF_UNIX, types[i], 0, pair) == 0);
		talk(pair[0], pair[1], 1000, sum);
	}
}

/* How many interfaces and addresses there are. */
static void netlink_dump(int type, struct sum *sum)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
	} request = { { .nlmsg_len = sizeof(request), .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		      { .rtgen_family = AF_UNSPEC } };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), messages = 0;
	bool done = false;
	char data[16384];

	NEED(fd >= 0 && send(fd, &request, sizeof(request), 0) == sizeof(request));
	while (!done) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		struct nlmsghdr *at = (struct nlmsghdr *)data;

		NEED(n > 0);
		for (; NLMSG_OK(at, n); at = NLMSG_NEXT(at, n), messages++)
			done |= at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR;
	}
	add_number(sum, messages);
	close(fd);
}

static void part_sockets(unsigned int size, struct sum *sum)
{
	struct sockaddr_in ip4 = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 ip6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/tmp/socket" };

	loopback_up();
	connections((struct sockaddr *)&ip4, sizeof(ip4), 2 * size, sum);
	connections((struct sockaddr *)&ip6, sizeof(ip6), size, sum);
	connections((struct sockaddr *)&local, sizeof(local), 3 * size, sum);
	NEED(unlink("/tmp/socket") == 0);
	datagrams(4 * size, sum);
	pairs(sum);
	for (unsigned int i = 0; i < size; i++)
		pass_descriptor(sum);
	netlink_dump(RTM_GETLINK, sum);
	netlink_dump(RTM_GETADDR, sum);
}

/* --- events --------------------------------------------------------------------------------- */

static int signal_descriptor(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int timer_descriptor(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	NEED(fd >= 0 && timerfd_settime(fd, 0, &soon, NULL) == 0);
	return fd;
}

/* One descriptor of each kind becomes ready, in an order that does not matter. */
static void wait_for_all(struct sum *sum)
{
	int fds[3] = { eventfd(0, 0), timer_descriptor(), signal_descriptor() };
	int epoll = epoll_create1(0), ready = 0;
	struct epoll_event event;
	char data[256];

	NEED(epoll >= 0);
	for (int i = 0; i < 3; i++) {
		event = (struct epoll_event){ .events = EPOLLIN, .data.u32 = i };
		NEED(fds[i] >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) == 0);
	}
	NEED(eventfd_write(fds[0], 7) == 0 && kill(getpid(), SIGUSR1) == 0);
	while (ready != 7) {
		NEED(epoll_wait(epoll, &event, 1, -1) == 1);
		NEED(read(fds[event.data.u32], data, sizeof(data)) > 0);
		ready |= 1 << event.data.u32;
	}
	for (int i = 0; i < 3; i++) {
		NEED(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[i], NULL) == 0);
		close(fds[i]);
	}
	close(epoll);
	add_number(sum, ready);
}

/* The masks and names of what inotify saw, without its cookies. */
static void watch_folder(struct sum *sum)
{
	char data[4096] __attribute__((aligned(8)));
	char folder[] = "/tmp/watched-XXXXXX";
	int fd = inotify_init1(IN_NONBLOCK);
	const struct inotify_event *event;
	ssize_t n;

	NEED(fd >= 0 && mkdtemp(folder) && chdir(folder) == 0);
	NEED(inotify_add_watch(fd, folder, IN_CREATE | IN_MOVE | IN_DELETE) >= 0);
	NEED(close(creat("one", 0600)) == 0 && rename("one", "another name") == 0);
	NEED(unlink("another name") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
	n = read(fd, data, sizeof(data));
	NEED(n > 0);
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(data + at);
		add_number(sum, event->mask);
		add_text(sum, event->len ? event->name : "");
	}
	close(fd);
}

static void terminal(struct sum *sum)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios mode;
	char line[16];

	NEED(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	NEED(slave >= 0 && tcgetattr(slave, &mode) == 0);
	write_all(master, "typed\n", 6);
	read_all(slave, line, 6);
	add(sum, line, 6);
	write_all(slave, "said\n", 5);
	read_all(master, line, 13); /* the echo and "\r\n" */
	add(sum, line, 13);
	close(slave);
	close(master);
}

static void part_events(unsigned int size, struct sum *sum)
{
	for (unsigned int i = 0; i < size; i++) {
		wait_for_all(sum);
		watch_folder(sum);
		terminal(sum);
	}
}

/* --- futexes -------------------------------------------------------------------------------- */

#define THREADS 4

struct contest {
	pthread_barrier_t barrier;
	pthread_mutex_t mutexes[2]; /* the second inherits priorities */
	pthread_cond_t turned;
	unsigned int rounds, turn, total;
};

struct contestant {
	struct contest *contest;
	unsigned int number;
	pthread_t thread;
};

static void *compete(void *argument)
{
	struct contestant *self = argument;
	struct contest *c = self->contest;

	pthread_barrier_wait(&c->barrier);
	for (unsigned int i = 0; i < c->rounds; i++) {
		pthread_mutex_lock(&c->mutexes[0]);
		while (c->turn % THREADS != self->number)
			pthread_cond_wait(&c->turned, &c->mutexes[0]);
		c->turn++;
		pthread_cond_broadcast(&c->turned);
		pthread_mutex_unlock(&c->mutexes[0]);
		pthread_mutex_lock(&c->mutexes[1]);
		sched_yield();
		c->total += self->number;
		pthread_mutex_unlock(&c->mutexes[1]);
	}
	return NULL;
}

static void part_futexes(unsigned int size, struct sum *sum)
{
	struct contest c = { .rounds = 2 * size, .turned = PTHREAD_COND_INITIALIZER };
	struct contestant all[THREADS];
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutex_init(&c.mutexes[0], &attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	NEED(pthread_mutex_init(&c.mutexes[1], &attributes) == 0);
	NEED(pthread_barrier_init(&c.barrier, NULL, THREADS) == 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		all[i] = (struct contestant){ .contest = &c, .number = i };
		NEED(pthread_create(&all[i].thread, NULL, compete, &all[i]) == 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		NEED(pthread_join(all[i].thread, NULL) == 0);
	add_number(sum, c.turn);
	add_number(sum, c.total);
}

/* --- /proc and /sys ------------------------------------------------------------------------- */

struct walk {
	unsigned int wanted, every, seen, done;
};

/* Files that wait for events, have no end, do something when read, or are memory. */
static bool is_skipped(const char *name)
{
	static const char *const names[] = {
		"kmsg",	      "kcore",		"kpagecount", "kpageflags", "kpagecgroup",
		"pagemap",    "mem",		"trace_pipe", "debug",	    "tracing",
		"rom",	      "trace_pipe_raw",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* An error is as good as data: many files exist only to be written. */
static void read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	char data[4096];

	for (int i = 0; fd >= 0 && i < 4; i++)
		if (read(fd, data, sizeof(data)) <= 0)
			break;
	if (fd >= 0)
		close(fd);
}

/* Reads one file in so many until as many as wanted are read, or there are no more. */
static void walk_folder(struct walk *w, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];
	int n;

	while (dir && w->done < w->wanted && (entry = readdir(dir))) {
		n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || is_skipped(entry->d_name) || n >= (int)sizeof(path))
			continue;
		if (entry->d_type == DT_DIR) {
			walk_folder(w, path);
		} else if (entry->d_type == DT_REG && w->seen++ % w->every == 0) {
			read_file(path);
			w->done++;
		}
	}
	if (dir)
		closedir(dir);
}

static void walk(struct sum *sum, const char *folder, unsigned int wanted, unsigned int every)
{
	struct walk w = { .wanted = wanted, .every = every };

	walk_folder(&w, folder);
	NEED(w.done);
	add_text(sum, folder);
}

static void part_proc(unsigned int size, struct sum *sum)
{
	walk(sum, "/proc/self", 10 * size, 3);
	walk(sum, "/proc/1/net", 8 * size, 4);
	walk(sum, "/proc/sys", 8 * size, 67);
	walk(sum, "/proc", 8 * size, 13);
}

static void part_sys(unsigned int size, struct sum *sum)
{
	walk(sum, "/sys/kernel", 8 * size, 61);
	walk(sum, "/sys/devices", 8 * size, 47);
	walk(sum, "/sys/module", 4 * size, 17);
	walk(sum, "/sys/class/net/lo", 6 * size, 5);
}

/* --- System V, POSIX, keys ------------------------------------------------------------------ */

static void system_v(struct sum *sum)
{
	struct {
		long type;
		char text[200];
	} message = { .type = 2 };
	struct sembuf up = { 0, 3, 0 }, down = { 0, -2, SEM_UNDO };
	int queue = msgget(IPC_PRIVATE, 0600), semaphore = semget(IPC_PRIVATE, 2, 0600);
	int segment = shmget(IPC_PRIVATE, 8192, 0600);
	char *p;

	NEED(queue >= 0 && semaphore >= 0 && segment >= 0);
	fill(message.text, sizeof(message.text), 1);
	NEED(msgsnd(queue, &message, sizeof(message.text), 0) == 0);
	NEED(msgrcv(queue, &message, sizeof(message.text), 2, 0) == sizeof(message.text));
	add(sum, message.text, sizeof(message.text));
	NEED(semop(semaphore, &up, 1) == 0 && semop(semaphore, &down, 1) == 0);
	add_number(sum, semctl(semaphore, 0, GETVAL));
	p = shmat(segment, NULL, 0);
	NEED(p != (char *)-1);
	fill(p, 8192, 2);
	add(sum, p, 8192);
	NEED(shmdt(p) == 0 && shmctl(segment, IPC_RMID, NULL) == 0);
	NEED(msgctl(queue, IPC_RMID, NULL) == 0 && semctl(semaphore, 0, IPC_RMID) == 0);
}

static void posix_queue(struct sum *sum)
{
	struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 100 };
	mqd_t queue = mq_open("/workload", O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	unsigned int priority;
	char data[100];

	NEED(queue >= 0);
	for (unsigned int i = 0; i < 4; i++) {
		fill(data, sizeof(data), i);
		NEED(mq_send(queue, data, 10 + 20 * i, i) == 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		ssize_t n = mq_receive(queue, data, sizeof(data), &priority);

		NEED(n > 0);
		add(sum, data, n);
		add_number(sum, priority);
	}
	NEED(mq_close(queue) == 0 && mq_unlink("/workload") == 0);
}

static void part_ipc(unsigned int size, struct sum *sum)
{
	for (unsigned int i = 0; i < size; i++) {
		system_v(sum);
		posix_queue(sum);
	}
}

static long keyctl(int command, long a, const void *b, long c)
{
	return syscall(SYS_keyctl, command, a, b, c, 0L);
}

static void part_keys(unsigned int size, struct sum *sum)
{
	char payload[50], got[50];
	long key, ring;

	NEED(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, NULL, 0) > 0);
	for (unsigned int i = 0; i < size; i++) {
		fill(payload, sizeof(payload), i);
		ring = syscall(SYS_add_key, "keyring", "ring", NULL, 0L, KEY_SPEC_SESSION_KEYRING);
		NEED(ring > 0);
		key = syscall(SYS_add_key, "user", "key", payload, 30L, ring);
		NEED(key > 0 && keyctl(KEYCTL_UPDATE, key, payload, 50) == 0);
		NEED(keyctl(KEYCTL_READ, key, got, sizeof(got)) == 50);
		add(sum, got, sizeof(got));
		NEED(keyctl(KEYCTL_REVOKE, key, NULL, 0) == 0);
		add_number(sum, keyctl(KEYCTL_READ, key, got, sizeof(got)));
		NEED(keyctl(KEYCTL_CLEAR, ring, NULL, 0) == 0);
	}
}

/* --- several at once ------------------------------------------------------------------------ */

/* Their sums, in the parts' order, from memory that they share. */
static void part_together(unsigned int size, struct sum *sum)
{
	static void (*const runs[])(unsigned int size, struct sum *sum) = {
		part_processes, part_tmpfs, part_pipes, part_events, part_futexes, part_ipc,
	};
	size_t count = sizeof(runs) / sizeof(runs[0]), len = count * sizeof(struct sum);
	struct sum *sums = map_anonymous(len, MAP_SHARED);

	for (size_t i = 0; i < count; i++) {
		pid_t child = fork();

		NEED(child >= 0);
		if (child)
			continue;
		runs[i](size, &sums[i]);
		_exit(0);
	}
	for (size_t i = 0; i < count; i++) {
		int status;

		NEED(wait(&status) > 0 && status == 0);
	}
	for (size_t i = 0; i < count; i++)
		add_number(sum, sums[i].hash);
}

/* --- what takes longer: only by name -------------------------------------------------------- */

static void part_overlay(unsigned int size, struct sum *sum)
{
	load_module("overlay");
	NEED(mkdir("/tmp/low", 0755) == 0 && mkdir("/tmp/up", 0755) == 0);
	NEED(mkdir("/tmp/work", 0755) == 0 && mkdir("/tmp/merged", 0755) == 0);
	NEED(mkdir("/tmp/low/folder", 0755) == 0);
	make_file("/tmp/low/copied up", 5000, 1);
	make_file("/tmp/low/folder/hidden", 500, 2);
	NEED(mount("overlay", "/tmp/merged", "overlay", 0,
		   "lowerdir=/tmp/low,upperdir=/tmp/up,workdir=/tmp/work") == 0);
	NEED(chdir("/tmp/merged") == 0 && truncate("copied up", 4000) == 0);
	remove_tree("folder");
	change_tree(size, sum);
	NEED(chdir("/") == 0 && umount("/tmp/merged") == 0);
	remove_tree("/tmp/low");
}

/* In namespaces of its own, which end with it. */
static void part_namespaces(unsigned int size, struct sum *sum)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP | CLONE_NEWUSER;
	pid_t child;

	for (unsigned int i = 0; i < size; i++) {
		child = fork();
		NEED(child >= 0);
		if (child == 0) {
			NEED(unshare(flags) == 0 && sethostname("other", 5) == 0);
			child = fork();
			NEED(child >= 0);
			if (child == 0) {
				NEED(getpid() == 1);
				loopback_up();
				datagrams(4, sum);
				system_v(sum);
				_exit(0);
			}
			_exit(wait_status(child) != 0);
		}
		NEED(wait_status(child) == 0);
		add_number(sum, i);
	}
}

static void timers(struct sum *sum)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1 };
	siginfo_t info;
	timer_t timer;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, event.sigev_signo);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	event.sigev_value.sival_int = 17;
	NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	NEED(timer_settime(timer, 0, &soon, NULL) == 0);
	NEED(sigwaitinfo(&set, &info) == event.sigev_signo && timer_delete(timer) == 0);
	add_number(sum, info.si_value.sival_int);
}

static void part_timers(unsigned int size, struct sum *sum)
{
	for (unsigned int i = 0; i < 4 * size; i++)
		timers(sum);
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* Fills a map, walks it, empties half of it. */
static void bpf_map(int type, unsigned int flags, struct sum *sum)
{
	union bpf_attr attr = { .map_type = type, .key_size = 4, .value_size = 60,
				.max_entries = 32, .map_flags = flags };
	int fd = bpf(BPF_MAP_CREATE, &attr);
	uint32_t key, next;
	char value[64];

	NEED(fd >= 0);
	for (key = 0; key < 20; key++) {
		fill(value, sizeof(value), key);
		attr = (union bpf_attr){ .map_fd = fd, .key = (uintptr_t)&key,
					 .value = (uintptr_t)value };
		NEED(bpf(BPF_MAP_UPDATE_ELEM, &attr) == 0);
	}
	for (key = 0; key < 20; key += 2) {
		attr = (union bpf_attr){ .map_fd = fd, .key = (uintptr_t)&key,
					 .value = (uintptr_t)value };
		NEED(bpf(BPF_MAP_LOOKUP_ELEM, &attr) == 0);
		add(sum, value, 60);
		attr.value = 0;
		if (type == BPF_MAP_TYPE_HASH)
			NEED(bpf(BPF_MAP_DELETE_ELEM, &attr) == 0);
	}
	key = 1000;
	attr = (union bpf_attr){ .map_fd = fd, .key = (uintptr_t)&key,
				 .next_key = (uintptr_t)&next };
	for (next = 0; bpf(BPF_MAP_GET_NEXT_KEY, &attr) == 0; key = next)
		sum->count++;
	close(fd);
}

/* A program that keeps 5 bytes of every packet. */
static void bpf_filter(struct sum *sum)
{
	struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 5 },
				   { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
				.insns = (uintptr_t)code, .license = (uintptr_t)"GPL" };
	int fd = bpf(BPF_PROG_LOAD, &attr), pair[2];
	char data[20] = "filtered";

	NEED(fd >= 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	NEED(setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)) == 0);
	NEED(send(pair[0], data, sizeof(data), 0) == sizeof(data));
	add_number(sum, recv(pair[1], data, sizeof(data), 0));
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

static void part_bpf(unsigned int size, struct sum *sum)
{
	for (unsigned int i = 0; i < size; i++) {
		bpf_map(BPF_MAP_TYPE_HASH, 0, sum);
		bpf_map(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, sum);
		bpf_map(BPF_MAP_TYPE_ARRAY, 0, sum);
		bpf_map(BPF_MAP_TYPE_LRU_HASH, 0, sum);
		bpf_filter(sum);
	}
}

/* Submits one request and adds its result. */
static void ring_request(int fd, const struct io_uring_params *p, char *ring,
			 struct io_uring_sqe *entries, const struct io_uring_sqe *request,
			 struct sum *sum)
{
	uint32_t *tail = (uint32_t *)(ring + p->sq_off.tail);
	uint32_t *head = (uint32_t *)(ring + p->cq_off.head);
	uint32_t slot = *tail % p->sq_entries;
	struct io_uring_cqe *results = (struct io_uring_cqe *)(ring + p->cq_off.cqes);

	entries[slot] = *request;
	((uint32_t *)(ring + p->sq_off.array))[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	NEED(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	add_number(sum, results[*head % p->cq_entries].res);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
}

static void part_uring(unsigned int size, struct sum *sum)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 8, &p), file = open(BUSYBOX, O_RDONLY);
	struct __kernel_timespec soon = { .tv_nsec = 1000000 };
	struct io_uring_sqe *entries;
	char data[3000], *ring;

	NEED(fd >= 0 && file >= 0);
	ring = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	NEED(ring != MAP_FAILED && entries != MAP_FAILED);
	for (unsigned int i = 0; i < 4 * size; i++) {
		struct io_uring_sqe read = { .opcode = IORING_OP_READ, .fd = file, .off = 4000 * i,
					     .addr = (uintptr_t)data, .len = sizeof(data) };
		struct io_uring_sqe wait = { .opcode = IORING_OP_TIMEOUT, .len = 1,
					     .addr = (uintptr_t)&soon };

		read.flags = i % 2 ? IOSQE_ASYNC : 0;
		ring_request(fd, &p, ring, entries, &read, sum);
		add(sum, data, sizeof(data));
		ring_request(fd, &p, ring, entries, &wait, sum);
	}
	close(fd);
	close(file);
}

static struct rtattr *put_attribute(struct nlmsghdr *header, int type, const void *data, size_t len)
{
	struct rtattr *attribute = (void *)((char *)header + NLMSG_ALIGN(header->nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attribute), data, len);
	header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* As "ip link add NAME type KIND", or del; adds the error. */
static void change_link(int type, const char *name, const char *kind, struct sum *sum)
{
	union {
		struct nlmsghdr header;
		char space[512];
	} m = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = type,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
					   (kind ? NLM_F_CREATE | NLM_F_EXCL : 0) } };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct rtattr *info;

	put_attribute(&m.header, IFLA_IFNAME, name, strlen(name) + 1);
	if (kind) {
		info = put_attribute(&m.header, IFLA_LINKINFO, NULL, 0);
		put_attribute(&m.header, IFLA_INFO_KIND, kind, strlen(kind));
		info->rta_len = (char *)&m.header + m.header.nlmsg_len - (char *)info;
	}
	NEED(fd >= 0 && send(fd, &m, m.header.nlmsg_len, 0) == (ssize_t)m.header.nlmsg_len);
	NEED(recv(fd, &m, sizeof(m), 0) > 0 && m.header.nlmsg_type == NLMSG_ERROR);
	add_number(sum, ((struct nlmsgerr *)NLMSG_DATA(&m.header))->error);
	close(fd);
}

static void link_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	NEED(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	close(fd);
}

/* Interfaces that come and go, with the packets that IPv6 sends on its own. */
static void part_links(unsigned int size, struct sum *sum)
{
	load_module("veth");
	load_module("dummy");
	for (unsigned int i = 0; i < size; i++) {
		change_link(RTM_NEWLINK, "one", "veth", sum);
		change_link(RTM_NEWLINK, "two", "dummy", sum);
		link_up("one");
		link_up("veth0");
		link_up("two");
		netlink_dump(RTM_GETLINK, sum);
		change_link(RTM_DELLINK, "one", NULL, sum);
		change_link(RTM_DELLINK, "two", NULL, sum);
	}
	unload_module("veth");
}

/* --- all of them ---------------------------------------------------------------------------- */

static const struct part parts[] = {
	{ "processes", part_processes, false },
	{ "tmpfs", part_tmpfs, false },
	{ "pipes", part_pipes, false },
	{ "sockets", part_sockets, false },
	{ "events", part_events, false },
	{ "futexes", part_futexes, false },
	{ "ipc", part_ipc, false },
	{ "keys", part_keys, false },
	{ "proc", part_proc, false },
	{ "sys", part_sys, false },
	{ "modules", part_modules, false },
	{ "ext4", part_ext4, false },
	{ "together", part_together, false },
	{ "overlay", part_overlay, true },
	{ "namespaces", part_namespaces, true },
	{ "timers", part_timers, true },
	{ "bpf", part_bpf, true },
	{ "uring", part_uring, true },
	{ "links", part_links, true },
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool run_part(const struct part *part, unsigned int size)
{
	struct sum sum = { .hash = 0xcbf29ce484222325 };
	double began = seconds();
	pid_t child = fork();
	int status;

	if (child == 0) {
		running = part->name;
		part->run(size, &sum);
		say("workload: result %s %llu %016llx\n", part->name, (unsigned long long)sum.count,
		    (unsigned long long)sum.hash);
		_exit(0);
	}
	status = child < 0 ? 1 : wait_status(child);
	if (status)
		say("workload: failed %s status %#x\n", part->name, status);
	say("workload: time %s %.2f s\n", part->name, seconds() - began);
	return status == 0;
}

static bool is_wanted(const struct part *part, char **wanted)
{
	if (!*wanted)
		return !part->named_only;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, part->name) || !strcmp(*wanted, "all"))
			return true;
	return false;
}

static int print_arguments(char **arguments)
{
	extern char **environ;

	for (; *arguments; arguments++)
		puts(*arguments);
	for (char **e = environ; *e; e++)
		puts(*e);
	return 0;
}

int main(int argc, char **argv)
{
	int failures = 0;

	if (argc > 1 && !strcmp(argv[1], PRINT))
		return print_arguments(argv + 2);
	if (argc < 2 || atoi(argv[1]) < 1) {
		say("usage: workload SIZE [PART]...\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (is_wanted(&parts[i], argv + 2))
			failures += !run_part(&parts[i], atoi(argv[1]));
	say("workload: end, %d failed\n", failures);
	return failures != 0;
}
