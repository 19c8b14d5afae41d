// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvirt_connection.c: libvirt_domain.h against libvirt's own test driver. All connections of a
 * process to test:///default have the same domains, as long as one of them is open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libvirt/libvirt.h>

#include "libvirt_domain.h"

#define URI "test:///default"

static const struct libvirt_domain domain = {.uri = URI, .name = "kmc"};
static const struct domain_context context = {.runtime_dir = "/run"};
static const char xml[] =
	"<domain type='kvm'><name>kmc</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>"
	"<os><type arch='x86_64'>hvm</type><kernel>/k</kernel></os>"
	"<metadata><o:options xmlns:o='urn:kmc-vmm:domain:1'><o:option name='seed' value='7'/>"
	"</o:options></metadata></domain>";

static int define(void **state)
{
	virConnectPtr c = virConnectOpen(URI);
	virDomainPtr d = c ? virDomainDefineXML(c, xml) : NULL;

	*state = c;
	if (d)
		virDomainFree(d);
	return d ? 0 : -1;
}

static int forget(void **state)
{
	virDomainPtr d = virDomainLookupByName(*state, "kmc");

	if (virDomainIsActive(d))
		virDomainDestroy(d);
	virDomainUndefine(d);
	virDomainFree(d);
	return virConnectClose(*state);
}

static void test_args(void **state)
{
	struct domain_args args = {0};
	char err[256];
	bool active = true;

	assert_int_equal(libvirt_domain_args(&domain, &context, &args, &active, err, sizeof(err)),
			 0);
	assert_false(active);
	assert_int_equal(args.argc, 10);
	assert_string_equal(args.argv[0], "--name");
	assert_string_equal(args.argv[3], "/k");
	assert_string_equal(args.argv[8], "--seed");
	assert_string_equal(args.argv[9], "7");
	assert_int_equal(args.nignored, 0);
	domain_args_deinit(&args);
}

static void test_active(void **state)
{
	virDomainPtr d = virDomainLookupByName(*state, "kmc");
	struct domain_args args = {0};
	char err[256];
	bool active = false;

	assert_int_equal(virDomainCreate(d), 0);
	virDomainFree(d);
	assert_int_equal(libvirt_domain_args(&domain, &context, &args, &active, err, sizeof(err)),
			 0);
	assert_true(active);
	domain_args_deinit(&args);
}

static void test_missing(void **state)
{
	const struct libvirt_domain none = {.uri = URI, .name = "no\nsuch"};
	struct domain_args args = {0};
	char err[256];
	bool active;

	assert_int_equal(libvirt_domain_args(&none, &context, &args, &active, err, sizeof(err)),
			 -1);
	assert_non_null(strstr(err, "has no domain \"no such\""));
	assert_int_equal(libvirt_domain_writable(&none, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "has no domain"));
}

static void test_no_connection(void **state)
{
	const struct libvirt_domain none = {.uri = "nonsense:///", .name = "kmc"};
	struct domain_args args = {0};
	char err[256];
	bool active;

	assert_int_equal(libvirt_domain_args(&none, &context, &args, &active, err, sizeof(err)),
			 -1);
	assert_non_null(strstr(err, "no connection to nonsense:///"));
	assert_int_equal(libvirt_domain_writable(&none, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "no writable connection to nonsense:///"));
	assert_null(strchr(err, '\n'));
}

/* What is stored there now; free() it. NULL: nothing. */
static char *metadata(void **state, const char *urn)
{
	virDomainPtr d = virDomainLookupByName(*state, "kmc");
	char *text =
		virDomainGetMetadata(d, VIR_DOMAIN_METADATA_ELEMENT, urn, VIR_DOMAIN_AFFECT_CONFIG);

	virDomainFree(d);
	return text;
}

static void assert_metadata(void **state, const char *urn, const char *wanted)
{
	char *text = metadata(state, urn);

	assert_non_null(text);
	if (!strstr(text, wanted))
		fail_msg("not \"%s\" in \"%s\"", wanted, text);
	free(text);
}

static void test_record(void **state)
{
	static const char report[] = "{\"v\":1,\"title\":\"BUG: a<b & ]]>\"}";
	struct libvirt_run run = {.end = "report",
				  .status = 40,
				  .reports = 2,
				  .report = report,
				  .report_len = sizeof(report) - 1};
	struct domain_args args = {0};
	char err[256];
	bool active;

	assert_int_equal(libvirt_domain_writable(&domain, err, sizeof(err)), 0);
	assert_null(metadata(state, LIBVIRT_RUN_URN));
	assert_int_equal(libvirt_domain_record(&domain, &run, err, sizeof(err)), 0);
	assert_metadata(state, LIBVIRT_RUN_URN,
			"end=\"report\" status=\"40\" reports=\"2\" ended=\"20");
	assert_metadata(state, LIBVIRT_RUN_URN,
			"{\"v\":1,\"title\":\"BUG: a&lt;b &amp; ]]&gt;\"}</run>");
	assert_metadata(state, DOMAIN_OPTIONS_URN, "value=\"7\"");

	/* The next one replaces it; the domain is still one that can be booted. */
	run = (struct libvirt_run){.end = "power-off"};
	assert_int_equal(libvirt_domain_record(&domain, &run, err, sizeof(err)), 0);
	assert_metadata(state, LIBVIRT_RUN_URN, "end=\"power-off\" status=\"0\" reports=\"0\"");
	assert_int_equal(libvirt_domain_args(&domain, &context, &args, &active, err, sizeof(err)),
			 0);
	assert_int_equal(args.argc, 10);
	assert_int_equal(args.nignored, 0);
	domain_args_deinit(&args);
}

static void test_record_too_large(void **state)
{
	struct libvirt_run run = {.end = "reset", .report_len = LIBVIRT_REPORT_MAX + 1};
	char *large = malloc(run.report_len + 1), err[256];

	memset(large, 'x', run.report_len);
	large[run.report_len] = '\0';
	run.report = large;
	assert_int_equal(libvirt_domain_record(&domain, &run, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "too large"));
	run.report_len--;
	assert_int_equal(libvirt_domain_record(&domain, &run, err, sizeof(err)), 0);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_args, define, forget),
		cmocka_unit_test_setup_teardown(test_active, define, forget),
		cmocka_unit_test_setup_teardown(test_missing, define, forget),
		cmocka_unit_test_setup_teardown(test_no_connection, define, forget),
		cmocka_unit_test_setup_teardown(test_record, define, forget),
		cmocka_unit_test_setup_teardown(test_record_too_large, define, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
