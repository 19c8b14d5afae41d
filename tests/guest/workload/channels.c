// SPDX-License-Identifier: GPL-2.0-only
/* channels.c: pipes, sockets, events, System V and POSIX messages, keys. */
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include "workload.h"

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

void part_pipes(unsigned int size, struct sum *sum)
{
	many_writers(3, 5 * size, sum);
	for (unsigned int i = 0; i < size; i++)
		splices(sum);
}

void loopback_up(void)
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

/* Connects to the address and says which connection it is. */
static int connect_as(unsigned int number, const struct sockaddr *address, socklen_t len)
{
	unsigned char name = number;
	int fd = socket(address->sa_family, SOCK_STREAM, 0);

	NEED(fd >= 0 && connect(fd, address, len) == 0);
	write_all(fd, &name, 1);
	return fd;
}

/*
 * A listening socket at the address; up to 8 connections to it, made before the first is accepted. TCP
 * queues them in the order in which the last packets of their handshakes are processed, which is
 * not the order of connect() where the caller has moved to another CPU meanwhile.
 */
static void connections(const struct sockaddr *address, socklen_t len, unsigned int count,
			struct sum *sum)
{
	int listening = socket(address->sa_family, SOCK_STREAM, 0), near[8], far[8];
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);

	count = count < 8 ? count : 8;
	NEED(listening >= 0 && bind(listening, address, len) == 0 && listen(listening, 8) == 0);
	NEED(getsockname(listening, (struct sockaddr *)&bound, &size) == 0);
	for (unsigned int i = 0; i < count; i++)
		near[i] = connect_as(i, (struct sockaddr *)&bound, size);
	for (unsigned int i = 0; i < count; i++) {
		unsigned char name;
		int fd = accept(listening, NULL, NULL);

		NEED(fd >= 0);
		read_all(fd, &name, 1);
		NEED(name < count);
		far[name] = fd;
	}
	for (unsigned int i = 0; i < count; i++)
		talk(near[i], far[i], 100 + 300 * (i % 4), sum);
	close(listening);
}

void datagrams(unsigned int count, struct sum *sum)
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
void netlink_dump(int type, struct sum *sum)
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

void part_sockets(unsigned int size, struct sum *sum)
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

void part_events(unsigned int size, struct sum *sum)
{
	for (unsigned int i = 0; i < size; i++) {
		wait_for_all(sum);
		watch_folder(sum);
		terminal(sum);
	}
}

void system_v(struct sum *sum)
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

void part_ipc(unsigned int size, struct sum *sum)
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

void part_keys(unsigned int size, struct sum *sum)
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
