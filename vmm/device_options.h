/* SPDX-License-Identifier: GPL-2.0-only */
/* device_options.h: --disk and --net. Used by options.c. */
#ifndef KMC_DEVICE_OPTIONS_H
#define KMC_DEVICE_OPTIONS_H

#include "devices.h"

/*
 * Adds what the option's value says to c. NULL, or what the user should do about it. The value of
 * --disk is copied and stays, for the path is in it.
 */
const char *device_option_disk(struct devices_config *c, const char *value);
const char *device_option_net(struct devices_config *c, const char *value);

#endif
