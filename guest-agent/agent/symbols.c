// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbols.c: finds kernel symbols that are not exported, and streams the names of all functions, and
 * where the ORC tables are, to the host: the kernel's once, before the first announcement that counts,
 * each module's before its init function runs.
 *
 * A module is announced as one or two ranges of the same name: its text, and its init text, which
 * goes away again when it is loaded.
 */
#include <linux/elf.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/rculist.h>
#include "agent.h"

static unsigned long lookup_name, lookup_size, on_each_symbol;

static DEFINE_MUTEX(stream_lock); /* the three below */
static char *buffer;
static size_t used;
static bool kernel_told;

static bool notifying;

/*
 * kallsyms_lookup_name() is not exported, but a kprobe is placed by name. On kernels with IBT the
 * address may be behind the function's ENDBR: the same function, entered one instruction later.
 */
static unsigned long find_lookup_name(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long addr;

	if (register_kprobe(&kp))
		return 0;
	addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	return addr;
}

int kmc_symbols_init(void)
{
	lookup_name = find_lookup_name();
	if (!lookup_name) {
		pr_err("cannot place a kprobe: the kernel needs CONFIG_KPROBES and "
		       "CONFIG_KALLSYMS\n");
		return -ENOENT;
	}
	lookup_size = kmc_lookup("kallsyms_lookup_size_offset");
	on_each_symbol = kmc_lookup("kallsyms_on_each_symbol");

	buffer = kmc_alloc(KMC_SYMBOL_BUFFER);
	if (!buffer)
		return -ENOMEM;
	kmc_hello->symbol_buffer = virt_to_phys(buffer);
	return 0;
}

unsigned long kmc_lookup(const char *name)
{
	return kmc_call(lookup_name, (unsigned long)name, 0, 0, 0);
}

unsigned long kmc_symbol_size(unsigned long addr)
{
	unsigned long size = 0, offset = 0;

	if (!addr || !lookup_size)
		return 0;
	if (!kmc_call(lookup_size, addr, (unsigned long)&size, (unsigned long)&offset, 0))
		return 0;
	return size;
}

static void flush(void)
{
	if (used)
		kmc_doorbell(KMC_CMD_SYMBOLS, used);
	used = 0;
}

static void put_symbol(enum kmc_symbol_type type, u64 addr, u64 size, const char *name)
{
	size_t len = min_t(size_t, strlen(name), U8_MAX);
	struct kmc_symbol *sym;

	if (used + sizeof(*sym) + len > KMC_SYMBOL_BUFFER)
		flush();
	sym = (struct kmc_symbol *)(buffer + used);
	sym->addr = addr;
	sym->size = size;
	sym->type = type;
	sym->namelen = len;
	memcpy(sym->name, name, len);
	used += sizeof(*sym) + len;
}

/* Labels of the padding before functions, not functions. */
static bool is_label(const char *name)
{
	return str_has_prefix(name, "__pfx_") || str_has_prefix(name, "__cfi_");
}

static int put_kernel_symbol(const char *name, unsigned long addr)
{
	if (addr >= kmc_hello->text_start && addr < kmc_hello->text_end && !is_label(name))
		put_symbol(KMC_SYM_TEXT, addr, 0, name);
	return 0;
}

/* The callback of kallsyms_on_each_symbol() had a struct module * as its third argument once. */
static int each_symbol(void *data, const char *name, unsigned long addr)
{
	return put_kernel_symbol(name, addr);
}

static int each_symbol_with_module(void *data, const char *name, struct module *mod,
				   unsigned long addr)
{
	return put_kernel_symbol(name, addr);
}

#define TAKES_MODULE                                                                               \
	__builtin_types_compatible_p(                                                              \
		typeof(kallsyms_on_each_symbol),                                                   \
		int(int (*)(void *, const char *, struct module *, unsigned long), void *))

static void put_orc(u64 ip, u64 entries, u64 n)
{
	if (!ip || !entries || !n)
		return;
	put_symbol(KMC_SYM_ORC_IP, ip, n, "");
	put_symbol(KMC_SYM_ORC, entries, n, "");
}

static void put_kernel_orc(void)
{
	u64 ip = kmc_lookup("__start_orc_unwind_ip"), end = kmc_lookup("__stop_orc_unwind_ip");

	put_orc(ip, kmc_lookup("__start_orc_unwind"), (end - ip) / sizeof(int));
}

#ifdef CONFIG_UNWINDER_ORC
static void put_module_orc(const struct module *mod)
{
	put_orc((u64)mod->arch.orc_unwind_ip, (u64)mod->arch.orc_unwind, mod->arch.num_orcs);
}
#else
static void put_module_orc(const struct module *mod)
{
}
#endif

static void put_kernel(void)
{
	unsigned long fn =
		TAKES_MODULE ? (unsigned long)each_symbol_with_module : (unsigned long)each_symbol;

	put_symbol(KMC_SYM_KERNEL, kmc_hello->text_start,
		   kmc_hello->text_end - kmc_hello->text_start, "");
	put_kernel_orc();
	if (on_each_symbol)
		kmc_call(on_each_symbol, fn, 0, 0, 0);
	flush();
}

/* A module's executable memory. */
struct text {
	unsigned long start, size;
};

#ifdef for_each_mod_mem_type
static struct text core_text(const struct module *mod)
{
	return (struct text){ (unsigned long)mod->mem[MOD_TEXT].base, mod->mem[MOD_TEXT].size };
}

static struct text init_text(const struct module *mod)
{
	return (struct text){ (unsigned long)mod->mem[MOD_INIT_TEXT].base,
			      mod->mem[MOD_INIT_TEXT].size };
}
#else
static struct text core_text(const struct module *mod)
{
	return (struct text){ (unsigned long)mod->core_layout.base, mod->core_layout.text_size };
}

static struct text init_text(const struct module *mod)
{
	return (struct text){ (unsigned long)mod->init_layout.base, mod->init_layout.text_size };
}
#endif

void kmc_symbols_self(struct kmc_hello *h)
{
	struct text self = core_text(THIS_MODULE);

	h->agent_start = self.start;
	h->agent_end = self.start + self.size;
}

static void put_text_symbols(const struct module *mod, struct text text)
{
	struct mod_kallsyms *k;
	unsigned int i;

	rcu_read_lock_sched();
	k = rcu_dereference_sched(mod->kallsyms);
	for (i = 1; k && i < k->num_symtab; i++) {
		const Elf_Sym *sym = &k->symtab[i];
		unsigned long addr = kallsyms_symbol_value(sym);
		const char *name = k->strtab + sym->st_name;

		if (sym->st_shndx == SHN_UNDEF || !*name || is_label(name))
			continue;
		if (addr - text.start < text.size && (k->typetab[i] | 0x20) == 't')
			put_symbol(KMC_SYM_TEXT, addr, sym->st_size, name);
	}
	rcu_read_unlock_sched();
}

static void put_module(const struct module *mod, struct text text)
{
	if (!text.size)
		return;
	put_symbol(KMC_SYM_MODULE, text.start, text.size, mod->name);
	put_module_orc(mod);
	put_text_symbols(mod, text);
	put_symbol(KMC_SYM_KERNEL, kmc_hello->text_start,
		   kmc_hello->text_end - kmc_hello->text_start, "");
}

static void put_gone(const struct module *mod, struct text text)
{
	if (text.size)
		put_symbol(KMC_SYM_MODULE_GONE, text.start, text.size, mod->name);
}

static int on_module(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;

	kmc_trace_forget(init_text(mod).start, init_text(mod).size);
	if (state != MODULE_STATE_LIVE)
		kmc_trace_forget(core_text(mod).start, core_text(mod).size);

	mutex_lock(&stream_lock);
	switch (state) {
	case MODULE_STATE_COMING:
		put_module(mod, core_text(mod));
		put_module(mod, init_text(mod));
		break;
	case MODULE_STATE_LIVE:
		put_gone(mod, init_text(mod));
		break;
	case MODULE_STATE_GOING:
		put_gone(mod, init_text(mod));
		put_gone(mod, core_text(mod));
		break;
	}
	flush();
	mutex_unlock(&stream_lock);
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = on_module };

/* Modules that were there before us, and ourselves. Those that come meanwhile: on_module(). */
static void put_loaded_modules(void)
{
	struct list_head *modules = (struct list_head *)kmc_lookup("modules");
	const struct module *mod;

	put_module(THIS_MODULE, core_text(THIS_MODULE));
	if (!modules)
		return;
	rcu_read_lock_sched();
	list_for_each_entry_rcu(mod, modules, list,
				rcu_read_lock_sched_held()) if (mod != THIS_MODULE &&
								mod->state == MODULE_STATE_LIVE)
		put_module(mod, core_text(mod));
	rcu_read_unlock_sched();
}

void kmc_symbols_kernel(void)
{
	mutex_lock(&stream_lock);
	if (!kernel_told)
		put_kernel();
	kernel_told = true;
	mutex_unlock(&stream_lock);
}

int kmc_symbols_stream(void)
{
	int err;

	mutex_lock(&stream_lock);
	err = register_module_notifier(&module_notifier);
	notifying = !err;
	put_loaded_modules();
	flush();
	mutex_unlock(&stream_lock);
	return err;
}

void kmc_symbols_deinit(void)
{
	if (notifying)
		unregister_module_notifier(&module_notifier);
	kmc_free(buffer, KMC_SYMBOL_BUFFER);
}
