/* SPDX-License-Identifier: GPL-2.0-only */
/* agent_file.h: finds the guest agent that fits a kernel. Used by main.c. */
#ifndef KMC_AGENT_FILE_H
#define KMC_AGENT_FILE_H

#include <stddef.h>

/*
 * given: --agent's value, or NULL to look for kmc_agent-RELEASE.ko in $KMC_AGENT_DIR, beside the
 * program (agents/) and where it is installed. 0 with the path, or -1 with one line in err.
 */
int agent_file_find(const char *given, const char *release, char *path, size_t size, char *err,
		    size_t errlen);

#endif
