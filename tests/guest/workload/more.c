// SPDX-License-Identifier: GPL-2.0-only
/* more.c: what takes longer: run only where it is named. */
#include <linux/bpf.h>
#include <linux/if.h>
#include <linux/io_uring.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "workload.h"

void part_overlay(unsigned int size, struct sum *sum)
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
void part_namespaces(unsigned int size, struct sum *sum)
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

void timers(struct sum *sum)
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

void part_timers(unsigned int size, struct sum *sum)
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

void part_bpf(unsigned int size, struct sum *sum)
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

void part_uring(unsigned int size, struct sum *sum)
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
void part_links(unsigned int size, struct sum *sum)
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
