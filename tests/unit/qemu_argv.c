// SPDX-License-Identifier: GPL-2.0-only
/*
 * qemu_argv.c: QEMU's command lines as farms and runners write them, and what kmc-vmm is told
 * instead; what is refused, with the reason; and lines that nobody would write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "qemu_argv.h"
#include "qemu_line_test.h"
#include "random64.h"

static struct qemu_argv out;
static char text[8192], shown[4096], notes[4096];

static enum qemu_result run(const char *line)
{
	char copy[2048], *words[LINE_WORDS];
	enum qemu_result result;
	size_t at = 0;
	int n;

	snprintf(copy, sizeof(copy), "kmc-vmm-qemu %s", line);
	n = cut_line(copy, words);
	result = qemu_translate(n, words, "1.2", &out, text, sizeof(text));
	shown[0] = notes[0] = '\0';
	for (int i = 1; i < out.argc; i++) {
		bool blank = strchr(out.argv[i], ' ');

		at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%s%s%s%s", i > 1 ? " " : "",
				       blank ? "'" : "", out.argv[i], blank ? "'" : "");
	}
	at = 0;
	for (int i = 0; i < out.nnotes; i++)
		at += (size_t)snprintf(notes + at, sizeof(notes) - at, "%s\n", out.notes[i]);
	if (out.argc)
		assert_null(out.argv[out.argc]);
	qemu_argv_free(&out);
	return result;
}

static void check(const char *line, const char *expected)
{
	if (run(line) != QEMU_RUN)
		fail_msg("%s\nis refused: %s", line, text);
	if (strcmp(shown, expected) != 0)
		fail_msg("%s\ngives\n%s\ninstead of\n%s", line, shown, expected);
}

/* As their sources have them. */
static void test_farms(void **state)
{
	/* syzkaller, vm/qemu/qemu.go; its default qemu_args for linux/amd64, and image_device. */
	check("-m 2048 -smp 2 -chardev "
	      "socket,id=SOCKSYZ,server=on,wait=off,host=localhost,port=45678 "
	      "-mon chardev=SOCKSYZ,mode=control -display none -serial stdio -no-reboot -name VM-0 "
	      "-device virtio-rng-pci -enable-kvm -cpu host,migratable=off "
	      "-device virtio-net-pci,netdev=net0 "
	      "-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:34567-:22 "
	      "-hda /img/bookworm.img -snapshot -kernel /linux/bzImage "
	      "-append 'root=/dev/sda console=ttyS0 net.ifnames=0'",
	      "--memory 2048 --cpus 2 --name VM-0 --kernel /linux/bzImage --rng "
	      "--disk /img/bookworm.img --append 'root=/dev/vda console=ttyS0 net.ifnames=0' "
	      "--net user,restrict,hostfwd=tcp:127.0.0.1:34567-:22 --qmp tcp:localhost:45678 "
	      "--serial stdio");
	assert_string_equal(notes, "/dev/sda is /dev/vda here, also in -append\n"
				   "ignored: -cpu host,migratable=off\n");
	check("-m 2048 -smp 2 -drive if=virtio,format=raw,file=/img -snapshot -initrd /rd -kernel "
	      "/k "
	      "-append 'root=/dev/sda root=/dev/vda1'",
	      "--memory 2048 --cpus 2 --initrd /rd --kernel /k --disk /img "
	      "--append 'root=/dev/sda root=/dev/vda1'");
	assert_string_equal(notes, "");

	/* KUnit's runner, tools/testing/kunit/. */
	check("-nodefaults -m 1024 -kernel .kunit/arch/x86/boot/bzImage "
	      "-append 'kunit.enable=1 console=ttyS0 kunit_shutdown=reboot' -no-reboot -nographic "
	      "-accel kvm -accel hvf -accel tcg -serial stdio -bios qboot.rom",
	      "--memory 1024 --kernel .kunit/arch/x86/boot/bzImage "
	      "--append 'kunit.enable=1 console=ttyS0 kunit_shutdown=reboot' --serial stdio");
	assert_string_equal(notes, "ignored: -bios qboot.rom\n");

	/* The kernel's tools/testing/selftests/bpf/vmtest.sh. */
	check("-nodefaults -display none -serial mon:stdio -cpu host -enable-kvm -smp 8 -m 4G "
	      "-drive file=/w/root.img,format=raw,index=1,media=disk,if=virtio,cache=none "
	      "-kernel bzImage -append 'root=/dev/vda rw console=ttyS0,115200'",
	      "--cpus 8 --memory 4G --kernel bzImage --disk /w/root.img,rw "
	      "--append 'root=/dev/vda rw console=ttyS0,115200' --serial stdio");

	/* buildroot, board/qemu/x86_64 and its boot tests. */
	check("-M pc -kernel bzImage -drive file=rootfs.ext2,if=virtio,format=raw "
	      "-append 'rootwait root=/dev/vda console=tty1 console=ttyS0' -net nic,model=virtio "
	      "-net user -serial stdio -display none -m 256",
	      "--kernel bzImage --memory 256 --disk rootfs.ext2,rw "
	      "--append 'rootwait root=/dev/vda console=tty1 console=ttyS0' --net user "
	      "--serial stdio");
	assert_string_equal(notes, "ignored: -machine pc\n");

	/* virtme-ng without its folders, which come by 9p. */
	check("-machine accel=kvm:tcg -device i6300esb,id=watchdog0 -cpu host -parallel none -net "
	      "none "
	      "-echr 1 -chardev stdio,id=console,signal=off,mux=on -serial chardev:console "
	      "-mon chardev=console -vga none -display none -smp 4 -m 1G -kernel k -append x",
	      "--cpus 4 --memory 1G --kernel k --append x --serial stdio");
}

static void test_values(void **state)
{
	check("--kernel k", "--kernel k");
	check("-kernel k -m size=2G,slots=2,maxmem=4G -smp cpus=4,maxcpus=8",
	      "--kernel k --memory 2G --cpus 4");
	check("-kernel k -smp 4,sockets=2,cores=2 -smp sockets=2,cores=3,threads=2",
	      "--kernel k --cpus 4 --cpus 12");
	check("-kernel k -name 'guest=a b/c,debug-threads=on'", "--kernel k --name a_b_c");
	check("-kernel k -name -x", "--kernel k --name _x");
	check("-kernel k -kmc track=full,checks=uaf,,oob,rng -kmc report-log=/a,,b",
	      "--kernel k --track full --checks uaf,oob --rng --report-log /a,b");
	check("-kernel k -M q35,accel=kvm,usb=off -machine type=microvm", "--kernel k");
	check("-kernel k -action reboot=shutdown,panic=shutdown", "--kernel k");
	check("-kernel k -object rng-random,filename=/dev/urandom,id=r -device "
	      "virtio-rng-pci,rng=r",
	      "--kernel k --rng");
	check("-kernel k -device pvpanic", "--kernel k --pvpanic");
}

static void test_disks(void **state)
{
	/* QEMU writes to an image unless it is told not to. */
	check("-kernel k -hda a", "--kernel k --disk a,rw");
	check("-kernel k a", "--kernel k --disk a,rw");
	check("-kernel k -hda a -snapshot", "--kernel k --disk a");
	check("-kernel k -drive file=a,snapshot=on", "--kernel k --disk a");
	check("-kernel k -drive file=a,readonly=on,if=virtio -snapshot", "--kernel k --disk a,ro");
	check("-kernel k -hda a.qcow2", "--kernel k --disk a.qcow2,rw,format=qcow2");
	check("-kernel k -drive file=a.qcow2,format=raw", "--kernel k --disk a.qcow2,rw");
	check("-kernel k -drive file=a,format=qcow2,id=x,if=none -device "
	      "virtio-blk-pci,drive=x,serial=s",
	      "--kernel k --disk a,rw,format=qcow2");
	/* virtio first: those keep their names. */
	check("-kernel k -append 'root=/dev/sda1 resume=/dev/sdb x=/dev/sdc y=/dev/sdab z=/dev/sd' "
	      "-hdb b -drive file=v,if=virtio -hda a -snapshot",
	      "--kernel k --disk v --disk a --disk b "
	      "--append 'root=/dev/vdb1 resume=/dev/vdc x=/dev/sdc y=/dev/sdab z=/dev/sd'");
	assert_string_equal(notes, "/dev/sda is /dev/vdb here, also in -append\n"
				   "/dev/sdb is /dev/vdc here, also in -append\n");
	check("-kernel k -append root=/dev/sda -device ahci,id=c -drive if=none,file=a,id=d "
	      "-device ide-hd,drive=d,bus=c.0 -snapshot",
	      "--kernel k --disk a --append root=/dev/vda");
	check("-kernel k -drive if=none,file=a,id=d", "--kernel k");
	assert_string_equal(notes, "ignored: -drive a\n");
}

static void test_networks(void **state)
{
	check("-kernel k -nic "
	      "user,model=virtio-net-pci,hostfwd=tcp::1-:2,hostfwd=udp::3-10.0.2.15:4",
	      "--kernel k --net user,hostfwd=tcp::1-:2,hostfwd=udp::3-:4");
	check("-kernel k -nic none -net none", "--kernel k");
	check("-kernel k -netdev tap,id=n,ifname=t0,script=no,downscript=no "
	      "-device virtio-net-pci,netdev=n,mac=52:54:00:12:34:56",
	      "--kernel k --net tap,ifname=t0,mac=52:54:00:12:34:56");
	check("-kernel k -netdev user,id=n,restrict=off", "--kernel k");
	assert_string_equal(notes, "ignored: -netdev n\n");
}

static void test_consoles(void **state)
{
	check("-kernel k -nographic", "--kernel k");
	check("-kernel k -serial none -serial null", "--kernel k --serial null");
	check("-kernel k -serial file:log", "--kernel k --serial ./log");
	check("-kernel k -serial file:/log", "--kernel k --serial /log");
	check("-kernel k -serial unix:/s,server,nowait", "--kernel k --serial unix:/s");
	check("-kernel k -device isa-serial,chardev=c -chardev file,id=c,path=/l",
	      "--kernel k --serial /l");
	check("-kernel k -chardev socket,id=c,path=/s,server=on -device virtio-serial-pci "
	      "-device virtconsole,chardev=c",
	      "--kernel k --console unix:/s");
	check("-kernel k -qmp unix:/q,server=on,wait=off -monitor none",
	      "--kernel k --qmp unix:/q");
	check("-kernel k -qmp tcp:localhost:4444,server,nowait",
	      "--kernel k --qmp tcp:localhost:4444");
}

static const struct {
	const char *line, *reason;
} refused[] = {
	{"-m 1G", "give -kernel"},
	{"-kernel k -frobnicate", "-frobnicate: this option is not known"},
	{"-kernel", "value is missing"},
	{"-kernel k -", "not known"},
	{"-kernel k -device e1000,netdev=n -netdev user,id=n",
	 "\"network_device\": \"virtio-net-pci\""},
	{"-kernel k -device rtl8139", "virtio-net-pci"},
	{"-kernel k -net nic,model=e1000 -net user", "virtio-net-pci"},
	{"-kernel k -nic user,model=e1000", "virtio-net-pci"},
	{"-kernel k -device nvme,drive=d", "virtio-blk-pci"},
	{"-kernel k -device frob", "no such device"},
	{"-kernel k -device {\"driver\":\"virtio-rng-pci\"}", "no such device"},
	{"-kernel k -device virtio-net-pci,netdev=n", "-netdev with that id"},
	{"-kernel k -device virtio-net-pci,netdev=n,frob=1 -netdev user,id=n", "\"frob\""},
	{"-kernel k -device virtio-blk-pci,drive=d -drive file=a,if=virtio,id=d", "if=none"},
	{"-kernel k -accel tcg", "-accel kvm"},
	{"-kernel k -machine q35,accel=tcg", "-accel kvm"},
	{"-kernel k -M virt", "q35"},
	{"-kernel k -display gtk", "give none"},
	{"-kernel k -vnc :0", "-display none"},
	{"-kernel k -serial tcp::1,server", "unix:PATH"},
	{"-kernel k -serial unix:/s", "server=on"},
	{"-kernel k -serial pty", "give stdio"},
	{"-kernel k -serial stdio -serial stdio", "one serial port"},
	{"-kernel k -serial chardev:x", "id=x"},
	{"-kernel k -mon chardev=x,mode=control", "id=x"},
	{"-kernel k -chardev stdio,id=x -mon chardev=x,mode=control", "unix or tcp"},
	{"-kernel k -qmp unix:/a,server -qmp unix:/b,server", "one QMP"},
	{"-kernel k -monitor stdio", "monitor for people"},
	{"-kernel k -chardev socket,id=x,port=1", "server=on"},
	{"-kernel k -chardev stdio", "give an id"},
	{"-kernel k -drive file=a,if=floppy", "if=virtio"},
	{"-kernel k -drive file=a,format=vmdk", "raw or qcow2"},
	{"-kernel k -drive file=a,,b", "no comma"},
	{"-kernel k -drive file=a,media=cdrom", "disks only"},
	{"-kernel k -drive file=a,frob=1", "frob"},
	{"-kernel k -drive if=virtio", "give a file"},
	{"-kernel k -cdrom a", "give -drive"},
	{"-kernel k -netdev socket,id=n", "give user or tap"},
	{"-kernel k -netdev user,id=n,net=10.1.0.0/16", "\"net\" is not possible"},
	{"-kernel k -netdev tap,id=n", "ifname=NAME"},
	{"-kernel k -virtfs local,path=/,mount_tag=t", "-t virtiofs"},
	{"-kernel k -fsdev local,id=f,path=/", "-t virtiofs"},
	{"-kernel k -device virtio-9p-pci,fsdev=f,mount_tag=/dev/root", "-t virtiofs"},
	{"-kernel k -device vhost-vsock-pci,guest-cid=3", "vsock=CID"},
	{"-kernel k -daemonize", "foreground"},
	{"-kernel k -s", "debugger"},
	{"-kernel k -S", "starts at once"},
	{"-kernel k -gdb tcp::1", "debugger"},
	{"-kernel k -action panic=pause", "leave it out"},
	{"-kernel k -object memory-backend-file,id=m", "leave it out"},
	{"-kernel k -kmc ''", "OPTION=VALUE"},
	{"-kernel k -kmc =x", "no name"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (run(refused[i].line) != QEMU_BAD)
			fail_msg("%s\nis not refused: %s", refused[i].line, shown);
		if (!strstr(text, refused[i].reason) || strchr(text, '\n'))
			fail_msg("%s\nis refused so: %s", refused[i].line, text);
	}
}

static void test_answers(void **state)
{
	/* syzkaller keeps the first line. */
	assert_int_equal(run("--version"), QEMU_ANSWER);
	assert_string_equal(text, "QEMU emulator version 7.2.0 (kmc-vmm 1.2)\n");
	assert_int_equal(run("-kernel k -version"), QEMU_ANSWER);
	assert_int_equal(run("-help"), QEMU_ANSWER);
	assert_non_null(strstr(text, "-kmc"));
	assert_int_equal(run("-device help"), QEMU_ANSWER);
	assert_non_null(strstr(text, "virtio-net-pci\n"));
	assert_int_equal(run("-machine help"), QEMU_ANSWER);
	/* A value is no question. */
	assert_int_equal(run("-kernel k -append -version"), QEMU_RUN);
	assert_int_equal(run("-kernel k -device"), QEMU_BAD);
}

static void test_names(void **state)
{
	assert_true(qemu_name("kmc-vmm-qemu"));
	assert_true(qemu_name("/usr/bin/kmc-vmm-qemu"));
	assert_true(qemu_name("./qemu-system-x86_64"));
	assert_false(qemu_name("kmc-vmm"));
	assert_false(qemu_name("/kmc-vmm-qemu/kmc-vmm"));
}

/* Words of all the lines above in any order: an answer, and no more than that. */
static void test_random(void **state)
{
	static char words[] =
		"-m -smp -chardev -mon -display -serial -name -device -netdev -hda -hdb -drive "
		"-kernel -append "
		"-initrd -kmc -nic -net -qmp -accel -machine -object -action -cpu -snapshot "
		"-version -M "
		"virtio-net-pci,netdev=n virtio-blk-pci,drive=n virtio-rng-pci "
		"virtconsole,chardev=n "
		"isa-serial,chardev=n user,id=n,hostfwd=tcp::1-10.0.2.15:2 tap,id=n,ifname=t "
		"socket,id=n,path=/s,server file,id=n,path=/f stdio,id=n chardev=n,mode=control "
		"chardev:n "
		"unix:/s,server if=none,file=a,id=n if=virtio,file=b,index=999999999999 "
		"file=c,index=x ,, = , "
		"=,=, sockets=99999999999999999999,cores=9 root=/dev/sda=/dev/sd nic,model=virtio "
		"user none help "
		"mon: file: stdio null kvm:tcg::, type=";
	char *word[LINE_WORDS], *line[13];
	int n = cut_line(words, word), seen[3] = {0};

	line[0] = word[0];
	for (int round = 0; round < 200000; round++) {
		int len = 1 + (int)(random64() % 11);

		for (int i = 1; i <= len; i++)
			line[i] = word[random64() % (uint64_t)n];
		line[len + 1] = NULL;
		text[0] = '\0';
		switch (qemu_translate(len + 1, line, "1", &out, text, sizeof(text))) {
		case QEMU_RUN:
			seen[0]++;
			break;
		case QEMU_ANSWER:
			assert_true(text[0] && text[strlen(text) - 1] == '\n');
			seen[1]++;
			break;
		case QEMU_BAD:
			assert_true(text[0] && !strchr(text, '\n'));
			seen[2]++;
			break;
		}
		qemu_argv_free(&out);
	}
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_farms),	 cmocka_unit_test(test_values),
		cmocka_unit_test(test_disks),	 cmocka_unit_test(test_networks),
		cmocka_unit_test(test_consoles), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_answers),	 cmocka_unit_test(test_names),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
