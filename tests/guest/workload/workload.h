/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workload.h: uses a guest kernel in many ways, legally, and prints what came out of it. The lines
 * "workload: result NAME COUNT HASH" are the same on every correct kernel, checked or not; lines of
 * "workload: time" are not. tests/run-guest-workload boots it with checks and without and compares.
 *
 * Usage: workload SIZE [PART]...       SIZE scales what each part does; "all" is every part
 *
 * Each part runs in a process of its own, which a failure ends, and is bounded: seconds on an
 * emulated CPU. It does not look for bugs of the kernel and measures nothing.
 */
#ifndef KMC_TESTS_WORKLOAD_H
#define KMC_TESTS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

extern const char *running; /* the part */

/* Ends the part where the kernel did not do what it had to. */
#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			failed(__LINE__, #condition);                                              \
	} while (0)

/* common.c */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
_Noreturn void failed(int line, const char *condition);
void add(struct sum *sum, const void *data, size_t len);
void add_text(struct sum *sum, const char *text);
void add_number(struct sum *sum, uint64_t number);
void fill(char *data, size_t len, unsigned int seed);
void add_until_end(struct sum *sum, int fd);
void write_all(int fd, const void *data, size_t len);
void read_all(int fd, void *data, size_t len);
void *map_anonymous(size_t len, int flags);
int wait_status(pid_t child);

/* processes.c */
void part_processes(unsigned int size, struct sum *sum);
void part_futexes(unsigned int size, struct sum *sum);
void part_together(unsigned int size, struct sum *sum);

/* files.c */
void make_file(const char *path, size_t len, unsigned int seed);
void change_tree(unsigned int size, struct sum *sum);
void remove_tree(const char *folder);
void part_tmpfs(unsigned int size, struct sum *sum);
void load_module(const char *name);
void unload_module(const char *name);
void part_modules(unsigned int size, struct sum *sum);
void part_ext4(unsigned int size, struct sum *sum);
void part_proc(unsigned int size, struct sum *sum);
void part_sys(unsigned int size, struct sum *sum);

/* channels.c */
void part_pipes(unsigned int size, struct sum *sum);
void loopback_up(void);
void datagrams(unsigned int count, struct sum *sum);
void netlink_dump(int type, struct sum *sum);
void part_sockets(unsigned int size, struct sum *sum);
void part_events(unsigned int size, struct sum *sum);
void system_v(struct sum *sum);
void part_ipc(unsigned int size, struct sum *sum);
void part_keys(unsigned int size, struct sum *sum);

/* more.c */
void part_overlay(unsigned int size, struct sum *sum);
void part_namespaces(unsigned int size, struct sum *sum);
void timers(struct sum *sum);
void part_timers(unsigned int size, struct sum *sum);
void part_bpf(unsigned int size, struct sum *sum);
void part_uring(unsigned int size, struct sum *sum);
void part_links(unsigned int size, struct sum *sum);

#endif
