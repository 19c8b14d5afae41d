// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: load and unload. The module does nothing but announce; see agent.h and kmc_abi.h.
 *
 * Order matters: probes are placed while kmc_active is false, the host is greeted, and only then
 * does everything become active at once. So no object is announced in a slab whose other objects
 * were missed.
 */
#include <linux/init_task.h>
#include <linux/panic_notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <asm/page.h>
#include <asm/pgtable.h>
#include "agent.h"

struct kmc_hello *kmc_hello;
bool kmc_active;

static bool panic_registered, greeted;

static long memory;
module_param(memory, long, 0444);
MODULE_PARM_DESC(memory, "bytes that the agent has taken, without the module itself (see /proc/modules)");

void kmc_count_memory(long bytes)
{
	memory += bytes;
}

void *kmc_alloc(size_t bytes)
{
	void *p = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO);

	if (p)
		kmc_count_memory(PAGE_ALIGN(bytes));
	return p;
}

void kmc_free(void *p, size_t bytes)
{
	if (!p)
		return;
	free_pages_exact(p, bytes);
	kmc_count_memory(-(long)PAGE_ALIGN(bytes));
}

static int on_panic(struct notifier_block *nb, unsigned long event, void *text)
{
	kmc_doorbell(KMC_CMD_PANIC, 0);
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = { .notifier_call = on_panic, .priority = INT_MAX };

/*
 * The per-CPU variable that holds current: a variable of its own, or the first member of pcpu_hot.
 * What the name says is checked against what it holds.
 */
static u64 find_current_offset(void)
{
	static const char *const names[] = { "current_task", "pcpu_hot", "const_current_task" };
	unsigned long offset;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		offset = kmc_lookup(names[i]);
		if (offset && offset < (unsigned long)TASK_SIZE &&
		    raw_cpu_read(*(struct task_struct *__percpu *)offset) == current)
			return offset;
	}
	return 0;
}

static int find_page_table(void)
{
	struct mm_struct *mm = (struct mm_struct *)kmc_lookup("init_mm");

	if (!mm)
		return -ENOENT;
	kmc_hello->cr3 = __pa(mm->pgd);
	return 0;
}

static int fill_hello(void)
{
	struct kmc_hello *h = kmc_hello;

	h->magic = KMC_ABI_MAGIC;
	h->version = KMC_ABI_VERSION;
	h->direct_map = PAGE_OFFSET;
	h->vmemmap_start = VMEMMAP_START;
	h->sizeof_page = sizeof(struct page);
	h->text_start = kmc_lookup("_stext");
	h->text_end = kmc_lookup("_etext");
	h->module_start = MODULES_VADDR;
	h->module_end = MODULES_END;
	h->btf_start = kmc_lookup("__start_BTF");
	h->btf_end = kmc_lookup("__stop_BTF");
	h->notes_start = kmc_lookup("__start_notes");
	h->notes_end = kmc_lookup("__stop_notes");
	h->current_task = find_current_offset();
	h->task_pid = offsetof(struct task_struct, pid);
	h->task_tgid = offsetof(struct task_struct, tgid);
	h->task_comm = offsetof(struct task_struct, comm);
	h->task_stack = offsetof(struct task_struct, stack);
	h->thread_size = THREAD_SIZE;
	h->slab_typesafe_by_rcu = (__force u32)SLAB_TYPESAFE_BY_RCU;
	kmc_symbols_self(h);
	strscpy(h->release, init_utsname()->release, sizeof(h->release));
	if (!h->text_start || !h->text_end)
		return -ENOENT;
	return find_page_table();
}

static void greet(void)
{
	kmc_doorbell(KMC_CMD_HELLO, virt_to_phys(kmc_hello) >> PAGE_SHIFT);
	greeted = true;
}

/* Nothing is announced in between: the host is told what it has missed. */
void kmc_detach(void)
{
	WRITE_ONCE(kmc_active, false);
	kmc_slab_deinit();
	kmc_probes_deinit();
	kmc_pages_forget_all();
	kmc_doorbell(KMC_CMD_PROBES, 0);
}

int kmc_attach(void)
{
	int err;

	kmc_symbols_kernel();
	kmc_slab_init();
	err = kmc_probes_init();
	if (err) {
		kmc_slab_deinit();
		kmc_probes_deinit();
		return err;
	}
	kmc_doorbell(KMC_CMD_PROBES, 1);
	WRITE_ONCE(kmc_active, true);
	return 0;
}

/* Undoes whatever agent_init() got done. */
static void agent_deinit(void)
{
	kmc_wait_stop();
	WRITE_ONCE(kmc_active, false);
	if (panic_registered)
		atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	kmc_slab_deinit();
	kmc_probes_deinit();
	if (greeted)
		kmc_doorbell(KMC_CMD_BYE, 0);
	kmc_symbols_deinit();
	kmc_trace_deinit();
	kmc_wait_deinit();
	kmc_pages_deinit();
	kmc_rings_deinit();
	kmc_free(kmc_hello, sizeof(*kmc_hello));
}

static int __init set_up(void)
{
	int err;

	kmc_hello = kmc_alloc(sizeof(*kmc_hello));
	if (!kmc_hello)
		return -ENOMEM;
	err = kmc_symbols_init();
	if (!err)
		err = fill_hello();
	if (!err)
		err = kmc_trace_init();
	if (!err)
		err = kmc_rings_init();
	if (!err)
		err = kmc_pages_init();
	if (!err)
		err = kmc_wait_init();
	if (err)
		return err;

	kmc_hello->flags = kmc_slab_init();
	err = kmc_probes_init();
	if (err)
		return err;
	kmc_probes_describe(kmc_hello);
	greet();
	err = kmc_symbols_stream();
	if (err)
		return err;
	/* Before the first announcement: a report has names. Without any there is none. */
	if (kmc_wait_any())
		kmc_symbols_kernel();
	panic_registered = !atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	WRITE_ONCE(kmc_active, true);
	kmc_wait_start();
	return 0;
}

static int __init agent_init(void)
{
	int err;

	if (inl(KMC_PORT) != KMC_ABI_MAGIC) {
		pr_info("no kmc-vmm underneath: not loaded\n");
		return -ENODEV;
	}
	if (nr_cpu_ids > KMC_MAX_CPUS) {
		pr_err("%u CPUs are too many: at most %u\n", nr_cpu_ids, KMC_MAX_CPUS);
		return -E2BIG;
	}
	err = set_up();
	if (err) {
		pr_err("cannot start: error %d\n", err);
		agent_deinit();
		return err;
	}
	pr_info("announcing slab objects to kmc-vmm, %u rings of %u records\n", kmc_hello->ncpus,
		kmc_hello->slots);
	return 0;
}

static void __exit agent_exit(void)
{
	agent_deinit();
}

module_init(agent_init);
module_exit(agent_exit);
MODULE_DESCRIPTION("Announces slab objects to kmc-vmm");
MODULE_LICENSE("GPL");
