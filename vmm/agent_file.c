// SPDX-License-Identifier: GPL-2.0-only
/* agent_file.c: see agent_file.h. A module for another release would only fail later, in the guest. */
#include "agent_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_LIMIT (64u << 20)

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *bytes = NULL;
	long size;

	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) > 0 && size <= (long)MODULE_LIMIT &&
	    fseek(f, 0, SEEK_SET) == 0 && (bytes = malloc((size_t)size + 1))) {
		*len = fread(bytes, 1, (size_t)size, f);
		bytes[*len] = '\0';
	}
	fclose(f);
	return bytes;
}

/* .modinfo holds "vermagic=RELEASE SMP ..."; its strings are NUL-terminated. */
static bool module_is_for(const char *bytes, size_t len, const char *release, char *found,
			  size_t size)
{
	static const char key[] = "vermagic=";
	const char *at = memmem(bytes, len, key, sizeof(key) - 1);
	size_t n;

	snprintf(found, size, "no kernel module");
	if (!at)
		return false;
	at += sizeof(key) - 1;
	n = strcspn(at, " ");
	snprintf(found, size, "for %.*s", (int)(n > 64 ? 64 : n), at);
	return strlen(release) == n && !strncmp(at, release, n);
}

static int check_given(const char *path, const char *release, char *err, size_t errlen)
{
	char found[96];
	size_t len;
	char *bytes = read_file(path, &len);
	bool fits;

	if (!bytes) {
		snprintf(err, errlen, "%s: %s: give the guest agent's module", path,
			 errno ? strerror(errno) : "cannot be read");
		return -1;
	}
	fits = module_is_for(bytes, len, release, found, sizeof(found));
	free(bytes);
	if (fits)
		return 0;
	snprintf(err, errlen,
		 "%s: the agent is %s, the kernel is %s: build it with guest-agent/build-agent %s",
		 path, found, release, release);
	return -1;
}

int agent_file_find(const char *given, const char *release, char *path, size_t size, char *err,
		    size_t errlen)
{
	char exe[PATH_MAX], beside[PATH_MAX + 16];
	const char *dirs[] = { getenv("KMC_AGENT_DIR"), beside, KMC_AGENT_INSTALL_DIR };
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (given) {
		snprintf(path, size, "%s", given);
		return check_given(path, release, err, errlen);
	}
	exe[n < 0 ? 0 : n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	snprintf(beside, sizeof(beside), "%s/agents", exe);
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (!dirs[i])
			continue;
		snprintf(path, size, "%s/kmc_agent-%s.ko", dirs[i], release);
		if (access(path, R_OK) == 0)
			return check_given(path, release, err, errlen);
	}
	snprintf(err, errlen,
		 "no guest agent for %s: build it with guest-agent/build-agent %s, or run without "
		 "checks (--checks none)", release, release);
	return -1;
}
