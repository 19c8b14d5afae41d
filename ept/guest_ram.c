// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_ram.c: the file in memory behind guest memory, its two mappings and the userfaultfd that hides pages.
 *
 * Knows no KVM: the caller makes memslots of guest_ram_ranges(). Does not decide which page is
 * hidden.
 *
 * Both mappings are contiguous over the RAM; the hole below 4 GiB exists in guest-physical
 * addresses only. "Offset" below is the offset into the file, and so into either mapping.
 *
 * A block of 2 MiB of the guest mapping begins as new: registered with the userfaultfd, so that its first touch is
 * ours. It becomes huge then: advised to be a huge page, readable, and not registered, so that the kernel maps it as a
 * whole. When the first page in it is hidden it becomes small, for good: registered, write-only, each page mapped by
 * itself, and none of them missing meanwhile. Where the host has no huge pages for files all blocks are small from the
 * start.
 */
#include "guest_ram.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14, as is UFFD_FEATURE_MINOR_SHMEM */
#endif

#define RAM_GRAIN (2ull << 20)
#define RAM_MAX	  (1ull << 40) /* keeps every sum of offsets far from overflow */
#define BITS	  64	       /* of a word of the bitmaps */
#define PENDING	  64
#define BLOCK_PAGES (RAM_GRAIN / GUEST_PAGE)

enum block { BLOCK_SMALL, BLOCK_NEW, BLOCK_HUGE };

struct guest_ram {
	struct guest_ram_map map; /* hidden is written under the checker's lock, read by any thread */
	bool plain;
	bool huge; /* the file has huge pages */
	int file, uffd; /* -1 where it is plain */
	pthread_mutex_t block_lock; /* of what becomes of a block, within any other lock */
	_Atomic uint8_t *block;	    /* enum block */
	uint8_t *guest;	 /* as map.view: MAP_FAILED until mapped; the same where it is plain */
	_Atomic uint64_t nhidden;
	uint64_t *backed; /* one bit a page: known to be in the page cache. Under the same lock. */
	uint64_t *gone;	  /* as map.hidden, but as the guest mapping is: others are so from guest_ram_settle() on */
	bool deferred;
	struct run {
		uint64_t page, n;
	} pending[PENDING]; /* where they may differ */
	unsigned npending;
};

static int fail(const char **what, const char *call)
{
	*what = call;
	return errno ? -errno : -EIO;
}

/* ------------------------------------------------------------------ setup */

/*
 * Below all else that the process has, at the same distance from the view as always, so as random as that: the kernel
 * looks for the mapping at every fault of the guest, and a tree's first entry is found soonest. A wish only.
 */
#define BELOW_VIEW (80ull << 40)

static void *below_all(const uint8_t *view)
{
	return (uintptr_t)view > BELOW_VIEW ? (void *)((uintptr_t)view - BELOW_VIEW) : NULL;
}

/*
 * In a file system of its own, which nobody else sees, because a memfd has huge pages only where somebody has changed
 * a setting of the host. Needs CAP_SYS_ADMIN. -1: not to be had.
 */
static int huge_file(uint64_t size)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), mount = -1, file = -1;
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	if (fs >= 0 && !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "huge", "always", 0) &&
	    !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", bytes, 0) &&
	    !syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
								       MOUNT_ATTR_NOEXEC);
	if (mount >= 0) {
		file = openat(mount, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		close(mount);
	}
	if (fs >= 0)
		close(fs);
	return file;
}

static int open_file(struct guest_ram *ram, const char **what)
{
	ram->file = huge_file(ram->map.size);
	ram->huge = ram->file >= 0;
	if (!ram->huge)
		ram->file = memfd_create("kmc-guest-ram", MFD_CLOEXEC);
	if (ram->file < 0)
		return fail(what, "memfd_create");
	if (ftruncate(ram->file, (off_t)ram->map.size) < 0)
		return fail(what, "ftruncate(guest memory)");
	for (uint64_t n = 0; n < ram->map.size / RAM_GRAIN; n++)
		ram->block[n] = ram->huge ? BLOCK_NEW : BLOCK_SMALL;
	return 0;
}

/* In whole huge pages: RAM_GRAIN is their size. file: -1 for anonymous memory. */
static void *map_aligned(void *hint, uint64_t size, int prot, int file)
{
	uint8_t *map = mmap(hint, size + RAM_GRAIN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (map == MAP_FAILED)
		return map;
	before = -(uintptr_t)map % RAM_GRAIN;
	if (before)
		munmap(map, before);
	munmap(map + before + size, RAM_GRAIN - before);
	return mmap(map + before, size, prot,
		    (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_FIXED | MAP_NORESERVE, file, 0);
}

static int map_both(struct guest_ram *ram, const char **what)
{
	int err = open_file(ram, what);

	if (err)
		return err;
	ram->map.view = map_aligned(NULL, ram->map.size, PROT_READ | PROT_WRITE, ram->file);
	if (ram->map.view == MAP_FAILED)
		return fail(what, "mmap(view of guest memory)");
	/*
	 * Write-only on purpose. With the in-kernel LAPIC and interrupts enabled in the guest, KVM
	 * tries an asynchronous page fault for a page it cannot get. It asks vma_is_valid(), which
	 * looks at the VMA's protection for the access at hand; where that says yes, KVM retries in
	 * the background for ever and KVM_RUN never returns EFAULT. Without PROT_READ the answer is
	 * no for reads, and the EFAULT arrives. The guest still reads pages that are mapped: x86
	 * has no write-only PTEs. The price: a read of a page that nobody mapped yet is an EFAULT
	 * as well, see guest_ram_populate().
	 */
	ram->guest = map_aligned(below_all(ram->map.view), ram->map.size, PROT_WRITE, ram->file);
	if (ram->guest == MAP_FAILED)
		return fail(what, "mmap(guest memory)");
	/* A child of the VMM has no business with the guest's memory. */
	if (madvise(ram->map.view, ram->map.size, MADV_DONTFORK) < 0 ||
	    madvise(ram->guest, ram->map.size, MADV_DONTFORK) < 0)
		return fail(what, "madvise(MADV_DONTFORK)");
	/* Fails where the kernel has no huge pages, which is as good. */
	(void)madvise(ram->map.view, ram->map.size, MADV_HUGEPAGE);
	(void)madvise(ram->guest, ram->map.size, MADV_NOHUGEPAGE);
	return 0;
}

/*
 * The system call needs CAP_SYS_PTRACE or vm.unprivileged_userfaultfd, the device only permission
 * to open it. UFFD_USER_MODE_ONLY would be free for all, but the faults are KVM's, in kernel mode.
 */
static int uffd_open(struct guest_ram *ram, const char **what)
{
	int dev, err;

	ram->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (ram->uffd >= 0)
		return 0;
	err = fail(what, "userfaultfd");
#ifdef USERFAULTFD_IOC_NEW
	dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return err;
	ram->uffd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	if (ram->uffd >= 0)
		err = 0;
	close(dev);
#else
	(void)dev;
#endif
	return err;
}

/* "Missing", too, where the first touch of a block is to be ours. */
static int uffd_watch(const struct guest_ram *ram, uint64_t off, uint64_t len, uint64_t *ioctls)
{
	struct uffdio_register reg = {.range = {(uintptr_t)ram->guest + off, len},
				      .mode = UFFDIO_REGISTER_MODE_MINOR |
					      (ram->huge ? UFFDIO_REGISTER_MODE_MISSING : 0)};

	if (ioctl(ram->uffd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	*ioctls = reg.ioctls;
	return 0;
}

static int uffd_register(struct guest_ram *ram, const char **what)
{
	struct uffdio_api api = {.api = UFFD_API,
				 .features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MINOR_SHMEM |
					     UFFD_FEATURE_MISSING_SHMEM};
	uint64_t ioctls;
	int err = uffd_open(ram, what);

	if (err)
		return err;
	if (ioctl(ram->uffd, UFFDIO_API, &api) < 0)
		return fail(what, "UFFDIO_API");
	if (uffd_watch(ram, 0, ram->map.size, &ioctls) < 0)
		return fail(what, "UFFDIO_REGISTER");
	if (!(ioctls & (1ull << _UFFDIO_CONTINUE))) {
		errno = EOPNOTSUPP;
		return fail(what, "UFFDIO_CONTINUE");
	}
	return 0;
}

static int map_plain(struct guest_ram *ram, const char **what)
{
	ram->map.view = ram->guest = map_aligned(NULL, ram->map.size, PROT_READ | PROT_WRITE, -1);
	if (ram->map.view == MAP_FAILED)
		return fail(what, "mmap(guest memory)");
	if (madvise(ram->map.view, ram->map.size, MADV_DONTFORK) < 0)
		return fail(what, "madvise(MADV_DONTFORK)");
	/* Fails where the kernel has no huge pages: then there are small ones. */
	(void)madvise(ram->map.view, ram->map.size, MADV_HUGEPAGE);
	return 0;
}

static int make_hidable(struct guest_ram *ram, const char **what)
{
	uint64_t words = (guest_ram_pages(ram) + BITS - 1) / BITS;
	int err;

	ram->map.hidden = calloc(words, sizeof(*ram->map.hidden));
	ram->backed = calloc(words, sizeof(*ram->backed));
	ram->gone = calloc(words, sizeof(*ram->gone));
	ram->block = calloc(ram->map.size / RAM_GRAIN, sizeof(*ram->block));
	if (!ram->map.hidden || !ram->backed || !ram->gone || !ram->block)
		return fail(what, "calloc");
	err = map_both(ram, what);
	return err ? err : uffd_register(ram, what);
}

static int create(uint64_t size, bool plain, struct guest_ram **out, const char **what)
{
	struct guest_ram *ram;
	int err;

	*out = NULL;
	if (!size || size % RAM_GRAIN || size > RAM_MAX) {
		errno = EINVAL;
		return fail(what, "guest memory size");
	}
	ram = calloc(1, sizeof(*ram));
	if (!ram)
		return fail(what, "calloc");
	ram->map.size = size;
	ram->map.low = size < GUEST_RAM_LOW_END ? size : GUEST_RAM_LOW_END;
	ram->plain = plain;
	ram->file = ram->uffd = -1;
	ram->map.view = ram->guest = MAP_FAILED;
	pthread_mutex_init(&ram->block_lock, NULL);
	err = plain ? map_plain(ram, what) : make_hidable(ram, what);
	if (err) {
		guest_ram_destroy(ram);
		return err;
	}
	*out = ram;
	return 0;
}

int guest_ram_create(uint64_t size, struct guest_ram **ram, const char **what)
{
	return create(size, false, ram, what);
}

int guest_ram_create_plain(uint64_t size, struct guest_ram **ram, const char **what)
{
	return create(size, true, ram, what);
}

bool guest_ram_is_plain(const struct guest_ram *ram)
{
	return ram->plain;
}

void guest_ram_destroy(struct guest_ram *ram)
{
	if (!ram)
		return;
	if (ram->uffd >= 0)
		close(ram->uffd);
	if (ram->guest != MAP_FAILED && !ram->plain)
		munmap(ram->guest, ram->map.size);
	if (ram->map.view != MAP_FAILED)
		munmap(ram->map.view, ram->map.size);
	if (ram->file >= 0)
		close(ram->file);
	free(ram->map.hidden);
	free(ram->backed);
	free(ram->gone);
	free(ram->block);
	pthread_mutex_destroy(&ram->block_lock);
	free(ram);
}

static const struct {
	const char *what;
	int err; /* 0: any */
	const char *remedy;
} remedies[] = {
	{"userfaultfd", EPERM, "run as root, or give the user access to /dev/userfaultfd"},
	{"userfaultfd", EACCES, "run as root, or give the user access to /dev/userfaultfd"},
	{"userfaultfd", ENOSYS, "the host kernel needs CONFIG_USERFAULTFD"},
	{"userfaultfd", EMFILE, "raise the limit of open files (ulimit -n)"},
	{"UFFDIO_API", 0, "the host kernel must be Linux 5.14 or later"},
	{"UFFDIO_REGISTER", 0, "the host kernel must be Linux 5.14 or later"},
	{"UFFDIO_CONTINUE", 0, "the host kernel must be Linux 5.14 or later"},
	{"guest memory size", 0, "give a multiple of 2 MiB"},
	{"memfd_create", EMFILE, "raise the limit of open files (ulimit -n)"},
	{NULL, ENOMEM, "give the guest less memory"},
};

const char *guest_ram_remedy(const char *what, int err)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (remedies[i].what && strcmp(remedies[i].what, what))
			continue;
		if (!remedies[i].err || remedies[i].err == -err)
			return remedies[i].remedy;
	}
	return "check the limits of this user and the host's kernel log";
}

/* -------------------------------------------------------------- addresses */

int guest_ram_ranges(const struct guest_ram *ram, struct guest_ram_range out[2])
{
	out[0] = (struct guest_ram_range){{0}, ram->map.low, ram->guest};
	if (ram->map.size == ram->map.low)
		return 1;
	out[1] = (struct guest_ram_range){
		{GUEST_RAM_HIGH}, ram->map.size - ram->map.low, ram->guest + ram->map.low};
	return 2;
}

uint64_t guest_ram_anonymous(const struct guest_ram *ram)
{
	unsigned char there[RAM_GRAIN / GUEST_PAGE];
	uint64_t pages = 0;

	for (uint64_t off = 0; ram->plain && off < ram->map.size; off += RAM_GRAIN) {
		if (mincore(ram->map.view + off, RAM_GRAIN, there) < 0)
			return 0;
		for (size_t i = 0; i < sizeof(there); i++)
			pages += there[i] & 1;
	}
	return pages * GUEST_PAGE;
}

/* First page of n whole pages, or -EINVAL. */
static int64_t to_pages(const struct guest_ram *ram, gpa_t gpa, uint64_t n)
{
	uint64_t len, off;

	if (gpa.v % GUEST_PAGE || __builtin_mul_overflow(n, (uint64_t)GUEST_PAGE, &len) ||
	    !guest_ram_offset(ram, gpa, len, &off))
		return -EINVAL;
	return (int64_t)(off / GUEST_PAGE);
}

/* -------------------------------------------------------- pages, one by one */

/* Relaxed: the bits carry no other data, and changes of one page do not race. */
static void mark(struct guest_ram *ram, uint64_t page, uint64_t n, bool hidden)
{
	for (uint64_t i = page; i < page + n; i++) {
		uint64_t bit = 1ull << (i % BITS);
		_Atomic uint64_t *word = &ram->map.hidden[i / BITS];

		if (hidden) {
			if (!(atomic_fetch_or_explicit(word, bit, memory_order_relaxed) & bit))
				atomic_fetch_add_explicit(&ram->nhidden, 1, memory_order_relaxed);
		} else {
			if (atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed) & bit)
				atomic_fetch_sub_explicit(&ram->nhidden, 1, memory_order_relaxed);
		}
	}
}

/*
 * Maps [page, page+n) into the guest mapping. UFFDIO_CONTINUE stops at the first page that is
 * mapped already, and at a hole in the page cache, a page that nobody has touched. Returns 1 if
 * anything was mapped, 0 if all was mapped already, or a negative errno.
 */
static int continue_pages(struct guest_ram *ram, uint64_t page, uint64_t n)
{
	uint64_t off = page * GUEST_PAGE, end = (page + n) * GUEST_PAGE;
	bool instantiated = false;
	int mapped = 0;

	while (off < end) {
		struct uffdio_continue c = {.range = {(uintptr_t)ram->guest + off, end - off}};

		if (!ioctl(ram->uffd, UFFDIO_CONTINUE, &c))
			return 1;
		if (errno == EAGAIN && c.mapped > 0) { /* a part of it; why, says the next try */
			mapped = 1;
			off += (uint64_t)c.mapped;
		} else if (errno == EEXIST) {
			off += GUEST_PAGE;
		} else if (errno == EFAULT && !instantiated) {
			/*
			 * A read fault through the view gives each hole a zeroed page; by madvise,
			 * so that a lack of memory is an error and no SIGBUS.
			 */
			if (madvise(ram->map.view + off, end - off, MADV_POPULATE_READ) < 0)
				return -errno;
			instantiated = true;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		}
	}
	return mapped;
}

/* ----------------------------------------------------------------- blocks */

static enum block block_at(const struct guest_ram *ram, uint64_t page)
{
	return (enum block)atomic_load(&ram->block[page / BLOCK_PAGES]);
}

/* Behind the last page of its block, or end where that comes first. */
static uint64_t block_end(uint64_t page, uint64_t end)
{
	uint64_t next = page / BLOCK_PAGES * BLOCK_PAGES + BLOCK_PAGES;

	return next < end ? next : end;
}

static int block_protect(const struct guest_ram *ram, uint64_t n, int prot)
{
	return mprotect(ram->guest + n * RAM_GRAIN, RAM_GRAIN, prot) < 0 ? -errno : 0;
}

static int block_unwatch(const struct guest_ram *ram, uint64_t n)
{
	struct uffdio_range range = {(uintptr_t)ram->guest + n * RAM_GRAIN, RAM_GRAIN};

	return ioctl(ram->uffd, UFFDIO_UNREGISTER, &range) < 0 ? -errno : 0;
}

static int block_allocate(const struct guest_ram *ram, uint64_t n)
{
	return fallocate(ram->file, 0, (off_t)(n * RAM_GRAIN), RAM_GRAIN) < 0 ? -errno : 0;
}

static int block_advise(const struct guest_ram *ram, uint64_t n, uint64_t bytes, int advice)
{
	return madvise(ram->guest + n * RAM_GRAIN, bytes, advice) < 0 ? -errno : 0;
}

/* A new block, or a huge one where somebody else was first. There may be no more mappings: then it is small. */
static int make_huge(struct guest_ram *ram, uint64_t n)
{
	enum block becomes = BLOCK_HUGE;
	int err = 0;

	pthread_mutex_lock(&ram->block_lock);
	if (atomic_load(&ram->block[n]) == BLOCK_NEW) {
		err = block_allocate(ram, n);
		if (!err && (block_protect(ram, n, PROT_READ | PROT_WRITE) ||
			     block_advise(ram, n, RAM_GRAIN, MADV_HUGEPAGE) || block_unwatch(ram, n))) {
			becomes = BLOCK_SMALL;
			err = block_protect(ram, n, PROT_WRITE);
			if (!err)
				err = block_advise(ram, n, RAM_GRAIN, MADV_NOHUGEPAGE);
		}
		if (!err)
			atomic_store(&ram->block[n], becomes);
	}
	pthread_mutex_unlock(&ram->block_lock);
	return err;
}

/*
 * In no moment may a page be missing in a block that is registered: KVM may be reading the guest's code and page tables
 * there for another vCPU, and what it cannot read it calls an internal error. So the huge page goes while the kernel
 * still serves each fault: by making two mappings of the block, neither of which has room for one. That the second half
 * follows the first when all pages are mapped makes it one mapping again.
 */
static int split_huge(struct guest_ram *ram, uint64_t n)
{
	uint64_t ioctls;
	int err = block_advise(ram, n, RAM_GRAIN / 2, MADV_NOHUGEPAGE);

	if (!err)
		err = block_advise(ram, n, RAM_GRAIN, MADV_POPULATE_READ);
	if (!err)
		err = block_advise(ram, n, RAM_GRAIN, MADV_NOHUGEPAGE);
	if (!err)
		err = uffd_watch(ram, n * RAM_GRAIN, RAM_GRAIN, &ioctls);
	if (!err) {
		err = block_protect(ram, n, PROT_WRITE);
		if (err)
			block_unwatch(ram, n);
	}
	if (err)
		block_advise(ram, n, RAM_GRAIN, MADV_HUGEPAGE);
	return err;
}

/* Nobody has a page of it. */
static int fill_new(struct guest_ram *ram, uint64_t n)
{
	int err = block_allocate(ram, n);

	if (!err)
		err = continue_pages(ram, n * BLOCK_PAGES, BLOCK_PAGES);
	return err < 0 ? err : 0;
}

/* All of its pages are mapped then, one by one. Under the lock of backed, too. */
static int make_small_locked(struct guest_ram *ram, uint64_t n)
{
	int err = atomic_load(&ram->block[n]) == BLOCK_HUGE ? split_huge(ram, n) : fill_new(ram, n);

	if (err)
		return err;
	atomic_store(&ram->block[n], BLOCK_SMALL);
	memset(&ram->backed[n * BLOCK_PAGES / BITS], 0xff, BLOCK_PAGES / 8);
	return 0;
}

static int make_small(struct guest_ram *ram, uint64_t page, uint64_t end)
{
	int err = 0;

	for (; page < end && !err; page = block_end(page, end)) {
		if (block_at(ram, page) == BLOCK_SMALL)
			continue;
		pthread_mutex_lock(&ram->block_lock);
		if (block_at(ram, page) != BLOCK_SMALL)
			err = make_small_locked(ram, page / BLOCK_PAGES);
		pthread_mutex_unlock(&ram->block_lock);
	}
	return err;
}

/* Of pages that are not hidden. As continue_pages(). */
static int reach_pages(struct guest_ram *ram, uint64_t page, uint64_t end)
{
	int mapped = 0, r;

	for (uint64_t next; page < end; page = next) {
		next = block_end(page, end);
		switch (block_at(ram, page)) {
		case BLOCK_NEW:
			r = make_huge(ram, page / BLOCK_PAGES);
			r = r < 0 ? r : 1;
			break;
		case BLOCK_SMALL:
			r = continue_pages(ram, page, next - page);
			break;
		default:
			r = 0;
		}
		if (r < 0)
			return r;
		mapped |= r;
	}
	return mapped;
}

/* ---------------------------------------------------------- hide and show */

/*
 * Puts pages that nobody has touched into the page cache. Without one, a minor fault does not
 * happen: the kernel would serve the guest's first write to the "hidden" page with a new page,
 * unseen.
 */
static int back_pages(struct guest_ram *ram, uint64_t page, uint64_t n)
{
	uint64_t i;

	for (i = page; i < page + n; i++)
		if (!(ram->backed[i / BITS] >> (i % BITS) & 1))
			break;
	if (i == page + n)
		return 0;
	if (madvise(ram->map.view + page * GUEST_PAGE, n * GUEST_PAGE, MADV_POPULATE_READ) < 0)
		return -errno;
	for (i = page; i < page + n; i++)
		ram->backed[i / BITS] |= 1ull << (i % BITS);
	return 0;
}

static bool is_gone(const struct guest_ram *ram, uint64_t page)
{
	return ram->gone[page / BITS] >> (page % BITS) & 1;
}

static void set_gone(struct guest_ram *ram, uint64_t page, uint64_t n, bool gone)
{
	for (uint64_t i = page; i < page + n; i++) {
		uint64_t bit = 1ull << (i % BITS);

		ram->gone[i / BITS] = gone ? ram->gone[i / BITS] | bit : ram->gone[i / BITS] & ~bit;
	}
}

/* Drops the PTEs; KVM's MMU notifier zaps the EPT entries; the data stays in the memfd. */
static int hide_now(struct guest_ram *ram, uint64_t page, uint64_t n)
{
	if (madvise(ram->guest + page * GUEST_PAGE, n * GUEST_PAGE, MADV_DONTNEED) < 0) {
		mark(ram, page, n, false);
		return -errno;
	}
	set_gone(ram, page, n, true);
	return 0;
}

/* A page that could not be mapped is no longer hidden: guest_ram_populate() serves it later. */
static int show_now(struct guest_ram *ram, uint64_t page, uint64_t n)
{
	int err = reach_pages(ram, page, page + n);

	set_gone(ram, page, n, false);
	return err < 0 ? err : 0;
}

/* The guest mapping becomes what is marked, by one call for pages in a row. */
static int settle_run(struct guest_ram *ram, const struct run *r)
{
	uint64_t end = r->page + r->n, page, next;
	int err = 0, e;

	for (page = r->page; page < end; page = next) {
		bool hidden = guest_ram_page_hidden(ram, page), differs = hidden != is_gone(ram, page);

		for (next = page + 1; next < end; next++)
			if (guest_ram_page_hidden(ram, next) != hidden ||
			    (hidden != is_gone(ram, next)) != differs)
				break;
		if (!differs)
			continue;
		e = hidden ? hide_now(ram, page, next - page) : show_now(ram, page, next - page);
		if (hidden && e < 0)
			err = e;
	}
	return err;
}

static int settle_all(struct guest_ram *ram)
{
	int err = 0, e;

	for (unsigned n = 0; n < ram->npending; n++) {
		e = settle_run(ram, &ram->pending[n]);
		if (e < 0)
			err = e;
	}
	ram->npending = 0;
	return err;
}

void guest_ram_defer(struct guest_ram *ram)
{
	ram->deferred = !ram->plain;
}

int guest_ram_settle(struct guest_ram *ram)
{
	ram->deferred = false;
	return settle_all(ram);
}

static int note(struct guest_ram *ram, uint64_t page, uint64_t n)
{
	int err = ram->npending == PENDING ? settle_all(ram) : 0;

	ram->pending[ram->npending++] = (struct run){page, n};
	return err;
}

int guest_ram_hide(struct guest_ram *ram, gpa_t gpa, uint64_t n)
{
	int64_t page = to_pages(ram, gpa, n);
	int err;

	if (page < 0)
		return (int)page;
	if (!n)
		return 0;
	if (ram->plain) {
		errno = EOPNOTSUPP;
		return -errno;
	}
	err = make_small(ram, (uint64_t)page, (uint64_t)page + n);
	if (!err)
		err = back_pages(ram, (uint64_t)page, n);
	if (err)
		return err;
	mark(ram, (uint64_t)page, n, true);
	return ram->deferred ? note(ram, (uint64_t)page, n) : hide_now(ram, (uint64_t)page, n);
}

int guest_ram_show(struct guest_ram *ram, gpa_t gpa, uint64_t n)
{
	int64_t page = to_pages(ram, gpa, n);

	if (page < 0)
		return (int)page;
	if (ram->plain)
		return 0;
	mark(ram, (uint64_t)page, n, false);
	return ram->deferred ? note(ram, (uint64_t)page, n) : show_now(ram, (uint64_t)page, n);
}

uint64_t guest_ram_hidden_pages(const struct guest_ram *ram)
{
	return atomic_load_explicit(&ram->nhidden, memory_order_relaxed);
}

int guest_ram_populate(struct guest_ram *ram, gpa_t gpa, uint64_t n)
{
	int64_t first = to_pages(ram, gpa, n);
	uint64_t page, end, run;
	int mapped = 0;

	if (first < 0)
		return (int)first;
	if (ram->plain)
		return 0;
	end = (uint64_t)first + n;
	for (page = (uint64_t)first; page < end; page = run) {
		bool hidden = guest_ram_page_hidden(ram, page);
		int ret;

		for (run = page + 1; run < end && guest_ram_page_hidden(ram, run) == hidden; run++)
			;
		if (hidden)
			continue;
		ret = reach_pages(ram, page, run);
		if (ret < 0)
			return ret;
		set_gone(ram, page, run - page, false);
		mapped |= ret;
	}
	return mapped;
}
