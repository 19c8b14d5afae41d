// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvirt_refusals.c: one good domain with one thing changed: what is refused and why, what is
 * taken otherwise, what is ignored. What would be another machine than the domain's is an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "domain_parse.h"

static const char base[] =
	"<domain type='kvm'><name>x</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>"
	"<os><type arch='x86_64'>hvm</type><kernel>/k</kernel><initrd>/i</initrd></os>"
	"<metadata><o:options xmlns:o='urn:kmc-vmm:domain:1'>"
	"<o:option name='track' value='full'/></o:options></metadata>"
	"<devices><disk type='file'><driver type='raw'/><source file='/d'/><target "
	"dev='vda'/></disk>"
	"<interface type='user'><mac address='52:54:00:00:00:01'/>"
	"<portForward proto='tcp'><range start='10022' to='22'/></portForward></interface>"
	"<interface type='ethernet'><target dev='tap0' managed='no'/></interface>"
	"<serial type='null'/><console type='file'><source path='/c'/><target "
	"type='virtio'/></console>"
	"<vsock><cid address='3'/></vsock><rng><backend model='random'>/dev/urandom</backend></rng>"
	"<filesystem><source dir='/s'/><target dir='tag'/></filesystem><panic model='isa'/>"
	"</devices></domain>";

struct change {
	const char *from, *to; /* in base */
	const char *wanted;
};

static char *changed(const struct change *c)
{
	const char *at = strstr(base, c->from);
	char *xml;

	assert_non_null(at);
	assert_true(asprintf(&xml, "%.*s%s%s", (int)(at - base), base, c->to,
			     at + strlen(c->from)) > 0);
	return xml;
}

static int parse(const struct change *c, bool kernel_given, struct domain_args *args, char err[256])
{
	const struct domain_context context = {.runtime_dir = "/run", .kernel_given = kernel_given};
	char *xml = changed(c);
	int ret;

	*err = '\0';
	ret = domain_parse(xml, strlen(xml), &context, args, err, 256);
	free(xml);
	return ret;
}

/* All options in one string. */
static char *join(const struct domain_args *args)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 0; i < args->argc; i++)
		fprintf(f, "%s ", args->argv[i]);
	fclose(f);
	return text;
}

static const struct change refused[] = {
	{"type='kvm'", "type='xen'", "type \"xen\""},
	{"type='kvm'", "", "type \"\""},
	{"<domain type='kvm'>", "<network>", "line 1"},
	{"x86_64", "aarch64", "architecture \"aarch64\""},
	{" arch='x86_64'", "", "architecture"},
	{">hvm<", ">exe<", "hvm"},
	{"<os>", "<os/><nothing>", "line 1"},
	{"<kernel>/k</kernel>", "", "no <kernel>"},
	{"<kernel>/k</kernel>", "<loader type='pflash'>/OVMF.fd</loader>", "no firmware"},
	{"<kernel>/k</kernel>", "<kernel>/k</kernel><kernel>/l</kernel>", "a second <kernel>"},
	{"<kernel>/k<", "<kernel>k<", "no absolute path"},
	{"<kernel>/k<", "<kernel><", "no absolute path"},
	{"<kernel>/k<", "<kernel>--exec=reboot<", "no absolute path"},
	{"<kernel>/k<", "<kernel>/k\n--exec\nreboot<", "control characters"},
	{"<kernel>/k<", "<kernel>/k&#27;[2J<", "line 1"},
	{"<kernel>/k<", "<kernel>/k&#x9b;2J<", "control characters"},
	{"<initrd>/i<", "<initrd>i<", "no absolute path"},
	{"<memory unit='MiB'>512</memory>", "", "no <memory>"},
	{">512<", "><", "no number"},
	{">512<", ">-512<", "no number"},
	{">512<", ">512MiB<", "no number"},
	{">512<", ">0x200<", "no number"},
	{">512<", ">99999999999999999999<", "no number"},
	{">512<", ">18446744073709551615<", "no number"},
	{"'MiB'", "'furlong'", "no number"},
	{"<vcpu>2", "<vcpu>", "<vcpu>"},
	{"<vcpu>2", "<vcpu>0", "<vcpu>"},
	{"<vcpu>2", "<vcpu>two", "<vcpu>"},
	{"<vcpu>2", "<vcpu current='-1'>2", "<vcpu>"},
	{"<devices>", "<devices/><devices>", "a second <devices>"},

	{"'track'", "'report-log'", "metadata cannot set \"report-log\""},
	{"'track'", "'report-socket'", "metadata cannot set"},
	{"'track'", "'stats'", "metadata cannot set"},
	{"'track'", "'gen-suppressions'", "metadata cannot set"},
	{"'track'", "'libvirt-record'", "metadata cannot set"},
	{"'track'", "'disk'", "metadata cannot set"},
	{"'track'", "'track=off'", "metadata cannot set"},
	{"'track'", "'t'", "metadata cannot set"},
	{"'track'", "''", "metadata cannot set"},
	{"name='track'", "", "a name and a value"},
	{"value='full'", "", "a name and a value"},
	{"'full'", "'full&#10;'", "control characters"},
	{"'track' value='full'", "'vmlinux' value='vmlinux'", "no absolute path"},
	{"<o:option ", "<o:optoin ", "<optoin>"},
	{"<o:option ", "<option ", "<option>"},

	{"<disk type='file'>", "<disk type='network'>", "type \"network\""},
	{"<disk type='file'>", "<disk>", "type \"\""},
	{"<disk type='file'>", "<disk type='file' device='lun'>", "a \"lun\""},
	{"type='raw'", "type='vmdk'", "convert it"},
	{"<source file='/d'/>", "", "without a source"},
	{"<source file='/d'/>", "<source dev='/d'/>", "without a source"},
	{"'/d'", "'d'", "no absolute path"},
	{"'/d'", "'/d,rw'", "','"},
	{"'/d'", "'/d&#10;'", "control characters"},
	{"<source file='/d'/>", "<source file='/d'><encryption format='luks'/></source>",
	 "encrypted"},
	{"<source file='/d'/>", "<source file='/d'><slices/></source>", "slices"},
	{"<target dev='vda'/>", "", "without a target"},
	{"<target dev='vda'/>", "<target/>", "without a target"},
	{"</disk>", "</disk><disk type='file'><source file='/e'/><target dev='vda'/></disk>",
	 "a second disk \"vda\""},

	{"type='user'", "type='hostdev'", "type \"hostdev\""},
	{"type='user'", "", "type \"\""},
	{"'52:54:00:00:00:01'", "'52:54:00:00:00:01,restrict'", "no MAC address"},
	{"'52:54:00:00:00:01'", "'52:54:00:00:00'", "no MAC address"},
	{"'52:54:00:00:00:01'", "'52-54-00-00-00-01'", "no MAC address"},
	{"'52:54:00:00:00:01'", "'53:54:00:00:00:01'", "no MAC address"},
	{"'52:54:00:00:00:01'", "''", "no MAC address"},
	{"proto='tcp'", "proto='sctp'", "tcp and udp"},
	{"proto='tcp'", "proto='tcp' address='::1'", "IPv4"},
	{"proto='tcp'", "proto='tcp' address='1.2.3.4,restrict'", "IPv4"},
	{"<range start='10022' to='22'/>", "", "ranges of ports"},
	{"start='10022'", "", "no range"},
	{"start='10022'", "start='0'", "no range"},
	{"start='10022'", "start='65536'", "no range"},
	{"start='10022'", "start='10022' end='10021'", "no range"},
	{"start='10022'", "start='1' end='65535'", "no range"},
	{"start='10022' to='22'", "start='1' end='17'", "more than 16 ports"},
	{"managed='no'", "", "tap device"},
	{"managed='no'", "managed='yes'", "tap device"},
	{"dev='tap0' ", "", "tap device"},
	{"'tap0'", "'tap0,mac=0'", "tap device"},
	{"'tap0'", "'../tap0'", "tap device"},
	{"'tap0'", "'averylongtapname'", "tap device"},

	{"<source path='/c'/>", "<source path='unix:/c'/>", "no absolute path"},
	{"<serial type='null'/>", "<serial type='file'><source path='stdio'/></serial>",
	 "no absolute path"},
	{"<cid address='3'/>", "", "CID"},
	{"<cid address='3'/>", "<cid address='2'/>", "CID"},
	{"<cid address='3'/>", "<cid address='4294967295'/>", "CID"},
	{"<cid address='3'/>", "<cid address='3,socket=/etc/passwd'/>", "CID"},
	{"<name>x</name>", "<name>a b</name>", "needs a <uuid>"},
	{"<source dir='/s'/>", "", "without a folder"},
	{"'/s'", "'/s,ro'", "','"},
	{"'/s'", "'s'", "no absolute path"},
	{"'tag'", "'a=b'", "without a tag"},
	{"'tag'", "'a,b'", "without a tag"},
	{"'tag'", "''", "without a tag"},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct change *c = &refused[i];
		struct domain_args args = {0};
		char err[256];

		if (parse(c, false, &args, err) != -1)
			fail_msg("%s -> %s: not refused", c->from, c->to);
		if (!strstr(err, c->wanted) || strncmp(err, "the domain's XML, ", 18) != 0)
			fail_msg("%s -> %s: \"%s\" instead of \"%s\"", c->from, c->to, err,
				 c->wanted);
		domain_args_deinit(&args);
	}
}

/* Each has this in its options. */
static const struct change taken[] = {
	{"x", "x",
	 "--name x --kernel /k --initrd /i --memory 512M --cpus 2 --disk /d "
	 "--net user,mac=52:54:00:00:00:01,hostfwd=tcp:0.0.0.0:10022-22 "
	 "--net tap,ifname=tap0 --serial null --console /c"},
	{"type='kvm'", "type='test'", "--name x"},
	{"<name>x</name>", "<name>-x</name><uuid>6f3b1a52</uuid>", "--name 6f3b1a52 "},
	{"<name>x</name>", "<name>-x</name><uuid>6f3b1a52</uuid>",
	 "socket=/run/kmc-6f3b1a52.vsock "},
	{"</os>", "<cmdline>--exec reboot\n\ta=b</cmdline></os>", "--append --exec reboot  a=b "},
	{" unit='MiB'>512", ">1048576", "--memory 1024M "},
	{" unit='MiB'>512", " unit='bytes'>104857600", "--memory 100M "},
	{" unit='MiB'>512", " unit='GB'>1", "--memory 953M "},
	{" unit='MiB'>512", " unit='TiB'>1", "--memory 1048576M "},
	{"<vcpu>2", "<vcpu current='1'>2", "--cpus 1 "},
	{"<vcpu>2</vcpu>", "", "--cpus 1 "},
	{"'track' value='full'", "'seed' value='--strict'", "--seed --strict "},
	{"'track' value='full'", "'rules' value='/r, s'", "--rules /r, s "},
	{"urn:kmc-vmm:domain:1", "urn:kmc-vmm:domain:2", "--disk /d"},
	{"type='raw'", "type='qcow2'", "--disk /d,format=qcow2 "},
	{"</disk>", "<readonly/></disk>", "--disk /d,ro "},
	{"<disk type='file'>", "<disk type='file' device='cdrom'>", "--disk /d,ro "},
	{"type='file'><driver type='raw'/><source file=", "type='block'><source dev=",
	 "--disk /d "},
	{"type='user'", "type='network'", "--net user,restrict,mac=52:54:00:00:00:01 "},
	{"type='user'", "type='direct'", "--net user,restrict,mac=52:54:00:00:00:01 "},
	{"<mac address='52:54:00:00:00:01'/>", "", "--net user,hostfwd=tcp:0.0.0.0:10022-22 "},
	{"start='10022' to='22'", "start='1' end='16'", "hostfwd=tcp:0.0.0.0:16-16 "},
	{"<serial type='null'/>", "<serial type='unix'><source mode='bind' path='/u'/></serial>",
	 "--serial unix:/u "},
	{"<serial type='null'/>", "<serial type='file'><source path='/f,g'/></serial>",
	 "--serial /f,g "},
	{"'/s'/>", "'/s'/><readonly/>", "--fs tag=/s,ro "},
	{"'isa'", "'pvpanic'", "--pvpanic "},
	{"</console>",
	 "</console><console type='unix'><source mode='bind' path='/v'/><target type='virtio'/>"
	 "</console>",
	 "--console /c --console unix:/v "},
	{"'/d'", "'/d &quot;&apos;$x;#'", "--disk /d \"'$x;# "},
	{"'/d'", "'/\xc3\xbc'", "--disk /\xc3\xbc "},
};

static void test_taken(void **state)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		const struct change *c = &taken[i];
		struct domain_args args = {0};
		char err[256], *all;

		if (parse(c, false, &args, err))
			fail_msg("%s -> %s: %s", c->from, c->to, err);
		all = join(&args);
		if (!strstr(all, c->wanted))
			fail_msg("%s -> %s: not \"%s\" in: %s", c->from, c->to, c->wanted, all);
		free(all);
		domain_args_deinit(&args);
	}
}

/* Each has this in the list of what is ignored, and nothing else. */
static const struct change ignored[] = {
	{"<vcpu>", "<vcpu cpuset='0'>", "vcpu/@cpuset"},
	{"<vcpu>", "<currentMemory>1</currentMemory><vcpu>", "currentMemory"},
	{"<os>", "<launchSecurity type='sev'/><os>", "launchSecurity"},
	{"<os>", "<features><hyperv/></features><os>", "features/hyperv"},
	{"<os>", "<cpu mode='custom'/><os>", "cpu/@mode"},
	{"<os>", "<x:y xmlns:x='urn:x'><z/></x:y><os>", "x:y"},
	{"<name>x</name>", "<name>x</name><z:name xmlns:z='urn:z'>y</z:name>", "z:name"},
	{"<kernel>", "<loader>/OVMF.fd</loader><kernel>", "os/loader"},
	{"</disk>", "<shareable/></disk>", "devices/disk/shareable"},
	{"dev='vda'", "dev='sda' bus='sata'", "devices/disk/target/@bus"},
	{"<devices>", "<devices><disk device='floppy'/>", "devices/disk[1]"},
	{"</interface>", "<model type='e1000'/></interface>", "devices/interface[1]/model/@type"},
	{"</interface>", "<link state='down'/></interface>", "devices/interface[1]/link"},
	{"<serial type='null'/>", "<serial type='unix'><source mode='connect' path='/u'/></serial>",
	 "devices/serial"},
	{"<serial type='null'/>", "<serial type='null'/><serial type='null'/>",
	 "devices/serial[2]"},
	{"<console type='file'>", "<console type='pty'>", "devices/console"},
	{"random'>/dev/urandom", "random'>/dev/hwrng", "devices/rng/backend"},
	{"</vsock>", "</vsock><vsock/>", "devices/vsock[2]"},
	{"<filesystem>", "<filesystem type='mount'>", "devices/filesystem/@type"},
	{"<filesystem>", "<filesystem type='ram'>", "devices/filesystem"},
	{"'isa'", "'hyperv'", "devices/panic"},
	{"<devices>", "<devices><graphics type='vnc'><listen/></graphics>", "devices/graphics"},
	{"<devices>", "<devices><video><model type='vga' vram='1'/></video>", "devices/video"},
};

static void test_ignored(void **state)
{
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		const struct change *c = &ignored[i];
		struct domain_args args = {0};
		char err[256];

		if (parse(c, false, &args, err))
			fail_msg("%s -> %s: %s", c->from, c->to, err);
		if (args.nignored != 1 || strcmp(args.ignored[0].path, c->wanted) != 0)
			fail_msg("%s -> %s: %u ignored, %s", c->from, c->to, args.nignored,
				 args.nignored ? args.ignored[0].path : "");
		domain_args_deinit(&args);
	}
}

/* A domain that boots from its disk will do where the user has named a kernel. */
static void test_kernel_given(void **state)
{
	const struct change none = {"<kernel>/k</kernel><initrd>/i</initrd>", "<boot dev='hd'/>",
				    NULL};
	struct domain_args args = {0};
	char err[256];

	assert_int_equal(parse(&none, true, &args, err), 0);
	assert_int_equal(args.nignored, 0);
	assert_string_equal(args.argv[2], "--memory");
	domain_args_deinit(&args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_kernel_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
